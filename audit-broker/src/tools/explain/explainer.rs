//! Explains one request.
//!
//! The request takes the daemon's own path up to the rewrite ([`crate::exchange::prepared`]), and a fake
//! dockerd responds to the rewritten request. Nothing is recorded or forwarded.

use std::rc::Rc;
use std::sync::Arc;

use audit_host::object_id::{is_id, short_id};
use bytes::Bytes;
use hyper::http::request::Parts;

use super::caller::ExplainedCaller;
use super::dockerd::{Dockerd, DockerdAnswer, refuse};

use crate::api::body::Body;
use crate::api::operation::{Operation, SystemOperation};
use crate::api::request::{ApiVersion, Head};
use crate::call::name_lock::NameLocks;
use crate::call::network_quota::NetworkQuota;
use crate::call::owner_lock::OwnerLocks;
use crate::dockerd::find_error::FindError;
use crate::dockerd::upstream::{Unreachable, Upstream};
use crate::exchange::prepared::{self, Preparation, Prepared};
use crate::forward::archive;
use crate::judge::danger::Dangers;
use crate::judge::decision::{answers, foreign_exec, object_in_words};
use crate::judge::policy_action::AskedAction;
use crate::judge::questions::Questions;
use crate::judge::withheld::Withheld;
use crate::judge::{Judge, NotJudged};
use crate::owner::OwnerTable;
use crate::policy::{Judgement, Policy};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::who::owner_finder::OwnerFinder;

/// Everything that the judgement depends on.
#[derive(Debug)]
pub(super) struct Explainer {
    pub(super) settings: Settings,
    pub(super) policy: Arc<Policy>,
    pub(super) caller: ExplainedCaller,
    pub(super) owners: Rc<OwnerTable>,
    pub(super) dockerd: Rc<Dockerd>,
    /// The connection to the same fake dockerd over its socket.
    pub(super) upstream: Upstream,
    /// No other call ever holds one of these locks.
    pub(super) name_locks: NameLocks,
    pub(super) network_locks: OwnerLocks,
}

/// A call and its judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explained {
    /// `POST /containers/create`.
    pub(super) call: String,
    /// Whether the call only asks about dockerd itself.
    pub(super) is_probe: bool,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The broker refuses the request, whatever the policies say: it is not valid, an object that it needs
    /// does not exist, or the broker could not limit it to what the caller may reach.
    Refused(String),
    Judged {
        /// The message of a denial that comes from no question: the process belongs to another caller.
        foreign_process: Option<String>,
        questions: Vec<Answered>,
        /// Each danger with its place in the request, and whether it gives access to the host.
        dangers: Vec<(String, bool)>,
        /// Privileges that docker gives a container by default and the broker removes.
        withheld: Vec<Withheld>,
    },
}

/// One of the call's questions, with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) action: AskedAction,
    /// The object, as ` of KIND NAME`; empty for dockerd itself.
    pub(super) object: String,
    pub(super) judgement: Judgement,
}

impl Explained {
    pub(super) fn is_allowed(&self) -> bool {
        match &self.outcome {
            Outcome::Refused(_) => false,
            Outcome::Judged { foreign_process, questions, .. } => {
                foreign_process.is_none()
                    && questions.iter().all(|question| question.judgement.decision.is_allowed)
            }
        }
    }
}

