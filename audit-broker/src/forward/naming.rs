//! Names for a new image.
//!
//! dockerd would give the names at the end of a build or import, and the caller controls how long that
//! takes. Another image may have the names by then. Therefore the broker gives each name itself: it
//! takes the lock of the name, and asks the policies again.

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
use crate::call::response::Filter;
use crate::call::stop::Stop;
use crate::dockerd::upstream::Unreachable;
use crate::judge::build_cache;

/// The keys of the query that name an image.
const NAME_KEYS: [&str; 3] = ["t", "repo", "tag"];

/// The keys of the query that the broker withholds from dockerd, because it does their work itself.
pub(super) fn keys_left_out(call: &Call) -> Vec<&'static str> {
    let names = if call.plan.broker_names_image { NAME_KEYS.as_slice() } else { &[] };
    let quiet = is_quiet_build(&call.action.head).then_some("q");
    names.iter().copied().chain(quiet).collect()
}

/// Whether the call is a classic build with `q`, which prints only the image's id. The broker asks
/// dockerd for the whole output, since only that shows whether the build made the image.
pub(super) fn is_quiet_build(head: &Head) -> bool {
    head.route.operation == Operation::Build(BuildOperation::Run)
        && head.query.text("q") == Some("1")
        && build_cache::is_classic(&head.query)
}

/// How much of a quiet build's output the broker buffers, in bytes. The client gets the output if the
/// build fails.
const HIDDEN_LIMIT_BYTES: usize = 1 << 20;

/// The id of the image that the call made, once it is known.
pub(super) type ImageMade = Rc<Cell<Option<String>>>;

/// A filter for a stream of progress. At the end of the stream, it names the new image.
pub(super) struct Naming {
    call: Rc<Call>,
    made: ImageMade,
    piece: Option<Vec<u8>>,
    /// The output of a quiet build so far.
    hidden: Option<Vec<u8>>,
    /// The task that gives the names and returns the last lines of the response. It runs even if the
    /// client disconnects.
    last_lines: Option<JoinHandle<Vec<u8>>>,
}

impl Naming {
    pub(super) fn of(call: &Rc<Call>, made: ImageMade) -> Self {
        let hidden = is_quiet_build(&call.action.head).then(Vec::new);
        Self { call: Rc::clone(call), made, piece: None, hidden, last_lines: None }
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
            // The build failed, so the client gets the whole output.
            self.piece = self.hidden.take();
            return;
        };
        let call = Rc::clone(&self.call);
        self.last_lines = Some(tokio::task::spawn_local(async move { progress(&call, &id).await }));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if let Some(piece) = self.piece.take() {
            return Poll::Ready(Some(piece));
        }
        let Some(last_lines) = &mut self.last_lines else { return Poll::Ready(None) };
        let lines = ready!(Pin::new(last_lines).poll(context)).unwrap_or_default();
        self.last_lines = None;
        Poll::Ready(Some(lines))
    }
}

/// Buffers the output of a quiet build. Drops the oldest lines beyond the limit.
fn hide(hidden: &mut Vec<u8>, piece: &[u8]) {
    hidden.extend_from_slice(piece);
    if hidden.len() > HIDDEN_LIMIT_BYTES {
        let half = hidden.split_off(hidden.len() / 2);
        let line = half.iter().position(|byte| *byte == b'\n').map_or(half.len(), |end| end + 1);
        *hidden = half.get(line..).unwrap_or_default().to_vec();
    }
}

/// Gives the names, and returns lines of progress like dockerd's.
async fn progress(call: &Rc<Call>, image_id: &str) -> Vec<u8> {
    let mut lines = Vec::new();
    let head = &call.action.head;
    let is_quiet = is_quiet_build(head);
    if is_quiet {
        lines = json!({"stream": format!("{image_id}\n")}).to_string().into_bytes();
        lines.extend_from_slice(b"\r\n");
    }
    if !call.plan.broker_names_image {
        return lines;
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
        lines.extend_from_slice(line.to_string().as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

/// Gives an image all names that the call asks for, even if the client disconnects.
///
/// # Errors
/// The error of the first name that the image cannot get.
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
