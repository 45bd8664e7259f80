//! The part of the path that the daemon and `explain` share: read a request, judge it, rewrite it.
//!
//! Each refusal that depends only on the request, the policies and dockerd's objects is here, so both give
//! the same answer. The daemon also refuses, and `explain` cannot see: an event stream over the quota, and
//! a name that another call or an archive changes after this part. This file writes no record.

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::http::request::Parts;

use crate::api::body::{Body, parse_body_for};
use crate::api::request::{ApiVersion, Head, parse_head};
use crate::api::route::BodyFormat;
use crate::call::name_lock::{Hold, NameLocks, Names, Rank};
use crate::call::network_quota::{NetworkLock, NetworkQuota};
use crate::call::plan::Plan;
use crate::forward::rewrite::Rewriter;
use crate::judge::action::Action;
use crate::judge::danger::Dangers;
use crate::judge::decision::Decision;
use crate::judge::denial::Denial;
use crate::judge::questions::Questions;
use crate::judge::withheld::Withheld;
use crate::judge::{Judge, Judged, NotJudged};
use crate::owner::OwnerTable;
use crate::refusal::Refusal;

/// Reads the head of a request. `newest` is the newest version of the API that dockerd supports.
///
/// # Errors
/// If the broker does not understand it.
pub(crate) fn parse(request: &Parts, newest: ApiVersion) -> Result<Head, Refusal> {
    let Parts { method, uri, version, headers, .. } = request;
    parse_head(method, uri, *version, headers, newest)
}

/// Reads the body. `read` returns the document if the body is one. A stream is passed on later.
///
/// # Errors
/// If the document cannot be read, or the broker does not understand it.
pub(crate) async fn read_body(
    head: &Head,
    newest: ApiVersion,
    read: impl AsyncFnOnce() -> Result<Bytes, Refusal>,
) -> Result<Body, Refusal> {
    let kind = head.route.body;
    match kind.format() {
        BodyFormat::None if !head.has_body => Ok(Body::None),
        BodyFormat::Stream => Ok(Body::Stream),
        BodyFormat::None | BodyFormat::Json => parse_body_for(newest, kind, &read().await?),
    }
}

/// What the preparation of a call depends on, besides the request.
pub(crate) struct Preparation<'a> {
    pub(crate) judge: Judge<'a>,
    pub(crate) owners: &'a OwnerTable,
    pub(crate) name_locks: &'a NameLocks,
    pub(crate) network_quota: NetworkQuota<'a>,
}

/// A call that the policies have judged.
pub(crate) enum Prepared {
    Allowed(Box<AllowedCall>),
    Denied(Box<DeniedCall>),
}

/// A call that the policies allow, rewritten for dockerd.
pub(crate) struct AllowedCall {
    pub(crate) action: Action,
    pub(crate) dangers: Dangers,
    pub(crate) questions: Questions,
    /// The privileges that a new container does not get.
    pub(crate) withheld: Vec<Withheld>,
    pub(crate) permitted_by: Option<String>,
    /// The denial that report mode lets pass.
    pub(crate) reported: Option<Denial>,
    pub(crate) plan: Plan,
    /// The owner's turn to create a network, held while the call is made.
    pub(crate) network_lock: NetworkLock,
}

/// A call that the policies deny, as the caller sent it.
pub(crate) struct DeniedCall {
    pub(crate) action: Action,
    pub(crate) dangers: Dangers,
    pub(crate) questions: Questions,
    pub(crate) denial: Denial,
}

impl Preparation<'_> {
    /// Judges a call, and rewrites it if the policies allow it.
    ///
    /// # Errors
    /// If the broker cannot judge the call, if it cannot limit the call to what the caller may reach, or if
    /// the owner has used up the quota of networks.
    pub(crate) async fn prepare(&self, head: Head, body: Body) -> Result<Prepared, NotJudged> {
        let judged = Box::pin(self.judge_settled_names(head, body)).await?;
        let Judged { mut action, inspected, dangers, questions, decision, withheld } = judged;
        let (permitted_by, reported) = match decision {
            Decision::Allow { policy, reported } => (policy, reported),
            Decision::Deny(denial) => {
                let denied = DeniedCall { action, dangers, questions, denial };
                return Ok(Prepared::Denied(Box::new(denied)));
            }
        };
        let permissions = self.judge.permissions();
        let rewriter = Rewriter { permissions, owners: self.owners, withheld: &withheld };
        let mut plan = rewriter.rewrite(&mut action)?;
        plan.inspected = inspected;
        let finder = &self.judge.owner_finder;
        let network_lock = self
            .network_quota
            .take(&action, self.judge.permissions(), finder.version, finder.upstream)
            .await?;
        Ok(Prepared::Allowed(Box::new(AllowedCall {
            action,
            dangers,
            questions,
            withheld,
            permitted_by,
            reported,
            plan,
            network_lock,
        })))
    }

    /// Judges a call. If the call is denied and takes image names, the broker waits until no other call
    /// changes these names, then judges it again. dockerd gives a name to an image before the broker enters
    /// the caller as the owner of the name. Until then, the caller's own name counts as root's.
    async fn judge_settled_names(&self, head: Head, body: Body) -> Result<Judged, NotJudged> {
        let mut judged = Box::pin(self.judge.judge(head, body)).await?;
        let Decision::Deny(_) = judged.decision else { return Ok(judged) };
        let taken = judged.action.references.held_names_mut().map(|taken| taken.name.clone());
        let names = taken.collect::<BTreeSet<_>>();
        if names.is_empty() {
            return Ok(judged);
        }
        // A pull of the name may take long. The denied call does not wait for it.
        let locking = self.name_locks.lock(Names::These(names), Rank::Ordinary, Hold::Pull);
        // The denial stands if another call does not unlock the names in time.
        let Ok(lock) = locking.await else { return Ok(judged) };
        // A denied caller must not keep the lock, because the name's owner may be waiting for it.
        drop(lock);
        self.judge.judge_names_again(&mut judged).await?;
        Ok(judged)
    }
}