impl Explainer {
    /// # Errors
    /// If the fake dockerd cannot be reached.
    pub(super) async fn explain(
        &self,
        request: &Parts,
        document: &Bytes,
    ) -> Result<(Explained, DockerdAnswer), Unreachable> {
        let newest = self.upstream.newest_version().await?;
        let (head, body) = match self.read(request, document, newest).await {
            Ok(read) => read,
            Err(refusal) => {
                let call = format!("{} {}", request.method, request.uri.path());
                return Ok(refused(call, &refusal));
            }
        };
        let call = describe_call(&head);
        let is_probe = matches!(
            head.route.operation,
            Operation::System(
                SystemOperation::Ping | SystemOperation::Version | SystemOperation::Info
            )
        );
        let new_volume =
            if let Body::VolumeCreate(volume) = &body { volume.name.as_deref() } else { None };
        self.dockerd.miss_volume(new_volume);
        let version = head.version.unwrap_or(newest);
        let prepared = Box::pin(self.preparation(version).prepare(head, body)).await;
        self.dockerd.miss_volume(None);
        let (action, questions, dangers, withheld) = match prepared {
            Ok(Prepared::Allowed(call)) => {
                (call.action, call.questions, call.dangers, call.withheld)
            }
            Ok(Prepared::Denied(call)) => (call.action, call.questions, call.dangers, Vec::new()),
            Err(NotJudged::NotFound(FindError::Refused(refusal))) => {
                return Ok(refused(call, &refusal));
            }
            Err(NotJudged::Absent { .. }) => {
                return Ok(refused(call, &Refusal::not_found("no such object")));
            }
            Err(NotJudged::NotFound(FindError::Unreachable(error))) => return Err(error),
        };
        let answer = self.dockerd.answer(&action.head, &action.body);
        Ok((
            Explained { call, is_probe, outcome: self.outcome(&questions, &dangers, withheld) },
            answer,
        ))
    }

    /// Reads a request as the daemon does.
    async fn read(
        &self,
        request: &Parts,
        document: &Bytes,
        newest: ApiVersion,
    ) -> Result<(Head, Body), Refusal> {
        let head = prepared::parse(request, newest)?;
        let body = prepared::read_body(&head, newest, async || Ok(document.clone())).await?;
        if archive::is_unpacked_in_container(&head, &self.upstream) {
            archive::check_beginning(document)?;
        }
        Ok((head, body))
    }

    /// The daemon's own preparation of a call. It inspects objects in the fake dockerd.
    fn preparation(&self, version: ApiVersion) -> Preparation<'_> {
        Preparation {
            judge: Judge {
                subject: &self.caller.subject,
                principal: &self.caller.principal,
                owner: self.caller.owner.clone(),
                policy: &self.policy,
                mode: self.settings.mode,
                owner_finder: OwnerFinder {
                    owners: &self.owners,
                    people: &self.caller.people,
                    version,
                    upstream: &self.upstream,
                },
            },
            owners: &self.owners,
            name_locks: &self.name_locks,
            network_quota: NetworkQuota {
                limit: self.settings.networks_per_user,
                locks: &self.network_locks,
            },
        }
    }

    /// The answer to each question: a decision stops at the first denial, and in report mode it denies
    /// nothing.
    fn outcome(
        &self,
        questions: &Questions,
        dangers: &Dangers,
        withheld: Vec<Withheld>,
    ) -> Outcome {
        let answered = answers(&self.policy, &self.caller.principal, questions);
        let answered = answered.map(|(question, judgement)| {
            let object = object_in_words(question);
            let object = object.map(|object| format!(" of {object}")).unwrap_or_default();
            Answered { action: question.action, object, judgement }
        });
        let answered = answered.collect();
        let foreign_process = questions.is_foreign_exec.then(|| foreign_exec(questions).message);
        let dangers = dangers.findings.iter();
        let dangers = dangers.map(|found| (found.to_string(), found.gives_host_access())).collect();
        Outcome::Judged { foreign_process, questions: answered, dangers, withheld }
    }
}

fn refused(call: String, refusal: &Refusal) -> (Explained, DockerdAnswer) {
    let outcome = Outcome::Refused(refusal.message.clone());
    (Explained { call, is_probe: false, outcome }, refuse(refusal))
}

/// Method and path, without parts that differ between clients. Ids are as short as docker shows them.
fn describe_call(head: &Head) -> String {
    let id = head.object.as_deref().filter(|object| is_id(object));
    let target = head.target(ApiVersion::NEWEST, id.map(short_id));
    let path = target.split('?').next().unwrap_or_default();
    let path = path.trim_start_matches(&format!("/v{}", ApiVersion::NEWEST));
    format!("{} {path}", head.route.method.name())
}
