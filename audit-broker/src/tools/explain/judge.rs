//! One request, understood and judged as the daemon would, and answered as by dockerd.
//!
//! Goes the way of `exchange`, with nothing written down and nothing done.

use std::rc::Rc;

use bytes::Bytes;
use hyper::http::request::Parts;

use super::dockerd::{Dockerd, DockerdAnswer, is_id, refuse};
use super::who::Caller;
use crate::api::body::{Body, parse_body};
use crate::api::request::{ApiVersion, Head, parse_head};
use crate::api::route::BodyKind;
use crate::dockerd::finder::Finder;
use crate::dockerd::object;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::judge::action::Action;
use crate::judge::danger::dangers;
use crate::judge::decision::{judge, what};
use crate::judge::questions::questions_of;
use crate::judge::withheld::{Withheld, withheld};
use crate::owner::OwnerTable;
use crate::policy::{Judgement, Policy};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::who::registrar::Registrar;

/// Everything that the judgement depends on.
pub(super) struct Judge {
    pub(super) settings: Settings,
    pub(super) policy: Policy,
    pub(super) caller: Caller,
    pub(super) owners: Rc<OwnerTable>,
    pub(super) dockerd: Rc<Dockerd>,
    /// The way to the same dockerd, over its socket.
    pub(super) upstream: Upstream,
}

/// A call, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explained {
    /// `POST /containers/create`.
    pub(super) call: String,
    /// Whether it only asks which daemon this is.
    pub(super) is_probe: bool,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is not understood, or something that it needs is missing.
    Refused(String),
    Judged {
        questions: Vec<Judged>,
        /// Each danger, where it is asked for, and whether it yields the host.
        dangers: Vec<(String, bool)>,
        /// What a container is made without.
        withheld: Vec<Withheld>,
    },
}

/// One thing that has to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) action: &'static str,
    /// What it is done with, as the message goes on; empty for the daemon.
    pub(super) thing: String,
    pub(super) judgement: Judgement,
}

impl Explained {
    pub(super) fn is_allowed(&self) -> bool {
        match &self.outcome {
            Outcome::Refused(_) => false,
            Outcome::Judged { questions, .. } => {
                questions.iter().all(|question| question.judgement.verdict.is_allowed)
            }
        }
    }
}

impl Judge {
    /// # Errors
    /// If the made-up dockerd cannot be reached.
    pub(super) async fn explain(
        &self,
        request: &Parts,
        document: &Bytes,
    ) -> Result<(Explained, DockerdAnswer), Unreachable> {
        let (head, body) = match self.understand(request, document) {
            Ok(understood) => understood,
            Err(refusal) => {
                let call = format!("{} {}", request.method, request.uri.path());
                return Ok(refused(call, &refusal));
            }
        };
        let call = describe_call(&head);
        let is_probe = matches!(head.route.op, "ping" | "version" | "info");
        let action = match Box::pin(self.action(head, body)).await? {
            Ok(action) => action,
            Err(refusal) => return Ok(refused(call, &refusal)),
        };
        let registrar = Registrar {
            owners: &self.owners,
            people: &self.caller.people,
            version: ApiVersion::NEWEST,
            upstream: &self.upstream,
        };
        let questions = questions_of(&action, &registrar).await?;
        let judged =
            judge(&self.policy, &self.caller.principal, &questions).map(|(question, judgement)| {
                let thing = what(question).map(|what| format!(" of {what}")).unwrap_or_default();
                Judged { action: question.action, thing, judgement }
            });
        let judged = judged.collect();
        let found = dangers(&action).findings;
        let found = found.iter().map(|found| (found.to_string(), found.yields_host()));
        let withheld = match &action.body {
            Body::ContainerCreate(config) => {
                let (principal, mode) = (&self.caller.principal, self.settings.mode);
                withheld(&self.policy, mode, principal, &questions, config)
            }
            _ => Vec::new(),
        };
        let outcome = Outcome::Judged { questions: judged, dangers: found.collect(), withheld };
        let answer = self.dockerd.answer(&action.head, &action.body);
        Ok((Explained { call, is_probe, outcome }, answer))
    }

    fn understand(&self, request: &Parts, document: &Bytes) -> Result<(Head, Body), Refusal> {
        let Parts { method, uri, version, headers, .. } = request;
        let ignored = &self.settings.ignore_headers;
        let head = parse_head(method, uri, *version, headers, ApiVersion::NEWEST, ignored)?;
        let body = match head.route.body {
            BodyKind::None if !head.has_body => Body::None,
            BodyKind::Stream => Body::Stream,
            kind => parse_body(kind, document)?,
        };
        Ok((head, body))
    }

    /// The call with everything that it refers to.
    async fn action(
        &self,
        mut head: Head,
        mut body: Body,
    ) -> Result<Result<Action, Refusal>, Unreachable> {
        let version = head.version.unwrap_or(ApiVersion::NEWEST);
        self.dockerd.miss_volume(match &body {
            Body::VolumeCreate(volume) => volume.name.as_deref(),
            _ => None,
        });
        let object = match object::resolve(&head, version, &self.upstream).await? {
            Found::Yes(object) => object,
            Found::No(..) => return Ok(Err(Refusal::not_found("there is no such thing"))),
        };
        let finder = Finder::new(version, &self.upstream);
        let references = match finder.find(&mut head, &mut body, &object).await? {
            Ok(references) => references,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.dockerd.miss_volume(None);
        let (subject, owner) = (Rc::clone(&self.caller.subject), self.caller.owner.clone());
        Ok(Ok(Action { subject, owner, head, body, object, references }))
    }
}

fn refused(call: String, refusal: &Refusal) -> (Explained, DockerdAnswer) {
    let outcome = Outcome::Refused(refusal.message.clone());
    (Explained { call, is_probe: false, outcome }, refuse(refusal))
}

/// Method and path, without what differs from client to client; ids as short as docker shows them.
fn describe_call(head: &Head) -> String {
    let id = head.object.as_deref().filter(|object| is_id(object));
    let target = head.target(ApiVersion::NEWEST, id.and_then(|id| id.get(..SHORT_ID)));
    let path = target.split('?').next().unwrap_or_default();
    let path = path.trim_start_matches(&format!("/v{}", ApiVersion::NEWEST));
    format!("{} {path}", head.route.method.name())
}

/// How much of an id docker shows.
const SHORT_ID: usize = 12;
