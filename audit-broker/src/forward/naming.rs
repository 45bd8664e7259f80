//! Names for an image, when it is made.
//!
//! dockerd would give them at the end of a build or import, which whoever asks for it can make last.
//! What they were judged by may be another image's by then, so it is looked at anew, and the broker
//! gives them itself.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::Method;
use serde_json::json;

use super::claim_name;
use crate::action::NameTaken;
use crate::answer::Filter;
use crate::call::Call;
use crate::case::{Case, name_step};
use crate::decision::{Decision, decide};
use crate::policy;
use crate::reference::holder_of;
use crate::request::percent;
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
    last: Option<Pin<Box<dyn Future<Output = Vec<u8>>>>>,
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
        self.last = Some(Box::pin(async move { progress(&call, &id).await }));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if let Some(piece) = self.piece.take() {
            return Poll::Ready(Some(piece));
        }
        let Some(last) = &mut self.last else { return Poll::Ready(None) };
        let told = ready!(last.as_mut().poll(context));
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
        let line = match give_name(call, &taken.name, image_id).await {
            Ok(()) if is_silent => continue,
            Ok(()) => json!({"stream": format!("Successfully tagged {}\n", taken.name)}),
            Err(message) => json!({"errorDetail": {"message": message}, "error": message}),
        };
        told.extend_from_slice(line.to_string().as_bytes());
        told.extend_from_slice(b"\r\n");
    }
    told
}

/// Gives an image all names that the call asks for.
///
/// # Errors
/// What is told to the client of the first that it does not get.
pub(super) async fn give_names(call: &Call, image_id: &str) -> Result<(), String> {
    for taken in &call.action.references.names_taken {
        give_name(call, &taken.name, image_id).await?;
    }
    Ok(())
}

/// Gives an image a name, if that is allowed now.
async fn give_name(call: &Call, name: &str, image_id: &str) -> Result<(), String> {
    let unreachable = |error: Unreachable| error.to_string();
    let (connection, version) = (&call.connection, call.version);
    let holder = holder_of(name, version, &connection.upstream).await.map_err(unreachable)?;
    let taken = NameTaken { name: name.to_owned(), holder };
    let case = Case {
        call: policy::Call::default(),
        steps: vec![name_step(&taken, &connection.registrar(version)).await],
        is_foreign_exec: false,
        asks_for: Vec::new(),
    };
    if let Decision::Deny(denial) =
        decide(&connection.shared.policy(), call.settings.mode, &call.principal, &case)
    {
        if let Err(stop) = call.record_denial(&denial).await {
            tracing::error!("that {name} is denied is not on record: {stop:?}");
        }
        return Err(denial.told(&call.settings.denial_help));
    }
    let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let target = format!(
        "/v{version}/images/{image_id}/tag?repo={}&tag={}",
        percent::encode_path(repository),
        percent::encode_path(tag)
    );
    match connection.upstream.command(Method::POST, &target).await.map_err(unreachable)? {
        Some(_) => claim_name(call, &taken, image_id),
        None => return Err(format!("docker does not give the image the name {name}")),
    }
    Ok(())
}
