//! Pulls, which give a name when they are done.
//!
//! The name is locked from before the pull until the table has changed. Since that may take long, an
//! ordinary caller's pull ends when a trusted caller wants the name. The table keeps which names a pull
//! has set: those are root's, also after a user's pull, and the next pull may replace them. An image's own
//! `RepoDigests` are no proof of that: a push adds them too, and containerd's store makes them up.

use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::Response;
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::claim::{forget_name, keep_pulled};
use super::name_change::{judge, lock, yield_to_root};
use crate::call::Call;
use crate::call::answer::{self, AnswerBody};
use crate::call::name_lock::{Hold, NameLock, Names};
use crate::call::stop::Stop;
use crate::dockerd::finder::{holder_of, name_pulled};
use crate::dockerd::references::ANY_NAME;
use crate::dockerd::references::{NameHolder, NameTaken};
use crate::dockerd::upstream::DockerdConnection;
use crate::forward::advertise;
use crate::judge::questions::pull_question;
use crate::owner::{OwnedKind, full_name, name_key};
use crate::record::outcome::{CallOutcome, OutcomeReader};

/// A name that is locked for a pull.
pub(super) struct Pulled {
    name: NameTaken,
    lock: NameLock,
}

/// How long dockerd may take to give up a pull after its connection is closed.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// Pieces of the answer that wait for a client who does not read.
const PIECES: usize = 16;

/// Locks the name that a pull sets, and decides again on what has it now. `None` where the call sets
/// no name.
///
/// # Errors
/// If that is denied now, or another call keeps the name too long.
pub(super) async fn begin(call: &Call) -> Result<Option<Pulled>, Stop> {
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
    let question = pull_question(&name, &connection.registrar(version)).await;
    judge(call, question.into_iter().collect()).await?;
    Ok(Some(Pulled { name, lock }))
}

fn repository(call: &Call) -> String {
    let name = full_name(call.action.head.query.text("fromImage").unwrap_or_default());
    name.strip_suffix(":latest").unwrap_or(&name).to_owned()
}

/// The answer to a pull. The pull goes on by itself, so that a client who does not read cannot keep
/// the name.
pub(super) fn relay(
    call: &Rc<Call>,
    pulled: Pulled,
    response: Response<Incoming>,
    line: DockerdConnection,
) -> Response<AnswerBody> {
    let (mut head, body) = response.into_parts();
    head.headers = answer::relayed_headers(head.headers);
    advertise::limit_header(&mut head.headers);
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_local(run(Rc::clone(call), pulled, body, line, sender));
    Response::from_parts(head, AnswerBody::pieces(receiver))
}

/// How a pull ends.
enum PullEnd {
    /// dockerd has told all of it.
    Told,
    /// dockerd broke off, or the client went away.
    BrokenOff,
    /// A trusted caller wants the name.
    Revoked,
}

async fn run(
    call: Rc<Call>,
    pulled: Pulled,
    body: Incoming,
    line: DockerdConnection,
    sender: mpsc::Sender<Bytes>,
) {
    let since = Utc::now();
    let (came_from, came) = tokio::sync::oneshot::channel();
    let mut ending = OutcomeReader::of_progress(None, move |came, _| {
        // Nobody waits any longer if the broker stops.
        let _ = came_from.send(came);
    });
    let end = pass_on(&pulled.lock, body, line, &mut ending, &sender).await;
    ending.finish();
    let came = match end {
        PullEnd::Told => came.await.unwrap_or(CallOutcome::BrokenOff),
        PullEnd::BrokenOff | PullEnd::Revoked => {
            sleep(SETTLE_WAIT).await;
            CallOutcome::BrokenOff
        }
    };
    let settled = settle(&call, &pulled.name, came, since).await;
    let (came, message) = match (settled, end) {
        (Err(stop), _) => (CallOutcome::Failed, Some(stop.message())),
        (Ok(()), PullEnd::Revoked) => {
            let message = format!("an administrator has taken {}; try again", pulled.name.name);
            (CallOutcome::Failed, Some(message))
        }
        (Ok(()), PullEnd::Told | PullEnd::BrokenOff) => (came, None),
    };
    call.record_outcome(came, None);
    drop(pulled);
    if let Some(message) = message {
        let line = json!({"errorDetail": {"message": message}, "error": message});
        // A client who does not read is not told.
        let _ = sender.try_send(format!("{line}\r\n").into());
    }
}

/// Passes on what dockerd says. Closes the connection to dockerd where that breaks off.
async fn pass_on(
    lock: &NameLock,
    mut body: Incoming,
    mut line: DockerdConnection,
    ending: &mut OutcomeReader,
    sender: &mpsc::Sender<Bytes>,
) -> PullEnd {
    loop {
        let frame = tokio::select! {
            frame = poll_fn(|context| line.poll_body(&mut body, context)) => frame,
            () = lock.revoked() => return PullEnd::Revoked,
            () = sender.closed() => return PullEnd::BrokenOff,
        };
        let data = match frame {
            None => {
                line.give_back();
                return PullEnd::Told;
            }
            Some(Err(_)) => return PullEnd::BrokenOff,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        ending.see(&data);
        tokio::select! {
            sent = sender.send(data) => if sent.is_err() { return PullEnd::BrokenOff },
            () = lock.revoked() => return PullEnd::Revoked,
        }
    }
}

/// Changes the table to what the pull has set. The names are root's, also after a user's pull: a caller may have
/// given such a name to the very same image before, and would keep it otherwise. A caller's own pull
/// leaves that caller the name.
async fn settle(
    call: &Rc<Call>,
    pulled: &NameTaken,
    came: CallOutcome,
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
        let is_set = match (came, &pulled.holder) {
            (CallOutcome::Done(_), _) | (CallOutcome::BrokenOff, NameHolder::Nobody) => true,
            (CallOutcome::BrokenOff, NameHolder::Image(before)) => before.id != image.id,
            (CallOutcome::BrokenOff, NameHolder::Unknown)
            | (CallOutcome::Failed | CallOutcome::NotMade, _) => false,
        };
        if !is_set {
            continue;
        }
        if owners
            .get(OwnedKind::ImageName, &name_key(&name, &image.id))
            .is_some_and(|it| it != call.action.owner)
        {
            forget_name(call, &name, &image.id);
        }
        if pulled.name != ANY_NAME {
            yield_to_root(call, &name, None, since).await?;
            keep_pulled(call, pulled, &image.id);
        }
    }
    Ok(())
}

/// The names that callers have in the repository of which all is pulled.
fn names_of_repository(call: &Call) -> Vec<String> {
    let repository = repository(call);
    let known = call.connection.state.owners.all(OwnedKind::ImageName);
    let names = known.iter().filter_map(|(key, _)| key.split_once('@')).map(|(name, _)| name);
    let is_in = |name: &&str| name.rsplit_once(':').is_some_and(|(place, _)| place == repository);
    names.filter(is_in).map(str::to_owned).collect()
}
