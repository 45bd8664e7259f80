//! Decides whether the caller may make a call.
//!
//! The call is allowed only if the policies permit every question of its [`Questions`]. This file
//! also writes the text of a denial. It must not know how a question came about.

use audit_host::image_name::full_name;
use hyper::StatusCode;

use crate::api::route::ObjectKind;
use crate::dockerd::references::ANY_NAME;
use crate::judge::denial::{Denial, Denied};
use crate::judge::permissions::Permissions;
use crate::judge::questions::{Absence, Question, QuestionObject, Questions};
use crate::judge::tool_label::is_own;
use crate::policy::{
    CallFacts, ImageFacts, Judgement, Policy, PolicyDecision, PolicyQuery, Principal,
};
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
        let Judgement { decision, reported: would_be } = judgement;
        if !decision.is_allowed {
            let denial = unseen(policy, principal, questions)
                .unwrap_or_else(|| denial(policy, principal, questions, question, decision));
            match mode {
                Mode::Enforce => return Decision::Deny(denial),
                Mode::Report => reported = reported.or(Some(denial)),
            }
        } else if number == 0 {
            permitted_by = decision.policy;
        }
        if let Some(decision) = would_be.filter(|decision| !decision.is_allowed) {
            reported =
                reported.or_else(|| Some(denial(policy, principal, questions, question, decision)));
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
    let action = question.action.name();
    let query = PolicyQuery { principal, action, resource, call: &questions.call };
    match &question.name {
        None => policy.ask(&query),
        Some(name) => {
            let call = CallFacts { name: name.clone(), ..questions.call.clone() };
            policy.ask(&PolicyQuery { call: &call, ..query })
        }
    }
}

fn denial(
    policy: &Policy,
    principal: &Principal,
    questions: &Questions,
    question: &Question,
    decision: PolicyDecision,
) -> Denial {
    let permissions = Permissions { policy, mode: Mode::Enforce, principal };
    // There is nothing to hide from the owner of an object.
    let is_own = question.object.maker().is_some_and(|maker| is_own(principal, maker));
    let is_hidden = !is_own && !permissions.may_see(&question.object, question.is_on_privileged);
    let message = match absent_in(question).filter(|_| is_hidden) {
        Some(message) => message,
        None => explain(questions, question, &decision),
    };
    let hidden_as = is_hidden.then(|| absent_status(questions.absence, question));
    Denial { policy: decision.policy, message, hidden_as }
}

/// The status with which docker responds about the object of a question if it does not exist.
fn absent_status(absence: Absence, question: &Question) -> StatusCode {
    match (absence, &question.object, question.mention) {
        (Absence::NotFound, ..) | (Absence::NewContainer, QuestionObject::Image(_), None) => {
            StatusCode::NOT_FOUND
        }
        (Absence::NewContainer, ..) => StatusCode::BAD_REQUEST,
        (Absence::ForcedRemoval, ..) => StatusCode::NO_CONTENT,
    }
}

/// The denial that hides an object, if the call uses an object that the caller may not see. It comes
/// before every other denial, because the text of another could show what the object has.
fn unseen(policy: &Policy, principal: &Principal, questions: &Questions) -> Option<Denial> {
    answers(policy, principal, questions)
        .filter(|(question, judgement)| !judgement.decision.is_allowed && may_be_foreign(question))
        .map(|(question, judgement)| {
            denial(policy, principal, questions, question, judgement.decision)
        })
        .find(|denial| denial.hidden_as.is_some())
}

/// Whether the object of a question has a configuration that another caller may have made.
const fn may_be_foreign(question: &Question) -> bool {
    matches!(
        question.object,
        QuestionObject::Container(_) | QuestionObject::Volume(_) | QuestionObject::Network(_)
    )
}

/// Hides a process from every caller except the one that created it.
pub(crate) fn foreign_exec(questions: &Questions) -> Denial {
    let given = questions.all.first().map(|question| question.given.as_str()).unwrap_or_default();
    let message = format!("No such exec instance: {given}");
    Denial { policy: None, message, hidden_as: Some(StatusCode::NOT_FOUND) }
}

fn explain(questions: &Questions, question: &Question, decision: &PolicyDecision) -> String {
    let (object, policy) = (object_in_words(question), decision.policy.as_deref());
    Denied { questions, question, object: object.as_deref(), policy }.to_string()
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

fn absent_in(question: &Question) -> Option<String> {
    let given = &question.given;
    if let Some(mention) = question.mention {
        return Some(mention.missing(given));
    }
    match &question.object {
        QuestionObject::Container(_) => Some(ObjectKind::Container.missing(given)),
        QuestionObject::Image(_) => Some(ObjectKind::Image.missing(given)),
        QuestionObject::Volume(_) => Some(ObjectKind::Volume.missing(given)),
        QuestionObject::Network(_) => Some(ObjectKind::Network.missing(given)),
        QuestionObject::Daemon
        | QuestionObject::NewContainer(_)
        | QuestionObject::NewVolume(_)
        | QuestionObject::NewNetwork(_) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
