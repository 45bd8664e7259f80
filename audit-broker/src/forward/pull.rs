//! Pulls. A pull names an image when it ends.
//!
//! The broker locks the name before the pull, and unlocks it after it has changed the table of owners.
//! A pull can take a long time, so an ordinary caller's pull ends when a trusted caller wants the name.
//!
//! The table records which names a pull has set, and the next pull may replace them. A free name belongs
//! to the caller who pulls it, until another caller pulls it too: then it belongs to root, because more
//! than one caller relies on it. The `RepoDigests` of an image are no proof of a pull: a push adds them
//! too, and containerd's image store invents them.

use std::collections::HashSet;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use audit_host::image_name::full_name;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::Response;
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::claim::{claim_name_of, claim_pulled, forget_name};
use super::name_change::{give_back_to_root, judge, lock};
use super::nameless::nameless_images;
use crate::call::Call;
use crate::call::name_lock::{Hold, NameLock, Names};
use crate::call::response::{self, ResponseBody};
use crate::call::stop::Stop;
use crate::dockerd::finder::{holder_of, name_pulled};
use crate::dockerd::references::{ANY_NAME, NameHolder, NameTaken};
use crate::dockerd::upstream::DockerdConnection;
use crate::forward::advertise;
use crate::judge::questions::pull_question;
use crate::owner::{OwnedKind, name_key};
use crate::record::outcome::{CallOutcome, OutcomeReader};

/// The name that a pull sets, with its lock.
pub(super) struct PulledName {
    name: NameTaken,
    /// The images that had no name before the pull, if the caller may own the name. They keep their
    /// owner, so the caller must not get the right to remove one with its first name.
    nameless: Option<HashSet<String>>,
    lock: NameLock,
}

/// How long the broker waits for dockerd to abandon a pull after the broker has closed the connection.
const ABANDON_WAIT: Duration = Duration::from_secs(1);

/// How many pieces of the response are buffered for a client that reads slowly.
const PIECES: usize = 16;

/// Locks the name that a pull sets, and asks the policies again about the image that has it now. `None`
/// if the call sets no name.
///
/// # Errors
/// If the policies deny the pull, or if another call holds the name until the timeout.
pub(super) async fn begin(call: &Call) -> Result<Option<PulledName>, Stop> {
    let Some(name) = name_pulled(&call.action.head) else { return Ok(None) };
    let names =
        if name == ANY_NAME { Names::OfRepository(repository(call)) } else { Names::one(&name) };
    let lock = lock(call, names, Hold::Pull).await?;
    let (connection, version) = (&call.connection, call.version);
    let holder = match name.as_str() {
        ANY_NAME => NameHolder::Unknown,
        name => holder_of(name, version, &connection.upstream).await?,
    };
    let name = NameTaken { name, holder };
    let question = pull_question(&name, &connection.owner_finder(version)).await;
    judge(call, question.into_iter().collect()).await?;
    let nameless = if may_own(call, &name) { nameless_images(call).await? } else { None };
    Ok(Some(PulledName { name, nameless, lock }))
}

/// Whether the caller may own the name after the pull: a free name, or one that the caller owns already.
fn may_own(call: &Call, name: &NameTaken) -> bool {
    let owners = &call.connection.state.owners;
    match &name.holder {
        NameHolder::Unused => true,
        NameHolder::Image(image) => {
            let owner = owners.get(OwnedKind::ImageName, &name_key(&name.name, &image.id));
            owner.as_ref() == Some(&call.action.owner)
        }
        NameHolder::Unknown => false,
    }
}

fn repository(call: &Call) -> String {
    let name = full_name(call.action.head.query.text("fromImage").unwrap_or_default());
    name.strip_suffix(":latest").unwrap_or(&name).to_owned()
}

/// Relays the response to a pull. The pull runs in a task of its own, so that a client that does not
/// read cannot hold the lock.
pub(super) fn relay(
    call: &Rc<Call>,
    pulled: PulledName,
    response: Response<Incoming>,
    connection: DockerdConnection,
) -> Response<ResponseBody> {
    let (mut head, body) = response.into_parts();
    head.headers = response::relayed_headers(head.headers);
    advertise::limit_header(&mut head.headers);
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_local(run(Rc::clone(call), pulled, body, connection, sender));
    Response::from_parts(head, ResponseBody::pieces(receiver))
}

/// How a pull ends.
enum PullEnd {
    /// dockerd has sent the whole response.
    Complete,
    /// dockerd broke off, or the client disconnected.
    BrokenOff,
    /// A trusted caller wants the name.
    Revoked,
}

