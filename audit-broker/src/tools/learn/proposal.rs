//! The policies that permit what was done, and no more than can be told from the trail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::cedar::{Permit, commented, quoted, set, shown};
use super::done::{Deeds, Reach};
use super::principal::LearnedPrincipal;

/// Writes the policies of everybody.
#[derive(Debug)]
pub(super) struct Proposal {
    /// Whether what yields the host is proposed too, or only shown.
    with_host: bool,
    text: String,
    /// The ids that are taken.
    ids: BTreeSet<String>,
}

/// What an action is limited to. Those of one limit stand in one policy.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// It is about no object.
    Daemon,
    /// Nothing: it was done with what others made, or with too many to name.
    None,
    Own,
    /// The image that a container is made of.
    MadeOf(BTreeSet<String>),
    Images(BTreeSet<String>),
    /// The name that is taken.
    Names(BTreeSet<String>),
}

/// Most images or names that are named.
const NAMED_LIMIT: usize = 5;

/// Most ways to the host that are shown.
const WAYS_LIMIT: usize = 20;

impl Proposal {
    pub(super) fn new(with_host: bool, head: &str) -> Self {
        Self { with_host, text: commented(head), ids: BTreeSet::new() }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Adds the policies of one principal.
    pub(super) fn add(&mut self, principal: &LearnedPrincipal, deeds: &Deeds) {
        let title = shown(&principal.title);
        let Deeds { calls, would_be_denied, .. } = deeds;
        let mut head = format!("---- {title}: {calls} calls");
        if *would_be_denied > 0 {
            let _ = write!(head, ", of which {would_be_denied} would have been denied");
        }
        for (action, count) in &deeds.denied {
            let _ = write!(head, "\nDenied until now: {action}, {count} times.");
        }
        let unnamed = deeds.ordinary.iter().chain(&deeds.host);
        let unnamed = unnamed.filter(|(_, reach)| !reach.unnamed.is_empty() && !reach.is_any());
        for (action, reach) in unnamed {
            let names: Vec<String> =
                reach.unnamed.iter().take(NAMED_LIMIT).map(|name| shown(name)).collect();
            let count = reach.unnamed.len();
            let _ = write!(
                head,
                "\nNot covered: {action} of {count} that policies cannot name, as images by id: {}.",
                names.join(", ")
            );
        }
        let _ = write!(self.text, "\n{}", commented(&head));
        let prefix = format!("learnt-{}", principal.slug);
        let ordinary = self.permits(principal, &deeds.ordinary, &prefix);
        self.text += &ordinary;
        let host = self.permits(principal, &deeds.host, &format!("{prefix}-host"));
        if !host.is_empty() {
            self.add_host(&title, &deeds.ways, &host);
        }
    }

    fn add_host(&mut self, title: &str, ways: &BTreeSet<String>, policies: &str) {
        let mut warning = format!("THE HOST: who may do this is root on it. What {title} did:");
        for way in ways.iter().take(WAYS_LIMIT) {
            let _ = write!(warning, "\n  {}", shown(way));
        }
        if let Some(more) = ways.len().checked_sub(WAYS_LIMIT).filter(|more| *more > 0) {
            let _ = write!(warning, "\n  and in {more} other ways");
        }
        let _ = write!(self.text, "\n{}", commented(&warning));
        if self.with_host {
            self.text += policies;
        } else {
            self.text += &commented(policies);
        }
    }

    /// As few policies as permit it.
    fn permits(
        &mut self,
        principal: &LearnedPrincipal,
        deeds: &BTreeMap<&'static str, Reach>,
        prefix: &str,
    ) -> String {
        let mut by_limit: BTreeMap<Limit, Vec<&'static str>> = BTreeMap::new();
        for (action, reach) in deeds {
            if let Some(limit) = Limit::of(action, reach) {
                by_limit.entry(limit).or_default().push(action);
            }
        }
        let mut text = String::new();
        for (limit, actions) in &by_limit {
            text.push('\n');
            for (action, reach) in deeds.iter().filter(|(_, reach)| reach.is_too_much()) {
                if actions.contains(action) {
                    let count = reach.images.len().max(reach.names.len());
                    let _ = writeln!(text, "// {action}: any, since {count} are too many to name.");
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

impl Reach {
    /// Whether nothing narrower than everything holds it.
    fn is_any(&self) -> bool {
        self.is_others || self.is_too_much()
    }

    /// Whether there are too many images or names to name them.
    fn is_too_much(&self) -> bool {
        self.images.len().max(self.names.len()) > NAMED_LIMIT
    }
}

impl Limit {
    /// The narrowest that holds all of it; `None` if nothing is left that policies can name.
    fn of(action: &str, reach: &Reach) -> Option<Self> {
        let Reach { images, names, .. } = reach;
        if reach.is_any() {
            return Some(Self::None);
        }
        if !images.is_empty() {
            let is_made_of = action.ends_with("container-create");
            let limit = if is_made_of { Self::MadeOf } else { Self::Images };
            return Some(limit(images.clone()));
        }
        if !names.is_empty() {
            return Some(Self::Names(names.clone()));
        }
        if reach.is_own {
            return Some(Self::Own);
        }
        reach.is_daemon.then_some(Self::Daemon)
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
            Self::Daemon => "What is about no object, and lists.",
            Self::None => "Also what others made, or nobody is shown to have made.",
            Self::Own => "What they made themselves.",
            Self::MadeOf(_) => "Containers of these images.",
            Self::Images(_) => "These images.",
            Self::Names(_) => "Under these names.",
        }
    }

    fn condition(&self) -> Option<String> {
        let any_of = |names: &BTreeSet<String>, of: &str| match names.first() {
            Some(name) if names.len() == 1 => format!("{of}.names.contains({})", quoted(name)),
            _ => format!("{of}.names.containsAny({})", set(names)),
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
