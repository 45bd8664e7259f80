//! May the caller do this?
//!
//! This room finds the dangers of a call and the questions that it raises, puts the questions to the
//! policies, and returns a decision. It must not write a record, and it must not change anything at
//! dockerd.

pub(crate) mod action;
pub(crate) mod ambiguous_name;
pub(crate) mod build_cache;
pub(crate) mod danger;
pub(crate) mod decision;
pub(crate) mod denial;
pub(crate) mod host_path;
pub(crate) mod permissions;
pub(crate) mod policy_action;
pub(crate) mod privileged_containers;
pub(crate) mod questions;
pub(crate) mod tool_label;
pub(crate) mod withheld;

use std::rc::Rc;

use bytes::Bytes;
use hyper::{Response, StatusCode};

use crate::api::body::Body;
use crate::api::operation::{ImageOperation, Operation};
use crate::api::request::Head;
use crate::dockerd::find_error::FindError;
use crate::dockerd::finder::{Finder, holder_of};
use crate::dockerd::object;
use crate::dockerd::upstream::Found;
use crate::judge::action::Action;
use crate::judge::ambiguous_name::refuse_ambiguous_name;
use crate::judge::danger::Dangers;
use crate::judge::decision::{Decision, decide};
use crate::judge::permissions::Permissions;
use crate::judge::questions::{Questions, questions_of};
use crate::judge::withheld::{Withheld, withheld};
use crate::owner::Owner;
use crate::policy::{Policy, Principal};
use crate::settings::Mode;
use crate::who::owner_finder::OwnerFinder;
use crate::who::subject::Subject;

/// Judges the calls of one caller. `serve` and `explain` both judge by this.
pub(crate) struct Judge<'a> {
    pub(crate) subject: &'a Rc<Subject>,
    pub(crate) principal: &'a Principal,
    /// The owner of anything that the caller creates.
    pub(crate) owner: Owner,
    pub(crate) policy: &'a Policy,
    pub(crate) mode: Mode,
    pub(crate) owner_finder: OwnerFinder<'a>,
}

/// A call that the broker has judged.
pub(crate) struct Judged {
    pub(crate) action: Action,
    /// dockerd's response, if the call only inspects the object.
    pub(crate) inspected: Option<Response<Bytes>>,
    pub(crate) dangers: Dangers,
    pub(crate) questions: Questions,
    pub(crate) decision: Decision,
    /// The privileges that a new container does not get.
    pub(crate) withheld: Vec<Withheld>,
}

/// Why the broker cannot judge a call.
#[derive(Debug)]
pub(crate) enum NotJudged {
    /// The object of the path does not exist: dockerd's response.
    Absent { head: Box<Head>, status: StatusCode, answer: Bytes },
    /// The broker could not find what the request names.
    NotFound(FindError),
}

impl Judge<'_> {
    /// Finds what a request names, and decides whether the caller may make the call.
    ///
    /// # Errors
    /// If an object does not exist, if the request names too many objects, or if dockerd cannot be
    /// reached.
    pub(crate) async fn judge(&self, mut head: Head, mut body: Body) -> Result<Judged, NotJudged> {
        let (version, upstream) = (self.owner_finder.version, self.owner_finder.upstream);
        let resolved = match object::resolve(&head, version, upstream).await? {
            Found::Yes(resolved) => resolved,
            Found::No(status, answer) => {
                return Err(NotJudged::Absent { head: Box::new(head), status, answer });
            }
        };
        let object::Resolved { object, inspected } = resolved;
        let finder = Finder::new(version, upstream);
        let mut references = finder.find(&mut head, &mut body, &object).await?;
        if head.route.operation == Operation::Image(ImageOperation::Load)
            && !self.may_take_every_name()
        {
            // The broker reads the archive, and then judges each name.
            references.names_taken.clear();
        }
        let (subject, owner) = (Rc::clone(self.subject), self.owner.clone());
        let action = Action { subject, owner, head, body, object, references };

        let dangers = danger::find(&action, upstream.timeout()).await;
        let (questions, decision, withheld) = self.decide(&action, &dangers).await?;
        Ok(Judged { action, inspected, dangers, questions, decision, withheld })
    }

    /// Decides again about a call that takes image names, with the current holder of each name.
    ///
    /// # Errors
    /// If dockerd cannot be reached.
    pub(crate) async fn judge_names_again(&self, judged: &mut Judged) -> Result<(), NotJudged> {
        let (version, upstream) = (self.owner_finder.version, self.owner_finder.upstream);
        for taken in judged.action.references.held_names_mut() {
            taken.holder = holder_of(&taken.name, version, upstream).await?;
        }
        (judged.questions, judged.decision, judged.withheld) =
            self.decide(&judged.action, &judged.dangers).await?;
        Ok(())
    }

    /// Puts the questions of a call to the policies.
    async fn decide(
        &self,
        action: &Action,
        dangers: &Dangers,
    ) -> Result<(Questions, Decision, Vec<Withheld>), NotJudged> {
        let (version, upstream) = (self.owner_finder.version, self.owner_finder.upstream);
        let questions = questions_of(action, dangers, &self.owner_finder).await?;
        let decision = decide(self.policy, self.mode, self.principal, &questions);
        let mut withheld = Vec::new();
        if let Decision::Allow { .. } = decision {
            withheld = self.withheld(&action.body, &questions);
            refuse_ambiguous_name(action, version, upstream).await?;
        }
        Ok((questions, decision, withheld))
    }

    /// What the policies permit the caller.
    pub(crate) fn permissions(&self) -> Permissions<'_> {
        Permissions { policy: self.policy, mode: self.mode, principal: self.principal }
    }

    /// Whether the policies let the caller give any name to an image, even if they only report denials.
    fn may_take_every_name(&self) -> bool {
        Permissions { mode: Mode::Enforce, ..self.permissions() }.may_take_every_name()
    }

    fn withheld(&self, body: &Body, questions: &Questions) -> Vec<Withheld> {
        match body {
            Body::ContainerCreate(config) => withheld(self.permissions(), questions, config),
            // The tasks of a service keep what docker gives: a limit that the threat model names. The
            // other bodies make no container.
            Body::Service(_)
            | Body::None
            | Body::Stream
            | Body::Auth(_)
            | Body::ContainerUpdate(_)
            | Body::Commit(_)
            | Body::ExecCreate(_)
            | Body::ExecStart(_)
            | Body::VolumeCreate(_)
            | Body::VolumeUpdate(_)
            | Body::NetworkCreate(_)
            | Body::NetworkConnect(_)
            | Body::NetworkDisconnect(_)
            | Body::PluginPrivileges(_)
            | Body::PluginSet(_)
            | Body::SwarmInit(_)
            | Body::SwarmJoin(_)
            | Body::SwarmUpdate(_)
            | Body::SwarmUnlock(_)
            | Body::NodeUpdate(_)
            | Body::Secret(_)
            | Body::Config(_) => Vec::new(),
        }
    }
}

impl<E: Into<FindError>> From<E> for NotJudged {
    fn from(error: E) -> Self {
        Self::NotFound(error.into())
    }
}