async fn run(
    call: Rc<Call>,
    pulled: PulledName,
    body: Incoming,
    connection: DockerdConnection,
    sender: mpsc::Sender<Bytes>,
) {
    let since = Utc::now();
    let (outcome_sender, outcome) = tokio::sync::oneshot::channel();
    let mut reader = OutcomeReader::of_progress(None, move |outcome, _| {
        // Nothing receives the outcome if the broker shuts down.
        let _ = outcome_sender.send(outcome);
    });
    let end = relay_body(&pulled.lock, body, connection, &mut reader, &sender).await;
    reader.finish();
    let outcome = match end {
        PullEnd::Complete => outcome.await.unwrap_or(CallOutcome::BrokenOff),
        PullEnd::BrokenOff | PullEnd::Revoked => {
            sleep(ABANDON_WAIT).await;
            CallOutcome::BrokenOff
        }
    };
    let settled = settle(&call, &pulled, outcome, since).await;
    let (outcome, message) = match (settled, end) {
        (Err(stop), _) => (CallOutcome::Failed, Some(stop.message())),
        (Ok(()), PullEnd::Revoked) => {
            let message = format!("an administrator has taken {}; try again", pulled.name.name);
            (CallOutcome::Failed, Some(message))
        }
        (Ok(()), PullEnd::Complete | PullEnd::BrokenOff) => (outcome, None),
    };
    call.record_outcome(outcome, None);
    drop(pulled);
    if let Some(message) = message {
        let line = json!({"errorDetail": {"message": message}, "error": message});
        // A client that does not read misses this line.
        let _ = sender.try_send(format!("{line}\r\n").into());
    }
}

/// Relays the response. Closes the connection to dockerd if the response does not reach its end.
async fn relay_body(
    lock: &NameLock,
    mut body: Incoming,
    mut connection: DockerdConnection,
    reader: &mut OutcomeReader,
    sender: &mpsc::Sender<Bytes>,
) -> PullEnd {
    loop {
        let frame = tokio::select! {
            frame = poll_fn(|context| connection.poll_body(&mut body, context)) => frame,
            () = lock.revoked() => return PullEnd::Revoked,
            () = sender.closed() => return PullEnd::BrokenOff,
        };
        let data = match frame {
            None => {
                connection.give_back();
                return PullEnd::Complete;
            }
            Some(Err(_)) => return PullEnd::BrokenOff,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        reader.see(&data);
        tokio::select! {
            sent = sender.send(data) => if sent.is_err() { return PullEnd::BrokenOff },
            () = lock.revoked() => return PullEnd::Revoked,
        }
    }
}

/// Enters the names that the pull has set into the table of owners. Another caller may have given such a
/// name to the same image before, and loses it now. The caller of this pull keeps a name of their own.
async fn settle(
    call: &Rc<Call>,
    PulledName { name: pulled, nameless, .. }: &PulledName,
    outcome: CallOutcome,
    since: DateTime<Utc>,
) -> Result<(), Stop> {
    let owners = &call.connection.state.owners;
    let names = match pulled.name.as_str() {
        ANY_NAME => names_of_repository(call),
        name => vec![name.to_owned()],
    };
    for name in names {
        let NameHolder::Image(image) =
            holder_of(&name, call.version, &call.connection.upstream).await?
        else {
            continue;
        };
        let is_set = match (outcome, &pulled.holder) {
            (CallOutcome::Done(_) | CallOutcome::Unchanged, _)
            | (CallOutcome::BrokenOff, NameHolder::Unused) => true,
            (CallOutcome::BrokenOff, NameHolder::Image(before)) => before.id != image.id,
            (CallOutcome::BrokenOff, NameHolder::Unknown)
            | (CallOutcome::Failed | CallOutcome::LeftOff | CallOutcome::NotMade, _) => false,
        };
        if !is_set {
            continue;
        }
        if owners
            .get(OwnedKind::ImageName, &name_key(&name, &image.id))
            .is_some_and(|owner| owner != call.action.owner)
        {
            forget_name(call, &name, &image.id);
        }
        if pulled.name != ANY_NAME {
            give_back_to_root(call, &name, None, since).await?;
            claim_pulled(call, pulled, &image.id);
            if nameless.as_ref().is_some_and(|nameless| !nameless.contains(&image.id)) {
                claim_name_of(call, &pulled.name, &image.id);
            }
        }
    }
    Ok(())
}

/// The names that callers own in the repository that the call pulls.
fn names_of_repository(call: &Call) -> Vec<String> {
    let repository = repository(call);
    let known = call.connection.state.owners.all(OwnedKind::ImageName);
    let names = known.iter().filter_map(|(key, _)| key.split_once('@')).map(|(name, _)| name);
    let is_in = |name: &&str| name.rsplit_once(':').is_some_and(|(place, _)| place == repository);
    names.filter(is_in).map(str::to_owned).collect()
}
