//! Decides whether the caller may make a call.
//!
//! The call is allowed only if the policies permit every question of its [`Questions`]. This file
//! also writes the text of a denial. It must not know how a question came about.

use crate::api::route::ObjectKind;
use crate::dockerd::references::ANY_NAME;
use crate::judge::permissions::Permissions;
use crate::judge::questions::{Question, QuestionObject, Questions};
use crate::owner::full_name;
use crate::policy::{CallFacts, ImageFacts, Judgement, Policy, Principal, Query, Verdict};
use crate::refusal::NOT_PERMITTED;
use crate::settings::Mode;

/// The decision about a call, and the reason for it.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The caller may make the call.
    Allow {
        /// The policy that permits the call itself. `None` if no policy does and the broker only
        /// reports denials.
        policy: Option<String>,
        /// The denial that the broker reports but does not enforce.
        reported: Option<Denial>,
    },
    Deny(Denial),
}

/// Why a call is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The policy that forbids the call; `None` if no policy permits it.
    pub(crate) policy: Option<String>,
    /// The text for the caller.
    pub(crate) message: String,
    /// Whether the caller may not know that the object exists. The message then says that it does
    /// not exist.
    pub(crate) is_hidden: bool,
}

impl Denial {
    /// The text for the caller, followed by the site's help text.
    pub(crate) fn with_help(&self, help: &str) -> String {
        let separator = if help.is_empty() { "" } else { "; " };
        format!("{}{separator}{help}", self.message)
    }

    /// The reason as records show it.
    pub(crate) fn reason(&self) -> &str {
        self.policy.as_deref().unwrap_or(NOT_PERMITTED)
    }
}

/// Decides about a call.
pub(crate) fn decide(
    policy: &Policy,
    mode: Mode,
    principal: &Principal,
    questions: &Questions,
) -> Decision {
    let mut permitted_by = None;
    let mut reported = questions.is_foreign_exec.then(|| foreign_exec(questions));
    if let (Some(denial), Mode::Enforce) = (&reported, mode) {
        return Decision::Deny(denial.clone());
    }
    for (number, (question, judgement)) in answers(policy, principal, questions).enumerate() {
        let Judgement { verdict, reported: would_be } = judgement;
        if !verdict.is_allowed {
            let denial = unseen(policy, principal, questions)
                .unwrap_or_else(|| denial(policy, principal, questions, question, verdict));
            match mode {
                Mode::Enforce => return Decision::Deny(denial),
                Mode::Report => reported = reported.or(Some(denial)),
            }
        } else if number == 0 {
            permitted_by = verdict.policy;
        }
        if let Some(verdict) = would_be.filter(|verdict| !verdict.is_allowed) {
            reported =
                reported.or_else(|| Some(denial(policy, principal, questions, question, verdict)));
        }
    }
    Decision::Allow { policy: permitted_by, reported }
}

/// The judgement of the policies about each question. No judgement depends on another.
pub(crate) fn answers<'a>(
    policy: &'a Policy,
    principal: &'a Principal,
    questions: &'a Questions,
) -> impl Iterator<Item = (&'a Question, Judgement)> {
    questions
        .all
        .iter()
        .map(move |question| (question, ask(policy, principal, questions, question)))
}

fn ask(
    policy: &Policy,
    principal: &Principal,
    questions: &Questions,
    question: &Question,
) -> Judgement {
    let resource = question.object.resource();
    let query = Query { principal, action: question.action, resource, call: &questions.call };
    match &question.name {
        None => policy.ask(&query),
        Some(name) => {
            let call = CallFacts { name: name.clone(), ..questions.call.clone() };
            policy.ask(&Query { call: &call, ..query })
        }
    }
}

fn denial(
    policy: &Policy,
    principal: &Principal,
    questions: &Questions,
    question: &Question,
    verdict: Verdict,
) -> Denial {
    let permissions = Permissions { policy, mode: Mode::Enforce, principal };
    let is_hidden = !permissions.may_see(&question.object, question.is_on_privileged);
    let message = match absent_in(question).filter(|_| is_hidden) {
        Some(message) => message,
        None => explain(questions, question, &verdict),
    };
    Denial { policy: verdict.policy, message, is_hidden }
}

/// The denial that hides an object, if the call uses an object that the caller may not see. It comes
/// before every other denial, because the text of another could show what the object has.
fn unseen(policy: &Policy, principal: &Principal, questions: &Questions) -> Option<Denial> {
    answers(policy, principal, questions)
        .filter(|(question, judgement)| !judgement.verdict.is_allowed && may_be_foreign(question))
        .map(|(question, judgement)| {
            denial(policy, principal, questions, question, judgement.verdict)
        })
        .find(|denial| denial.is_hidden)
}

