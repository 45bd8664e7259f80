//! Changes of image names.
//!
//! The broker makes each change under the lock of the name. It reads again which image has the name,
//! asks the policies again, and then asks dockerd to change the name. A change is completed even if the
//! client disconnects, because dockerd completes it too.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::{Method, Response, StatusCode};
use tokio::time::sleep;

use super::claim::{claim_name, forget_deleted, forget_name};
use super::name_race::{give_back, images_named, order_name};
use crate::api::request::percent;
use crate::call::Call;
use crate::call::name_lock::{Hold, NameLock, Names, Rank};
use crate::call::response::{self, ResponseBody};
use crate::call::stop::Stop;
use crate::dockerd::finder::holder_of;
use crate::dockerd::object::{self, Image, NamedImage, Object};
use crate::dockerd::references::{NameHolder, NameTaken};
use crate::dockerd::upstream::{Found, Unreachable};
use crate::judge::danger::Findings;
use crate::judge::decision::{Decision, decide};
use crate::judge::questions::{
    Absence, Question, Questions, name_question, names_removed, removal_questions,
};
use crate::owner::{OwnedKind, name_key};
use crate::policy;
use crate::record::outcome::CallOutcome;
use crate::refusal::Refusal;

/// The caller's rank in the queue for names. A caller who may give any name to an image is trusted.
pub(super) fn rank(call: &Call) -> Rank {
    let policy = call.connection.state.policy();
    if call.permissions(&policy).may_take_every_name() { Rank::Trusted } else { Rank::Ordinary }
}

/// Waits for the lock of these names.
///
/// # Errors
/// If another call holds one of the names until the timeout.
pub(super) async fn lock(call: &Call, names: Names, hold: Hold) -> Result<NameLock, Stop> {
    Ok(call.connection.state.name_locks.lock(names, rank(call), hold).await?)
}

/// Asks the policies about what the broker has read under the lock. Records a denial.
///
/// # Errors
/// If the policies deny it.
pub(super) async fn judge(call: &Call, questions: Vec<Question>) -> Result<(), Stop> {
    match decide_about(call, questions) {
        Decision::Allow { .. } => Ok(()),
        Decision::Deny(denial) => Err(call.deny(denial).await),
    }
}

/// Asks the policies about what the broker has read since it judged the call.
pub(super) fn decide_about(call: &Call, questions: Vec<Question>) -> Decision {
    let (call_facts, findings) = (policy::CallFacts::default(), Findings::default());
    let questions = Questions {
        call: call_facts,
        all: questions,
        is_foreign_exec: false,
        absence: Absence::NotFound,
        findings,
    };
    let policy = call.connection.state.policy();
    decide(&policy, call.settings.mode, &call.principal, &questions)
}

/// Completes a change even if the client disconnects, and records the outcome.
///
/// # Errors
/// Those of the change.
pub(super) async fn complete(
    call: &Rc<Call>,
    change: impl Future<Output = Result<Response<ResponseBody>, Stop>> + 'static,
) -> Result<Response<ResponseBody>, Stop> {
    let call = Rc::clone(call);
    let completed = tokio::task::spawn_local(async move {
        let changed = change.await;
        call.record_outcome(
            if changed.is_ok() { CallOutcome::Done(None) } else { CallOutcome::Failed },
            None,
        );
        changed
    });
    completed
        .await
        .unwrap_or_else(|error| Err(Unreachable::NoAnswer { source: error.into() }.into()))
}

