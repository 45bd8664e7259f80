//! Writes the policies that permit the recorded activity, and as little else as possible.
//!
//! This file knows how to limit a policy to objects that policies can name. It does not know records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::activity::{Activity, UsedObjects};
use super::cedar::{Permit, commented, quoted, set, shown};
use super::principal::LearnedPrincipal;
use crate::judge::policy_action::{AskedAction, PolicyAction};

/// The policies of all principals, as text.
#[derive(Debug)]
pub(super) struct Proposal {
    /// Whether actions that give access to the host are permitted, or only shown in comments.
    with_host: bool,
    text: String,
    /// The ids in use.
    ids: BTreeSet<String>,
}

/// The objects that an action is limited to. Actions with the same limit share a policy.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// The action has no object.
    Daemon,
    /// No limit: others made some of the objects, or there were too many to name.
    None,
    Own,
    /// Containers made from these images.
    MadeOf(BTreeSet<String>),
    Images(BTreeSet<String>),
    /// Names that the calls gave to images.
    Names(BTreeSet<String>),
}

/// Most images, and most names, that one policy lists.
const NAMED_LIMIT: usize = 5;

/// Most ways to the host that a comment shows.
const WAYS_LIMIT: usize = 20;

impl Proposal {
    pub(super) fn new(with_host: bool, header: &str) -> Self {
        Self { with_host, text: commented(header), ids: BTreeSet::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Adds the policies of one principal.
    pub(super) fn add(&mut self, principal: &LearnedPrincipal, activity: &Activity) {
        let title = shown(&principal.title);
        let Activity { calls, would_be_denied, .. } = activity;
        let mut header = format!("---- {title}: {calls} calls");
        if *would_be_denied > 0 {
            let _ = write!(header, ", of which {would_be_denied} would have been denied");
        }
        for (action, count) in &activity.denied {
            let _ = write!(header, "\nDenied so far: {action} ({count}).");
        }
        let unnamed = activity.ordinary.iter().chain(&activity.host);
        let unnamed = unnamed.filter(|(_, used)| !used.unnamed.is_empty() && !used.is_any());
        for (action, used) in unnamed {
            let names: Vec<String> =
                used.unnamed.iter().take(NAMED_LIMIT).map(|name| shown(name)).collect();
            let count = used.unnamed.len();
            let _ = write!(
                header,
                "\nNot covered: {action} on images that policies cannot name ({count}): {}.",
                names.join(", ")
            );
        }
        let _ = write!(self.text, "\n{}", commented(&header));
        let prefix = format!("learnt-{}", principal.slug);
        let ordinary = self.permits(principal, &activity.ordinary, &prefix);
        self.text += &ordinary;
        let host = self.permits(principal, &activity.host, &format!("{prefix}-host"));
        if !host.is_empty() {
            self.add_host(&title, &activity.ways, &host);
        }
    }

    fn add_host(&mut self, title: &str, ways: &BTreeSet<String>, policies: &str) {
        let mut warning = format!(
            "HOST ACCESS: these policies let the caller become root of the host. What {title} did:"
        );
        for way in ways.iter().take(WAYS_LIMIT) {
            let _ = write!(warning, "\n  {}", shown(way));
        }
        if let Some(more) = ways.len().checked_sub(WAYS_LIMIT).filter(|more| *more > 0) {
            let _ = write!(warning, "\n  and {more} more");
        }
        let _ = write!(self.text, "\n{}", commented(&warning));
        if self.with_host {
            self.text += policies;
        } else {
            self.text += &commented(policies);
        }
    }

    /// The fewest policies that permit these actions.
    fn permits(
        &mut self,
        principal: &LearnedPrincipal,
        actions: &BTreeMap<AskedAction, UsedObjects>,
        prefix: &str,
    ) -> String {
        let mut by_limit: BTreeMap<Limit, Vec<AskedAction>> = BTreeMap::new();
        for (action, used) in actions {
            if let Some(limit) = Limit::of(*action, used) {
                by_limit.entry(limit).or_default().push(*action);
            }
        }
        let used = actions;
        let mut text = String::new();
        for (limit, actions) in &by_limit {
            text.push('\n');
            for (action, used) in used.iter().filter(|(_, used)| used.has_too_many_names()) {
                if actions.contains(action) {
                    let count = used.images.len().max(used.names.len());
                    let _ = writeln!(
                        text,
                        "// {action}: not limited, because {count} names are too many."
                    );
                }
            }
            let conditions = principal.conditions.iter().cloned().chain(limit.condition());
            let conditions: Vec<String> = conditions.collect();
            let permit = Permit {
                id: &self.id(&format!("{prefix}-{}", limit.word())),
                description: limit.description(),
                principal: &principal.constraint,
                actions,
                conditions: &conditions,
            };
            text += &permit.text();
        }
        text
    }

    /// An id that no other policy has.
    fn id(&mut self, wanted: &str) -> String {
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        let mut ids = [wanted.to_owned()].into_iter().chain(numbered);
        let id = ids.find(|id| !self.ids.contains(id)).unwrap_or_default();
        self.ids.insert(id.clone());
        id
    }
}

impl UsedObjects {
    /// Whether only a policy without a limit covers all objects.
    fn is_any(&self) -> bool {
        self.is_others || self.has_too_many_names()
    }

    /// Whether there are too many images or names to list.
    fn has_too_many_names(&self) -> bool {
        self.images.len().max(self.names.len()) > NAMED_LIMIT
    }
}

impl Limit {
    /// The narrowest limit that covers all objects; `None` if policies can name none of them.
    fn of(action: AskedAction, used: &UsedObjects) -> Option<Self> {
        let UsedObjects { images, names, .. } = used;
        if used.is_any() {
            return Some(Self::None);
        }
        if !images.is_empty() {
            let is_made_of = action.action == PolicyAction::ContainerCreate;
            let limit = if is_made_of { Self::MadeOf } else { Self::Images };
            return Some(limit(images.clone()));
        }
        if !names.is_empty() {
            return Some(Self::Names(names.clone()));
        }
        if used.is_own {
            return Some(Self::Own);
        }
        used.is_daemon.then_some(Self::Daemon)
    }

    /// The word for it in ids.
    const fn word(&self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::None => "any",
            Self::Own => "own",
            Self::MadeOf(_) => "made-of",
            Self::Images(_) => "images",
            Self::Names(_) => "names",
        }
    }

    const fn description(&self) -> &'static str {
        match self {
            Self::Daemon => "Actions without an object, and lists.",
            Self::None => "All objects, including those that other callers made.",
            Self::Own => "Objects that the caller made.",
            Self::MadeOf(_) => "Containers made from these images.",
            Self::Images(_) => "These images.",
            Self::Names(_) => "Images with these names.",
        }
    }

    fn condition(&self) -> Option<String> {
        let any_of = |names: &BTreeSet<String>, image: &str| match names.first() {
            Some(name) if names.len() == 1 => format!("{image}.names.contains({})", quoted(name)),
            _ => format!("{image}.names.containsAny({})", set(names)),
        };
        match self {
            Self::Daemon | Self::None => None,
            Self::Own => Some("resource in principal".to_owned()),
            Self::MadeOf(images) => Some(any_of(images, "resource.image")),
            Self::Images(images) => Some(any_of(images, "resource")),
            Self::Names(names) => Some(format!("{}.contains(context.name)", set(names))),
        }
    }
}