/// Whether the object of a question has a configuration that another caller may have made.
const fn may_be_foreign(question: &Question) -> bool {
    matches!(
        question.object,
        QuestionObject::Container(_) | QuestionObject::Volume(_) | QuestionObject::Network(_)
    )
}

/// Hides a process from every caller except the one that created it.
fn foreign_exec(questions: &Questions) -> Denial {
    let given = questions.all.first().map(|question| question.given.as_str()).unwrap_or_default();
    let message = format!("No such exec instance: {given}");
    Denial { policy: None, message, is_hidden: true }
}

fn explain(questions: &Questions, question: &Question, verdict: &Verdict) -> String {
    let object = object_in_words(question);
    let object = object.map(|object| format!(" of {object}")).unwrap_or_default();
    let why = match &verdict.policy {
        Some(policy) => format!("policy {policy} forbids it"),
        None => "no policy permits it".to_owned(),
    };
    let action = question.action;
    if questions.asks_for.is_empty() || !action.starts_with("privileged-") {
        return format!("not allowed: {action}{object}: {why}");
    }
    let asks_for = questions.asks_for.join(", ");
    format!("not allowed: {action}{object}, which asks for {asks_for}: {why}")
}

/// The object of a question, in words for people. A question about a name gives the name, not the
/// object that has the name now.
pub(crate) fn object_in_words(question: &Question) -> Option<String> {
    match (&question.name, &question.object) {
        (Some(name), _) if name == ANY_NAME => Some("any name".to_owned()),
        (Some(name), _) => Some(name.clone()),
        (None, QuestionObject::Daemon) => None,
        (None, object) => Some(describe(object, &question.given)),
    }
}

fn describe(object: &QuestionObject, given: &str) -> String {
    // An image may have several names. Show the one that the caller used.
    let image = |image: &ImageFacts| {
        let full = full_name(given);
        let forms = [given, full.trim_end_matches(":latest"), &full];
        let used = forms.iter().find_map(|form| image.names.get(*form));
        let is_tag_of =
            |name: &&String| name.strip_prefix(given).is_some_and(|tag| tag.starts_with(':'));
        let name = used.or_else(|| image.names.iter().find(is_tag_of)).cloned();
        // The caller may not be allowed to see the other names of the image.
        match given {
            "" => name.or_else(|| image.names.first().cloned()),
            given => name.or_else(|| Some(given.to_owned())),
        }
        .unwrap_or_else(|| image.id.clone())
    };
    match object {
        QuestionObject::Daemon => "docker".to_owned(),
        QuestionObject::NewContainer(container) => format!("image {}", image(&container.image)),
        QuestionObject::Container(container) => format!("container {}", container.name),
        QuestionObject::Image(facts) => format!("image {}", image(facts)),
        QuestionObject::Volume(volume) | QuestionObject::NewVolume(volume) => {
            format!("volume {}", volume.name)
        }
        QuestionObject::Network(network) | QuestionObject::NewNetwork(network) => {
            format!("network {}", network.name)
        }
    }
}

/// The error text of docker for an object that does not exist. `given` is the caller's name for it.
///
/// # Source
/// `daemon/container.go`, `daemon/images/image.go`, `volume/service/errors.go` and
/// `libnetwork/error.go` of moby.
pub(crate) fn absent(kind: ObjectKind, given: &str) -> String {
    match kind {
        ObjectKind::Container => format!("No such container: {given}"),
        ObjectKind::Exec => format!("No such exec instance: {given}"),
        ObjectKind::Image => format!("No such image: {given}"),
        ObjectKind::Volume => format!("get {given}: no such volume"),
        ObjectKind::Network => format!("network {given} not found"),
        ObjectKind::None
        | ObjectKind::Plugin
        | ObjectKind::Node
        | ObjectKind::Service
        | ObjectKind::Task
        | ObjectKind::Secret
        | ObjectKind::Config => format!("{given} not found"),
    }
}

fn absent_in(question: &Question) -> Option<String> {
    let given = &question.given;
    match &question.object {
        QuestionObject::Container(_) => Some(absent(ObjectKind::Container, given)),
        QuestionObject::Image(_) => Some(absent(ObjectKind::Image, given)),
        QuestionObject::Volume(_) => Some(absent(ObjectKind::Volume, given)),
        QuestionObject::Network(_) => Some(absent(ObjectKind::Network, given)),
        QuestionObject::Daemon
        | QuestionObject::NewContainer(_)
        | QuestionObject::NewVolume(_)
        | QuestionObject::NewNetwork(_) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
