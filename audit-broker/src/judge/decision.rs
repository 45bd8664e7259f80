//! Whether somebody may do what they ask for.
//!
//! The one place where that is decided: every question of a [`Case`] has to be answered with yes.

use std::collections::BTreeSet;

use crate::api::route::ObjectKind;
use crate::dockerd::references::ANY_NAME;
use crate::judge::operation;
use crate::judge::questions::{Case, Step, Thing};
use crate::owner::{Kind, full_name};
use crate::policy::{
    Call, ContainerFacts, ImageFacts, Judgement, Maker, ObjectFacts, Policy, Principal, Question,
    Resource, Verdict,
};
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
pub(crate) fn decide(policy: &Policy, mode: Mode, principal: &Principal, case: &Case) -> Decision {
    let mut permitted_by = None;
    let mut reported = case.is_foreign_exec.then(|| foreign_exec(case));
    if let (Some(denial), Mode::Enforce) = (&reported, mode) {
        return Decision::Deny(denial.clone());
    }
    for (number, (step, judgement)) in judge(policy, principal, case).enumerate() {
        let Judgement { verdict, reported: would_be } = judgement;
        if !verdict.is_allowed {
            let denial = unseen(policy, principal, case)
                .unwrap_or_else(|| denial(policy, principal, case, step, verdict));
            match mode {
                Mode::Enforce => return Decision::Deny(denial),
                Mode::Report => reported = reported.or(Some(denial)),
            }
        } else if number == 0 {
            permitted_by = verdict.policy;
        }
        if let Some(verdict) = would_be.filter(|verdict| !verdict.is_allowed) {
            reported = reported.or_else(|| Some(denial(policy, principal, case, step, verdict)));
        }
    }
    Decision::Allow { policy: permitted_by, reported }
}

/// What the policies say to each step, whatever they say to the others.
pub(crate) fn judge<'a>(
    policy: &'a Policy,
    principal: &'a Principal,
    case: &'a Case,
) -> impl Iterator<Item = (&'a Step, Judgement)> {
    case.steps.iter().map(move |step| (step, ask(policy, principal, case, step)))
}

/// Whether something is allowed, or would only be reported.
pub(crate) fn permits(policy: &Policy, mode: Mode, question: &Question<'_>) -> bool {
    mode == Mode::Report || policy.ask(question).verdict.is_allowed
}

/// Whether somebody may see a thing in lists and events. What is not to be seen is not there.
pub(crate) fn may_see(
    policy: &Policy,
    mode: Mode,
    principal: &Principal,
    thing: &Thing,
    is_privileged: bool,
) -> bool {
    let Some(action) = seeing(thing, is_privileged) else { return true };
    let call = Call::default();
    let question = Question { principal, action, resource: thing.resource(), call: &call };
    permits(policy, mode, &question)
}

/// Whether a caller may see a thing of which the owner is not known: only a caller who may see both
/// what root made and what a stranger made. Of what kind the thing is, `kind` says: an image, a volume or
/// a network; any other counts as a container.
pub(crate) fn may_see_unknown(
    policy: &Policy,
    mode: Mode,
    principal: &Principal,
    kind: Kind,
) -> bool {
    let stranger = Maker::User { name: String::new(), groups: BTreeSet::new() };
    let things = [Maker::root(), stranger].map(|maker| {
        let container = ContainerFacts { maker: maker.clone(), ..ContainerFacts::of_root() };
        let object = ObjectFacts { maker, ..ObjectFacts::of_root() };
        match kind {
            Kind::Volume => Thing::Volume(object),
            Kind::Network => Thing::Network(object),
            Kind::Image => Thing::Image(ImageFacts { maker: container.maker, ..container.image }),
            _ => Thing::Container(container),
        }
    });
    let may_see = |thing, is_privileged| may_see(policy, mode, principal, thing, is_privileged);
    things.iter().all(|thing| [true, false].iter().all(|known| may_see(thing, *known)))
}

/// Whether a caller may see what BuildKit has in its cache: the text of each step, with no word of the
/// caller who built it. So it counts as an image of which the owner is not known.
pub(crate) fn may_see_build_cache(policy: &Policy, mode: Mode, principal: &Principal) -> bool {
    let (action, resource) = (operation::BUILD.name, Resource::Daemon);
    let question = Question { principal, action, resource, call: &Call::default() };
    permits(policy, mode, &question) && may_see_unknown(policy, mode, principal, Kind::Image)
}

/// Whether somebody may give any name to an image, so that it does not matter what has it.
pub(crate) fn names_all(policy: &Policy, mode: Mode, principal: &Principal) -> bool {
    let roots = ImageFacts::of_name("");
    let (action, resource) = (operation::IMAGE_NAME.name, Resource::Image(&roots));
    let question = Question { principal, action, resource, call: &Call::default() };
    permits(policy, mode, &question)
}

