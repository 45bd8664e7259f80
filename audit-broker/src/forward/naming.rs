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
use crate::api::operation::{BuildOperation, Operation};
use crate::api::request::Head;
use crate::call::Call;
use crate::call::answer::Filter;
use crate::call::stop::Stop;
use crate::dockerd::upstream::Unreachable;
use crate::judge::build_cache;

/// What the query says of names.
const KEYS: [&str; 3] = ["t", "repo", "tag"];

/// Keys of the query that dockerd does not get, since the broker does itself what they say.
pub(super) fn left_out(call: &Call) -> Vec<&'static str> {
    let names = if call.plan.names_itself { KEYS.as_slice() } else { &[] };
    let quiet = is_quiet_build(&call.action.head).then_some("q");
    names.iter().copied().chain(quiet).collect()
}

/// Whether it is a build of which the client wants the image's id only. dockerd tells the broker all of
/// it, since only that shows whether the build made the image.
pub(super) fn is_quiet_build(head: &Head) -> bool {
    head.route.operation == Operation::Build(BuildOperation::Run)
        && head.query.text("q") == Some("1")
        && build_cache::is_classic(&head.query)
}

/// How much of a quiet build's output is kept for the case that it fails, in bytes.
const HIDDEN_LIMIT_BYTES: usize = 1 << 20;

/// Where the id of the image is put that was made.
pub(super) type ImageMade = Rc<Cell<Option<String>>>;

/// A stream of progress, at the end of which the image that was made gets its names.
pub(super) struct Naming {
    call: Rc<Call>,
    made: ImageMade,
    piece: Option<Vec<u8>>,
    /// What a quiet build has told so far.
    hidden: Option<Vec<u8>>,
    /// Goes on even if the caller goes away.
    last: Option<JoinHandle<Vec<u8>>>,
}

impl Naming {
    pub(super) fn of(call: &Rc<Call>, made: ImageMade) -> Self {
        let hidden = is_quiet_build(&call.action.head).then(Vec::new);
        Self { call: Rc::clone(call), made, piece: None, hidden, last: None }
    }
}

impl Filter for Naming {
    fn take(&mut self, piece: &[u8]) {
        match &mut self.hidden {
            Some(hidden) => hide(hidden, piece),
            None => self.piece = Some(piece.to_vec()),
        }
    }

    fn end(&mut self) {
        let Some(id) = self.made.take() else {
            // It failed: dockerd tells all of it then.
            self.piece = self.hidden.take();
            return;
        };
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

/// Keeps what a quiet build tells, from the start of a line on where it is too much.
fn hide(hidden: &mut Vec<u8>, piece: &[u8]) {
    hidden.extend_from_slice(piece);
    if hidden.len() > HIDDEN_LIMIT_BYTES {
        let half = hidden.split_off(hidden.len() / 2);
        let line = half.iter().position(|byte| *byte == b'\n').map_or(half.len(), |end| end + 1);
        *hidden = half.get(line..).unwrap_or_default().to_vec();
    }
}

/// Gives the names, and tells it as dockerd does.
async fn progress(call: &Rc<Call>, image_id: &str) -> Vec<u8> {
    let mut told = Vec::new();
    let head = &call.action.head;
    let is_quiet = is_quiet_build(head);
    if is_quiet {
        told = json!({"stream": format!("{image_id}\n")}).to_string().into_bytes();
        told.extend_from_slice(b"\r\n");
    }
    if !call.plan.names_itself {
        return told;
    }
    let is_silent = head.route.operation != Operation::Build(BuildOperation::Run) || is_quiet;
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
