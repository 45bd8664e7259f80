//! Whether somebody may do what they ask for.
//!
//! The one place where that is decided: every question of a [`Questions`] has to be answered with yes.

use crate::api::route::ObjectKind;
use crate::dockerd::references::ANY_NAME;
use crate::judge::permissions::Permissions;
use crate::judge::questions::{Question, QuestionObject, Questions};
use crate::owner::full_name;
use crate::policy::{CallFacts, ImageFacts, Judgement, Policy, Principal, Query, Verdict};
use crate::refusal::NOT_PERMITTED;
use crate::settings::Mode;

/// The answer, and why.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It may be done.
    Allow {
        /// The policy that permits the call itself; `None` if none does, and denials are reported
        /// only.
        policy: Option<String>,
        /// What would have denied it, did it count.
        reported: Option<Denial>,
    },
    Deny(Denial),
}

/// Why something is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The policy that forbids it; `None` where none permits it.
    pub(crate) policy: Option<String>,
    /// What is told to who asked.
    pub(crate) message: String,
    /// Whether who asked may not even know of the thing, so that the message says that there is
    /// none.
    pub(crate) is_hidden: bool,
}

impl Denial {
    /// What is told to who asked, with whom to ask.
    pub(crate) fn told(&self, help: &str) -> String {
        let separator = if help.is_empty() { "" } else { "; " };
        format!("{}{separator}{help}", self.message)
    }

    /// The word for it in records.
    pub(crate) fn reason(&self) -> &str {
        self.policy.as_deref().unwrap_or(NOT_PERMITTED)
    }
}

/// Decides on a case.
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

/// The answer of the policies to each question, whatever they answer to the others.
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

/// The denial for what is used and may not even be known of: any other would tell what it has.
fn unseen(policy: &Policy, principal: &Principal, questions: &Questions) -> Option<Denial> {
    answers(policy, principal, questions)
        .filter(|(question, judgement)| !judgement.verdict.is_allowed && tells_of_another(question))
        .map(|(question, judgement)| {
            denial(policy, principal, questions, question, judgement.verdict)
        })
        .find(|denial| denial.is_hidden)
}

/// Whether what a step is about has a configuration of its own, which somebody has made.
const fn tells_of_another(question: &Question) -> bool {
    matches!(
        question.object,
        QuestionObject::Container(_) | QuestionObject::Volume(_) | QuestionObject::Network(_)
    )
}

/// Who starts a process in a container knows its id, and nobody else has to.
fn foreign_exec(questions: &Questions) -> Denial {
    let given = questions.all.first().map(|question| question.given.as_str()).unwrap_or_default();
    let message = format!("No such exec instance: {given}");
    Denial { policy: None, message, is_hidden: true }
}

fn explain(questions: &Questions, question: &Question, verdict: &Verdict) -> String {
    let what = what(question).map(|what| format!(" of {what}")).unwrap_or_default();
    let why = match &verdict.policy {
        Some(policy) => format!("policy {policy} forbids it"),
        None => "no policy permits it".to_owned(),
    };
    let action = question.action;
    if questions.asks_for.is_empty() || !action.starts_with("privileged-") {
        return format!("you are not allowed {action}{what}: {why}");
    }
    let asks_for = questions.asks_for.join(", ");
    format!("you are not allowed {action}{what}, which asks for {asks_for}: {why}")
}

/// What a step is about, in words for people: the name that is taken, whatever has it so far.
pub(crate) fn what(question: &Question) -> Option<String> {
    match (&question.name, &question.object) {
        (Some(name), _) if name == ANY_NAME => Some("any name".to_owned()),
        (Some(name), _) => Some(name.clone()),
        (None, QuestionObject::Daemon) => None,
        (None, thing) => Some(describe(thing, &question.given)),
    }
}

fn describe(thing: &QuestionObject, given: &str) -> String {
    // Of several names the one that was asked for.
    let image = |image: &ImageFacts| {
        let full = full_name(given);
        let forms = [given, full.trim_end_matches(":latest"), &full];
        let asked_for = forms.iter().find_map(|form| image.names.get(*form));
        let is_tag_of =
            |name: &&String| name.strip_prefix(given).is_some_and(|tag| tag.starts_with(':'));
        let known = asked_for.or_else(|| image.names.iter().find(is_tag_of));
        let known = known.cloned();
        // Other names of the image may be none of the caller's business.
        match given {
            "" => known.or_else(|| image.names.first().cloned()),
            given => known.or_else(|| Some(given.to_owned())),
        }
        .unwrap_or_else(|| image.id.clone())
    };
    match thing {
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

/// What docker says of a thing that is not there, by the name under which it was asked for.
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