/// Whether somebody may remove or push whatever anybody has, so that a call need not spare it. `op` is
/// that of a prune, or of the push.
pub(crate) fn reaches_all(policy: &Policy, mode: Mode, principal: &Principal, op: &str) -> bool {
    let container = ContainerFacts::of_root();
    let object = ObjectFacts::of_root();
    let (action, resource) = match op {
        "image-push" => (operation::IMAGE_PUSH.name, Resource::Image(&container.image)),
        "image-prune" => (operation::IMAGE_DELETE.name, Resource::Image(&container.image)),
        "volume-prune" => (operation::VOLUME_DELETE.name, Resource::Volume(&object)),
        "network-prune" => (operation::NETWORK_DELETE.name, Resource::Network(&object)),
        _ => (operation::CONTAINER_DELETE.action(true), Resource::Container(&container)),
    };
    let question = Question { principal, action, resource, call: &Call::default() };
    permits(policy, mode, &question)
}

fn ask(policy: &Policy, principal: &Principal, case: &Case, step: &Step) -> Judgement {
    let resource = step.thing.resource();
    let question = Question { principal, action: step.action, resource, call: &case.call };
    match &step.name {
        None => policy.ask(&question),
        Some(name) => {
            let call = Call { name: name.clone(), ..case.call.clone() };
            policy.ask(&Question { call: &call, ..question })
        }
    }
}

fn denial(
    policy: &Policy,
    principal: &Principal,
    case: &Case,
    step: &Step,
    verdict: Verdict,
) -> Denial {
    let is_hidden = !may_see(policy, Mode::Enforce, principal, &step.thing, step.is_on_privileged);
    let message = match absent_in(step).filter(|_| is_hidden) {
        Some(message) => message,
        None => explain(case, step, &verdict),
    };
    Denial { policy: verdict.policy, message, is_hidden }
}

/// The denial for what is used and may not even be known of: any other would tell what it has.
fn unseen(policy: &Policy, principal: &Principal, case: &Case) -> Option<Denial> {
    judge(policy, principal, case)
        .filter(|(step, judgement)| !judgement.verdict.is_allowed && tells_of_another(step))
        .map(|(step, judgement)| denial(policy, principal, case, step, judgement.verdict))
        .find(|denial| denial.is_hidden)
}

/// Whether what a step is about has a configuration of its own, which somebody has made.
const fn tells_of_another(step: &Step) -> bool {
    matches!(step.thing, Thing::Container(_) | Thing::Volume(_) | Thing::Network(_))
}

/// Who starts a process in a container knows its id, and nobody else has to.
fn foreign_exec(case: &Case) -> Denial {
    let given = case.steps.first().map(|step| step.given.as_str()).unwrap_or_default();
    let message = format!("No such exec instance: {given}");
    Denial { policy: None, message, is_hidden: true }
}

fn explain(case: &Case, step: &Step, verdict: &Verdict) -> String {
    let what = what(step).map(|what| format!(" of {what}")).unwrap_or_default();
    let why = match &verdict.policy {
        Some(policy) => format!("policy {policy} forbids it"),
        None => "no policy permits it".to_owned(),
    };
    let action = step.action;
    if case.asks_for.is_empty() || !action.starts_with("privileged-") {
        return format!("you are not allowed {action}{what}: {why}");
    }
    let asks_for = case.asks_for.join(", ");
    format!("you are not allowed {action}{what}, which asks for {asks_for}: {why}")
}

/// What a step is about, in words for people: the name that is taken, whatever has it so far.
pub(crate) fn what(step: &Step) -> Option<String> {
    match (&step.name, &step.thing) {
        (Some(name), _) if name == ANY_NAME => Some("any name".to_owned()),
        (Some(name), _) => Some(name.clone()),
        (None, Thing::Daemon) => None,
        (None, thing) => Some(describe(thing, &step.given)),
    }
}

fn describe(thing: &Thing, given: &str) -> String {
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
        Thing::Daemon => "docker".to_owned(),
        Thing::NewContainer(container) => format!("image {}", image(&container.image)),
        Thing::Container(container) => format!("container {}", container.name),
        Thing::Image(facts) => format!("image {}", image(facts)),
        Thing::Volume(volume) | Thing::NewVolume(volume) => format!("volume {}", volume.name),
        Thing::Network(network) | Thing::NewNetwork(network) => format!("network {}", network.name),
    }
}

/// The action by which a thing that is there is seen.
const fn seeing(thing: &Thing, is_privileged: bool) -> Option<&'static str> {
    match thing {
        Thing::Container(_) => Some(operation::CONTAINER_INSPECT.action(is_privileged)),
        Thing::Image(_) => Some(operation::IMAGE_INSPECT.name),
        Thing::Volume(_) => Some(operation::VOLUME_INSPECT.name),
        Thing::Network(_) => Some(operation::NETWORK_INSPECT.name),
        Thing::Daemon | Thing::NewContainer(_) | Thing::NewVolume(_) | Thing::NewNetwork(_) => None,
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

fn absent_in(step: &Step) -> Option<String> {
    let given = &step.given;
    match &step.thing {
        Thing::Container(_) => Some(absent(ObjectKind::Container, given)),
        Thing::Image(_) => Some(absent(ObjectKind::Image, given)),
        Thing::Volume(_) => Some(absent(ObjectKind::Volume, given)),
        Thing::Network(_) => Some(absent(ObjectKind::Network, given)),
        Thing::Daemon | Thing::NewContainer(_) | Thing::NewVolume(_) | Thing::NewNetwork(_) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
