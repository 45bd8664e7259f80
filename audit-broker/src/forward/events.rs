//! A stream of events on its way to somebody who may not see all of them.
//!
//! Knows that an event may tell of a container at which nobody has looked yet: that of its making
//! comes before the answer to who makes it.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use crate::answer::Filter;
use crate::call::Call;
use crate::view::{EventLines, containers_of, seen_events};
use crate::visibility::Viewer;

/// What is left of a stream of events.
pub(super) struct Events {
    call: Rc<Call>,
    viewer: Rc<Viewer>,
    lines: EventLines,
    looking: Option<Pin<Box<dyn Future<Output = Vec<u8>>>>>,
}

impl Events {
    pub(super) fn of(call: &Rc<Call>) -> Self {
        let (call, viewer) = (Rc::clone(call), Rc::new(Viewer::of(call)));
        Self { call, viewer, lines: EventLines::default(), looking: None }
    }
}

impl Filter for Events {
    /// Looks at the lines that have become whole with this piece.
    fn take(&mut self, piece: &[u8]) {
        let lines = self.lines.take(piece);
        let (call, viewer) = (Rc::clone(&self.call), Rc::clone(&self.viewer));
        self.looking = Some(Box::pin(async move {
            for id in containers_of(&lines) {
                // One that stays unknown is left out.
                viewer.learn_container(&call, &id).await;
            }
            seen_events(&lines, &mut |seen| viewer.may_see(seen))
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