/// `docker tag`.
///
/// # Errors
/// If the policies no longer permit the name, or dockerd does not give it.
pub(super) async fn tag(call: Rc<Call>) -> Result<Response<ResponseBody>, Stop> {
    if let Object::Image(image) = &call.action.object {
        for taken in &call.action.references.names_taken {
            give(&call, &taken.name, &image.image.id).await?;
        }
    }
    let mut response = Response::new(ResponseBody::own(Bytes::new()));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Gives an image a name, if the policies still allow it.
///
/// # Errors
/// If the policies deny the name, if dockerd does not give it, or if root gives it to another image in
/// the meantime.
pub(super) async fn give(call: &Rc<Call>, name: &str, image_id: &str) -> Result<(), Stop> {
    let lock = lock(call, Names::one(name), Hold::Change).await?;
    let (connection, version) = (&call.connection, call.version);
    let since = Utc::now();
    let holder = holder_of(name, version, &connection.upstream).await?;
    let taken = NameTaken { name: name.to_owned(), holder };
    judge(call, vec![name_question(&taken, &connection.owner_finder(version)).await]).await?;
    let ordered = order_name(call, name, image_id).await?;
    let given = matches!(ordered, Found::Yes(_)).then(|| image_id.to_owned());
    let change = NameChange { names: vec![name.to_owned()], given, since };
    change.give_back_to_root(call).await?;
    if let Found::No(status, error) = ordered {
        return Err(Stop::NotFound(status, error));
    }
    claim_name(call, &taken, image_id);
    change.give_back_later(call, lock);
    Ok(())
}

/// How long the broker waits before it reads dockerd's events again, while other calls wait for the
/// name. dockerd sends the event of a change only after the change, and another change may come in
/// between.
const LATE_EVENTS: Duration = Duration::from_millis(30);

/// A change of names that dockerd has made or has tried to make.
struct NameChange {
    names: Vec<String>,
    /// The image that got the names; `None` if the names were removed, or dockerd failed.
    given: Option<String>,
    since: DateTime<Utc>,
}

impl NameChange {
    /// Leaves the names to root, if root gave them to another image at dockerd's own socket in the
    /// meantime. A change of a trusted caller stands.
    ///
    /// # Errors
    /// If root did, or if dockerd cannot be reached.
    async fn give_back_to_root(&self, call: &Call) -> Result<(), Stop> {
        if rank(call) == Rank::Ordinary {
            for name in &self.names {
                give_back_to_root(call, name, self.given.as_deref(), self.since).await?;
            }
        }
        Ok(())
    }

    /// Checks again after [`LATE_EVENTS`]. The caller already has the response then. The lock keeps
    /// other calls of this broker from changing the names before that.
    fn give_back_later(self, call: &Rc<Call>, lock: NameLock) {
        if rank(call) == Rank::Trusted {
            return;
        }
        let call = Rc::clone(call);
        tokio::task::spawn_local(async move {
            sleep(LATE_EVENTS).await;
            if self.give_back_to_root(&call).await.is_err()
                && let Some(given) = &self.given
            {
                self.names.iter().for_each(|name| forget_name(&call, name, given));
            }
            drop(lock);
        });
    }
}

/// Leaves the name to root, if root gave it to another image at dockerd's own socket in the meantime.
///
/// # Errors
/// If root did, or if dockerd cannot be reached.
pub(super) async fn give_back_to_root(
    call: &Call,
    name: &str,
    own: Option<&str>,
    since: DateTime<Utc>,
) -> Result<(), Stop> {
    let mut named = images_named(call, name, since).await?;
    if let Some(own) = named.iter().position(|id| Some(id.as_str()) == own) {
        named.remove(own);
    }
    let Some(of_root) = named.last() else { return Ok(()) };
    let holder = holder_of(name, call.version, &call.connection.upstream).await?;
    if !matches!(holder, NameHolder::Image(image) if image.id == *of_root) {
        give_back(call, name, of_root).await?;
    }
    forget_name(call, name, of_root);
    let message = format!("root gave {name} to another image at the same moment");
    Err(Refusal::conflict(message).into())
}

/// `docker rmi`.
///
/// # Errors
/// If the policies no longer permit it, or dockerd does not remove the image.
pub(super) async fn remove(call: Rc<Call>) -> Result<Response<ResponseBody>, Stop> {
    let (connection, version, head) = (&call.connection, call.version, &call.action.head);
    let Object::Image(judged) = &call.action.object else {
        return Err(Refusal::not_found("the request names no image").into());
    };
    let names: BTreeSet<String> = names_removed(head, judged).iter().cloned().collect();
    let lock = lock(&call, Names::These(names.clone()), Hold::Change).await?;
    let since = Utc::now();
    let image = match object::image(&judged.given, version, &connection.upstream).await? {
        Found::Yes(image) => NamedImage { given: judged.given.clone(), image },
        Found::No(status, error) => return Err(Stop::NotFound(status, error)),
    };
    let removed = names_removed(head, &image);
    if removed.iter().any(|name| !names.contains(name)) {
        let message = format!("image {} has just got another name; try again", judged.given);
        return Err(Refusal::conflict(message).into());
    }
    judge(&call, removal_questions(&call.action, &image, &connection.owner_finder(version)).await)
        .await?;
    let is_by_name = image.image.tags().contains(&image.given);
    let reference =
        if is_by_name { reference(&call, &image.image, &image.given) } else { &image.given };
    let target = head.target_without(&[], version, Some(reference));
    let ordered = connection.upstream.order(Method::DELETE, &target).await?;
    // A reference with a digest may leave other names of the image.
    if matches!(ordered, Found::Yes(_)) && !image.given.contains('@') {
        for name in removed {
            forget_name(&call, name, &image.image.id);
        }
    }
    let change = NameChange { names: removed.to_vec(), given: None, since };
    change.give_back_to_root(&call).await?;
    let removed = match ordered {
        Found::Yes(removed) => removed,
        Found::No(status, error) => return Err(Stop::NotFound(status, error)),
    };
    forget_deleted(&call, &removed);
    change.give_back_later(&call, lock);
    Ok(response::document(StatusCode::OK, removed))
}

/// The reference that dockerd is to remove. The broker removes the only name of an image by the image's
/// id: if root has given the name to another image in the meantime, that image keeps it.
fn reference<'a>(call: &Call, image: &'a Image, name: &'a str) -> &'a str {
    let is_ordinary = rank(call) == Rank::Ordinary;
    if is_ordinary && image.has_only_name(name) { &image.id } else { name }
}

/// Removes one of the caller's own names from an image. Returns dockerd's response; `None` if the name
/// stays.
///
/// # Errors
/// If another call holds the name until the timeout, or if dockerd cannot be reached.
pub(super) async fn remove_own(
    call: &Rc<Call>,
    name: &str,
    image_id: &str,
) -> Result<Option<Bytes>, Stop> {
    let lock = lock(call, Names::one(name), Hold::Change).await?;
    let since = Utc::now();
    let (upstream, owners) = (&call.connection.upstream, &call.connection.state.owners);
    let owner = owners.get(OwnedKind::ImageName, &name_key(name, image_id));
    let Found::Yes(image) = object::image(name, call.version, upstream).await? else {
        return Ok(None);
    };
    if image.id != image_id || owner.as_ref() != Some(&call.action.owner) {
        return Ok(None);
    }
    let reference = percent::encode_path(reference(call, &image, name));
    let target = format!("/v{}/images/{reference}", call.version);
    let removed = upstream.command(Method::DELETE, &target).await?;
    if let Some(response) = &removed {
        forget_name(call, name, image_id);
        forget_deleted(call, response);
    }
    let change = NameChange { names: vec![name.to_owned()], given: None, since };
    change.give_back_to_root(call).await?;
    change.give_back_later(call, lock);
    Ok(removed)
}
