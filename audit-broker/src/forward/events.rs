//! A stream of events on its way to a caller who may not see all of them.
//!
//! An event may tell of an object that the broker has not seen yet: dockerd sends it before it answers
//! the call that makes the object. Events of volumes and networks carry no labels, so the broker asks
//! dockerd for each, once in a stream. It shows no event before it knows the owner.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::call::Call;
use crate::call::answer::Filter;
use crate::forward::view::{Event, EventLine, EventLines, Labels, Seen};
use crate::forward::viewer::{FoundObject, Viewer};
use crate::owner::OwnedKind;

/// Most volumes and networks that one stream remembers. It asks for others again.
const KNOWN_LIMIT: usize = 10_000;

/// What is left of a stream of events.
pub(super) struct Events {
    stream: Rc<EventStream>,
    lines: EventLines,
    looking: Option<Pin<Box<dyn Future<Output = Vec<u8>>>>>,
}

struct EventStream {
    call: Rc<Call>,
    viewer: Viewer,
    /// Volumes by name and networks by id, as they were when they were last there.
    known: RefCell<HashMap<(OwnedKind, String), FoundObject>>,
}

impl Events {
    pub(super) fn of(call: &Rc<Call>) -> Self {
        let (call, viewer) = (Rc::clone(call), Viewer::of(call));
        let stream = Rc::new(EventStream { call, viewer, known: RefCell::default() });
        Self { stream, lines: EventLines::default(), looking: None }
    }
}

impl Filter for Events {
    /// Looks at the lines that have become whole with this piece.
    fn take(&mut self, piece: &[u8]) {
        let (lines, stream) = (self.lines.take(piece), Rc::clone(&self.stream));
        self.looking = Some(Box::pin(async move {
            let mut seen = Vec::new();
            for line in lines {
                seen.extend(stream.seen(line).await.unwrap_or_default().into_bytes());
            }
            seen
        }));
    }

    fn end(&mut self) {}

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let Some(looking) = &mut self.looking else { return Poll::Ready(None) };
        let seen = ready!(looking.as_mut().poll(context));
        self.looking = None;
        Poll::Ready(Some(seen))
    }
}

impl EventStream {
    /// The line, if the caller may see it.
    async fn seen(&self, line: EventLine) -> Option<String> {
        let event = Event::read(line)?;
        let mut labels = None;
        if let Some(id) = event.container() {
            self.viewer.learn_container(&self.call, id).await;
            if event.is_shortened {
                labels = self.viewer.labels_of_container(&self.call, id).await;
            }
        }
        self.learn_object(&event).await;
        let seen = event.seen(&mut |seen| self.may_see(seen, event.is_shortened, labels.as_ref()));
        seen.map(std::borrow::Cow::into_owned)
    }

    /// Asks dockerd for the volume or network. What is gone stays as it was when it was last there.
    async fn learn_object(&self, event: &Event) {
        let Event { kind: kind @ (OwnedKind::Volume | OwnedKind::Network), id, .. } = event else {
            return;
        };
        let found = self.viewer.find(&self.call, *kind, id).await;
        let mut known = self.known.borrow_mut();
        if known.len() >= KNOWN_LIMIT {
            known.clear();
        }
        match found {
            Ok(Some(found)) => _ = known.insert((*kind, id.clone()), found),
            Ok(None) => {}
            Err(error) => {
                // It may be another one by now.
                known.remove(&(*kind, id.clone()));
                tracing::debug!("an event is about {} {id}: {error}", kind.name());
            }
        }
    }

    fn may_see(&self, seen: &Seen<'_>, is_shortened: bool, labels: Option<&Labels>) -> bool {
        let viewer = &self.viewer;
        match seen.kind {
            OwnedKind::Volume | OwnedKind::Network => {
                let known = self.known.borrow();
                let found = known.get(&(seen.kind, seen.id.to_owned()));
                found.cloned().or_else(|| viewer.last_known(seen.kind, seen.id)).map_or_else(
                    || viewer.may_see_unknown(seen.kind),
                    |found| viewer.may_see_found(seen.kind, seen.id, &found),
                )
            }
            OwnedKind::Container if !viewer.knows_container(seen.id) => {
                viewer.may_see_unknown(seen.kind)
            }
            // Policies may speak of its labels, which a shortened event lacks.
            OwnedKind::Container if is_shortened => match labels {
                Some(labels) => viewer.may_see(&Seen { labels, ..seen.clone() }),
                None => viewer.may_see_unknown(seen.kind),
            },
            _ => viewer.may_see(seen),
        }
    }
}
