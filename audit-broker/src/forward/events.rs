//! Filters a stream of events for a caller who may not see all of them.
//!
//! An event may be about an object that the broker does not know yet: dockerd sends the event before it
//! responds to the call that makes the object. Events about volumes and networks carry no labels, so
//! the broker asks dockerd about each volume and network. It caches the result, and shows no event
//! before it knows the owner.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::call::Call;
use crate::call::response::Filter;
use crate::forward::view::{Event, EventLine, EventLines, Labels, ResponseObject};
use crate::forward::viewer::{FoundObject, Viewer};
use crate::owner::OwnedKind;

/// How many volumes and networks the cache of one stream holds.
const CACHE_LIMIT: usize = 10_000;

/// The filter for a stream of events.
pub(super) struct Events {
    stream: Rc<EventStream>,
    lines: EventLines,
    filtering: Option<Pin<Box<dyn Future<Output = Vec<u8>>>>>,
}

struct EventStream {
    call: Rc<Call>,
    viewer: Viewer,
    /// Volumes by name and networks by id, as they were when dockerd last had them.
    cache: RefCell<HashMap<(OwnedKind, String), FoundObject>>,
}

impl Events {
    pub(super) fn of(call: &Rc<Call>) -> Self {
        let (call, viewer) = (Rc::clone(call), Viewer::of(call));
        let stream = Rc::new(EventStream { call, viewer, cache: RefCell::default() });
        Self { stream, lines: EventLines::default(), filtering: None }
    }
}

impl Filter for Events {
    /// Filters the lines that this piece completes.
    fn take(&mut self, piece: &[u8]) {
        let (lines, stream) = (self.lines.take(piece), Rc::clone(&self.stream));
        self.filtering = Some(Box::pin(async move {
            let mut seen = Vec::new();
            for line in lines {
                seen.extend(stream.seen(line).await.unwrap_or_default().into_bytes());
            }
            seen
        }));
    }

    fn end(&mut self) {}

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let Some(filtering) = &mut self.filtering else { return Poll::Ready(None) };
        let seen = ready!(filtering.as_mut().poll(context));
        self.filtering = None;
        Poll::Ready(Some(seen))
    }
}

impl EventStream {
    /// The line as the caller sees it, if the caller may see it.
    async fn seen(&self, line: EventLine) -> Option<String> {
        let event = Event::read(line)?;
        let mut labels = None;
        if let Some(id) = event.container() {
            self.viewer.look_up_container(&self.call, id).await;
            if event.is_shortened {
                labels = self.viewer.labels_of_container(&self.call, id).await;
            }
        }
        self.look_up_object(&event).await;
        let seen = event.seen(&mut |seen| self.may_see(seen, event.is_shortened, labels.as_ref()));
        seen.map(std::borrow::Cow::into_owned)
    }

    /// Asks dockerd about the volume or network. A removed object stays in the cache as it was.
    async fn look_up_object(&self, event: &Event) {
        let Event { kind: kind @ (OwnedKind::Volume | OwnedKind::Network), id, .. } = event else {
            return;
        };
        let found = self.viewer.find(&self.call, *kind, id).await;
        let mut cache = self.cache.borrow_mut();
        if cache.len() >= CACHE_LIMIT {
            cache.clear();
        }
        match found {
            Ok(Some(found)) => _ = cache.insert((*kind, id.clone()), found),
            Ok(None) => {}
            Err(error) => {
                // The name may belong to another object by now.
                cache.remove(&(*kind, id.clone()));
                tracing::debug!("could not find {} {id} of an event: {error}", kind.name());
            }
        }
    }

    fn may_see(
        &self,
        seen: &ResponseObject<'_>,
        is_shortened: bool,
        labels: Option<&Labels>,
    ) -> bool {
        let viewer = &self.viewer;
        match seen.kind {
            OwnedKind::Volume | OwnedKind::Network => {
                let cache = self.cache.borrow();
                let found = cache.get(&(seen.kind, seen.id.to_owned()));
                found.cloned().or_else(|| viewer.last_known(seen.kind, seen.id)).map_or_else(
                    || viewer.may_see_unknown(seen.kind),
                    |found| viewer.may_see_found(seen.kind, seen.id, &found),
                )
            }
            OwnedKind::Container if !viewer.knows_container(seen.id) => {
                viewer.may_see_unknown(seen.kind)
            }
            // Policies may depend on labels, which a shortened event lacks.
            OwnedKind::Container if is_shortened => match labels {
                Some(labels) => viewer.may_see(&ResponseObject { labels, ..seen.clone() }),
                None => viewer.may_see_unknown(seen.kind),
            },
            OwnedKind::Image if is_shortened => viewer.may_see_unknown(seen.kind),
            OwnedKind::Container
            | OwnedKind::Exec
            | OwnedKind::Image
            | OwnedKind::ImageName
            | OwnedKind::PulledName
            | OwnedKind::Builder
            | OwnedKind::Build
            | OwnedKind::Plugin
            | OwnedKind::Node
            | OwnedKind::Service
            | OwnedKind::Secret
            | OwnedKind::Config
            | OwnedKind::Daemon => viewer.may_see(seen),
        }
    }
}
