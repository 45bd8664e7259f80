//! Explains one request.
//!
//! The daemon's own judge decides, and a fake dockerd responds. Nothing is recorded or forwarded.

use std::rc::Rc;
use std::sync::Arc;

use audit_host::object_id::{is_id, short_id};
use bytes::Bytes;
use hyper::http::request::Parts;

use super::caller::ExplainedCaller;
use super::dockerd::{Dockerd, DockerdAnswer, refuse};

use crate::api::body::{Body, parse_body};
use crate::api::operation::{Operation, SystemOperation};
use crate::api::request::{ApiVersion, Head, parse_head};
use crate::api::route::BodyFormat;
use crate::dockerd::upstream::{Unreachable, Upstream};
use crate::judge::decision::{answers, object_in_words};
use crate::judge::withheld::Withheld;
use crate::judge::{Judge, Judged, NotJudged};
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
    /// The request is not valid, or an object that it needs does not exist.
    Refused(String),
    Judged {
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
    pub(super) action: &'static str,
    /// The object, as ` of KIND NAME`; empty for dockerd itself.
    pub(super) object: String,
    pub(super) judgement: Judgement,
}

impl Explained {
    pub(super) fn is_allowed(&self) -> bool {
        match &self.outcome {
            Outcome::Refused(_) => false,
            Outcome::Judged { questions, .. } => {
                questions.iter().all(|question| question.judgement.decision.is_allowed)
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
        let (head, body) = match parse(request, document) {
            Ok(parsed) => parsed,
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
        let version = head.version.unwrap_or(ApiVersion::NEWEST);
        let judged = match Box::pin(self.judge(version).judge(head, body)).await {
            Ok(judged) => judged,
            Err(NotJudged::Refused(refusal)) => return Ok(refused(call, &refusal)),
            Err(NotJudged::Absent { .. }) => {
                return Ok(refused(call, &Refusal::not_found("no such object")));
            }
            Err(NotJudged::Unreachable(error)) => return Err(error),
        };
        self.dockerd.miss_volume(None);
        let answer = self.dockerd.answer(&judged.action.head, &judged.action.body);
        Ok((Explained { call, is_probe, outcome: self.outcome(judged) }, answer))
    }

    /// The daemon's own judge, which inspects objects in the fake dockerd.
    fn judge(&self, version: ApiVersion) -> Judge<'_> {
        Judge {
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
        }
    }

    fn outcome(&self, judged: Judged) -> Outcome {
        let answers = answers(&self.policy, &self.caller.principal, &judged.questions);
        let questions = answers.map(|(question, judgement)| {
            let object = object_in_words(question);
            let object = object.map(|object| format!(" of {object}")).unwrap_or_default();
            Answered { action: question.action, object, judgement }
        });
        let questions = questions.collect();
        let dangers = judged.dangers.findings.iter();
        let dangers = dangers.map(|found| (found.to_string(), found.gives_host_access())).collect();
        Outcome::Judged { questions, dangers, withheld: judged.withheld }
    }
}

fn parse(request: &Parts, document: &Bytes) -> Result<(Head, Body), Refusal> {
    let Parts { method, uri, version, headers, .. } = request;
    let head = parse_head(method, uri, *version, headers, ApiVersion::NEWEST)?;
    let kind = head.route.body;
    let body = match kind.format() {
        BodyFormat::None if !head.has_body => Body::None,
        BodyFormat::Stream => Body::Stream,
        BodyFormat::None | BodyFormat::Json => parse_body(kind, document)?,
    };
    Ok((head, body))
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
