//! Names for an image, when it is made.
//!
//! dockerd would give them at the end of a build or import, and the caller decides how long that takes.
//! Another image may have them by then. So the broker gives them itself, each under its lock and after
//! it has decided again.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use serde_json::json;
use tokio::task::JoinHandle;

use super::name_change::give;
use crate::answer::Filter;
use crate::call::{Call, Stop};
use crate::upstream::Unreachable;

/// What the query says of names.
pub(super) const KEYS: [&str; 3] = ["t", "repo", "tag"];

/// Where the id of the image is put that was made.
pub(super) type ImageMade = Rc<Cell<Option<String>>>;

/// A stream of progress, at the end of which the image that was made gets its names.
pub(super) struct Naming {
    call: Rc<Call>,
    made: ImageMade,
    piece: Option<Vec<u8>>,
    /// Goes on even if the caller goes away.
    last: Option<JoinHandle<Vec<u8>>>,
}

impl Naming {
    pub(super) fn of(call: &Rc<Call>, made: ImageMade) -> Self {
        Self { call: Rc::clone(call), made, piece: None, last: None }
    }
}

impl Filter for Naming {
    fn take(&mut self, piece: &[u8]) {
        self.piece = Some(piece.to_vec());
    }

    fn end(&mut self) {
        let Some(id) = self.made.take() else { return };
        let call = Rc::clone(&self.call);
        self.last = Some(tokio::task::spawn_local(async move { progress(&call, &id).await }));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if let Some(piece) = self.piece.take() {
            return Poll::Ready(Some(piece));
        }
        let Some(last) = &mut self.last else { return Poll::Ready(None) };
        let told = ready!(Pin::new(last).poll(context)).unwrap_or_default();
        self.last = None;
        Poll::Ready(Some(told))
    }
}

/// Gives the names, and tells it as dockerd does.
async fn progress(call: &Call, image_id: &str) -> Vec<u8> {
    let mut told = Vec::new();
    let head = &call.action.head;
    let is_silent = head.route.op != "build" || head.query.text("q") == Some("1");
    for taken in &call.action.references.names_taken {
        let line = match give(call, &taken.name, image_id).await {
            Ok(()) if is_silent => continue,
            Ok(()) => json!({"stream": format!("Successfully tagged {}\n", taken.name)}),
            Err(stop) => {
                let message = stop.message();
                json!({"errorDetail": {"message": message}, "error": message})
            }
        };
        told.extend_from_slice(line.to_string().as_bytes());
        told.extend_from_slice(b"\r\n");
    }
    told
}

/// Gives an image all names that the call asks for, to the end even if the caller goes away.
///
/// # Errors
/// That of the first name that it does not get.
pub(super) async fn give_names(call: &Rc<Call>, image_id: String) -> Result<(), Stop> {
    let call = Rc::clone(call);
    let given = tokio::task::spawn_local(async move {
        for taken in &call.action.references.names_taken {
            give(&call, &taken.name, &image_id).await?;
        }
        Ok(())
    });
    given.await.unwrap_or_else(|error| Err(Unreachable::NoAnswer { source: error.into() }.into()))
}
