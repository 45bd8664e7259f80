//! Collects the actions of each principal, with their objects.
//!
//! This file knows which objects of an action policies can name. It does not know Cedar's syntax.

use std::collections::{BTreeMap, BTreeSet};

use audit_host::image_name::full_name;
use audit_host::object_id::may_be_short_id;

use super::call::{RecordedCall, RecordedCaller};
use super::known_objects::KnownObjects;
use super::needed_actions::{NeededObject, needs};
use crate::dockerd::references::ANY_NAME;
use crate::judge::policy_action::AskedAction;
use crate::policy::ImageFacts;

/// The actions of one principal.
#[derive(Debug, Default)]
pub(super) struct Activity {
    pub(super) calls: usize,
    pub(super) would_be_denied: usize,
    /// How often each action was denied.
    pub(super) denied: BTreeMap<AskedAction, usize>,
    /// The objects of each ordinary action.
    pub(super) ordinary: BTreeMap<AskedAction, UsedObjects>,
    /// The objects of each action that gives access to the host.
    pub(super) host: BTreeMap<AskedAction, UsedObjects>,
    /// The ways in which the calls gave access to the host.
    pub(super) ways: BTreeSet<String>,
}

/// The objects of an action.
#[derive(Debug, Default)]
pub(super) struct UsedObjects {
    pub(super) is_daemon: bool,
    /// Whether the principal made some of the objects.
    pub(super) is_own: bool,
    /// Whether others made some of the objects, or the maker of some is unknown.
    pub(super) is_others: bool,
    /// Images, by name.
    pub(super) images: BTreeSet<String>,
    /// Names that the calls gave to images.
    pub(super) names: BTreeSet<String>,
    /// Images that no policy can name, for example because the call used an id.
    pub(super) unnamed: BTreeSet<String>,
}

/// Longest name in a policy, in bytes. A longer one may be continued in another record.
const NAME_LIMIT_BYTES: usize = 256;

impl Activity {
    pub(super) fn add(&mut self, call: &RecordedCall, known: &KnownObjects<'_>) {
        self.calls += 1;
        self.would_be_denied += usize::from(call.would_be_denied);
        let needs = needs(call, known);
        for (action, object) in needs {
            let is_host = action.gives_host_access();
            let actions = if is_host { &mut self.host } else { &mut self.ordinary };
            actions.entry(action).or_default().add(object, &call.caller);
            if call.is_denied {
                *self.denied.entry(action).or_default() += 1;
            }
            if is_host {
                let since_creation = known.ways(call.uuid.as_deref()).iter();
                self.ways.extend(call.ways.iter().chain(since_creation).cloned());
            }
        }
    }
}

impl UsedObjects {
    fn add(&mut self, object: NeededObject<'_>, caller: &RecordedCaller) {
        match object {
            NeededObject::Daemon => self.is_daemon = true,
            NeededObject::Of(Some(owner)) if *owner == caller.as_owner() => self.is_own = true,
            NeededObject::Of(_) => self.is_others = true,
            NeededObject::Image(Some(name)) if can_be_named(name) => {
                self.images.extend(ImageFacts::of_name(name).names.into_iter().next());
            }
            NeededObject::Name(Some(name)) if name.len() <= NAME_LIMIT_BYTES => {
                let is_any = name == ANY_NAME;
                self.names.insert(if is_any { name.to_owned() } else { full_name(name) });
            }
            NeededObject::Image(name) | NeededObject::Name(name) => {
                let shown = name.unwrap_or("?").chars().take(NAME_LIMIT_BYTES).collect();
                self.unnamed.insert(shown);
            }
        }
    }
}

/// Whether this is a name of an image, not an id.
fn can_be_named(image: &str) -> bool {
    !may_be_short_id(image) && !image.starts_with("sha256:") && image.len() <= NAME_LIMIT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::policy_action::PolicyAction;
    use crate::policy::{CallFacts, Policy, PolicyQuery, Principal, Resource};

    #[test]
    fn actions_that_give_host_access_are_those_in_the_schemas_group() {
        let policy = r#"@id("host") permit (principal, action in Action::"host", resource);"#;
        let policy = Policy::from_text(policy).unwrap();
        let principal =
            Principal::User { name: "root".to_owned(), uid: 0, groups: BTreeSet::default() };
        for action in PolicyAction::ALL {
            for asked in [action.plain(), action.privileged()] {
                let (call, resource, action) =
                    (CallFacts::default(), Resource::Daemon, asked.name());
                let query = PolicyQuery { principal: &principal, action, resource, call: &call };
                let is_allowed = policy.ask(&query).decision.is_allowed;
                assert_eq!(asked.gives_host_access(), is_allowed, "{action}");
            }
        }
    }

    #[test]
    fn an_id_is_not_a_name_of_an_image() {
        assert!(can_be_named("fedora") && can_be_named("cafe") && can_be_named("x@sha256:ab"));
        assert!(!can_be_named("sha256:ab") && !can_be_named("0123456789ab"));
    }
}
