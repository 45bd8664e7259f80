//! What was done, by whom, in the words of policies.
//!
//! Knows which actions a call needs, of which things, and whose those are as far as the trail tells:
//! it does not say who made a thing, but it has the call that made it, if it goes back that far.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use audit_host::object_id::may_be_short_id;

use super::call::{Given, RecordedCall, Who};
use crate::api::operation::Operation;
use crate::dockerd::references::ANY_NAME;
use crate::judge::policy_action::{self, PolicyAction};
use crate::owner::{Owner, full_name};
use crate::policy::ImageFacts;

/// What one principal did.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    pub(super) calls: usize,
    pub(super) would_be_denied: usize,
    /// How often what is in here was denied.
    pub(super) denied: BTreeMap<&'static str, usize>,
    pub(super) ordinary: BTreeMap<&'static str, Reach>,
    /// The same of what yields the host.
    pub(super) host: BTreeMap<&'static str, Reach>,
    /// The ways in which it did.
    pub(super) ways: BTreeSet<String>,
}

/// What an action was done with.
#[derive(Debug, Default)]
pub(super) struct Reach {
    pub(super) is_daemon: bool,
    /// Things of the principal's own.
    pub(super) is_own: bool,
    /// Things that others made, or nobody is known to have made.
    pub(super) is_others: bool,
    /// Images, by name.
    pub(super) images: BTreeSet<String>,
    /// Names that were taken.
    pub(super) names: BTreeSet<String>,
    /// Images that were asked for by id, or in another way that no policy can name.
    pub(super) unnamed: BTreeSet<String>,
}

/// What an action is done with.
#[derive(Clone, Copy)]
enum Learned<'a> {
    Daemon,
    /// Something that belongs to this one, if that is known.
    Of(Option<&'a Owner>),
    Image(Option<&'a str>),
    /// A name that is taken.
    Name(Option<&'a str>),
}

/// Longest name that a policy is made of, in bytes: longer ones may have gone on in another record.
const NAME_LIMIT_BYTES: usize = 256;

/// What is known of the things that the trail speaks of.
#[derive(Debug, Default)]
pub(super) struct KnownObjects<'a> {
    /// By id.
    containers: HashMap<&'a str, MadeContainer<'a>>,
    /// The id of each container by its name, the latest first.
    ids: HashMap<&'a str, &'a str>,
    /// By name, which several may have had; who uses one that nobody made has made it.
    volumes: HashMap<&'a str, NamedObjects<'a>>,
    networks: HashMap<&'a str, NamedObjects<'a>>,
}

/// A container that the trail shows to have been made.
#[derive(Debug)]
struct MadeContainer<'a> {
    owner: &'a Owner,
    ways: &'a [String],
}

/// Everything of a name.
#[derive(Debug, Default)]
struct NamedObjects<'a> {
    makers: HashSet<&'a Owner>,
    users: HashSet<&'a Owner>,
    yields_host: bool,
}

impl NamedObjects<'_> {
    fn owner(&self) -> Option<&Owner> {
        let owners = if self.makers.is_empty() { &self.users } else { &self.makers };
        let mut owners = owners.iter().copied();
        owners.next().filter(|_| owners.next().is_none())
    }
}

impl<'a> KnownObjects<'a> {
    pub(super) fn of(calls: &'a [RecordedCall]) -> Self {
        let mut known = Self::default();
        for call in calls.iter().filter(|call| !call.is_denied) {
            match (call.op.as_str(), &call.volume, &call.network, &call.uuid) {
                ("create", _, _, Some(uuid)) => {
                    let made = MadeContainer { owner: &call.owner, ways: &call.ways };
                    known.containers.insert(uuid, made);
                    known.ids.extend(call.vm.as_ref().map(|vm| (vm.as_str(), uuid.as_str())));
                }
                ("volume-create", Some(name), ..) => known.volumes.made(name, call),
                ("network-create", _, Some(name), _) => known.networks.made(name, call),
                _ => {}
            }
            for given in &call.given {
                if let Given::Volume(name) = given {
                    known.volumes.entry(name).or_default().users.insert(&call.owner);
                }
            }
        }
        known
    }

    /// Who made a container.
    pub(super) fn maker(&self, id: &str) -> Option<&'a Owner> {
        self.containers.get(id).map(|made| made.owner)
    }

    /// The ways in which a container yields the host since it was made.
    fn ways(&self, id: Option<&str>) -> &'a [String] {
        id.and_then(|id| self.containers.get(id)).map_or(&[], |made| made.ways)
    }
}

/// Remembers what a call makes.
trait Remember<'a> {
    fn made(&mut self, name: &'a str, call: &'a RecordedCall);
}

impl<'a> Remember<'a> for HashMap<&'a str, NamedObjects<'a>> {
    fn made(&mut self, name: &'a str, call: &'a RecordedCall) {
        let named = self.entry(name).or_default();
        named.makers.insert(&call.owner);
        named.yields_host |= !call.ways.is_empty();
    }
}

impl Deeds {
    pub(super) fn add(&mut self, call: &RecordedCall, known: &KnownObjects<'_>) {
        self.calls += 1;
        self.would_be_denied += usize::from(call.would_be_denied);
        let needs = needs(call, known);
        for (action, thing) in needs {
            let is_host = yields_host(action);
            let deeds = if is_host { &mut self.host } else { &mut self.ordinary };
            deeds.entry(action).or_default().add(thing, &call.who);
            if call.is_denied {
                *self.denied.entry(action).or_default() += 1;
            }
            if is_host {
                let since_made = known.ways(call.uuid.as_deref()).iter();
                self.ways.extend(call.ways.iter().chain(since_made).cloned());
            }
        }
    }
}

impl Reach {
    fn add(&mut self, thing: Learned<'_>, who: &Who) {
        match thing {
            Learned::Daemon => self.is_daemon = true,
            Learned::Of(Some(owner)) if *owner == who.as_owner() => self.is_own = true,
            Learned::Of(_) => self.is_others = true,
            Learned::Image(Some(name)) if can_be_named(name) => {
                self.images.extend(ImageFacts::of_name(name).names.into_iter().next());
            }
            Learned::Name(Some(name)) if name.len() <= NAME_LIMIT_BYTES => {
                let is_any = name == ANY_NAME;
                self.names.insert(if is_any { name.to_owned() } else { full_name(name) });
            }
            Learned::Image(name) | Learned::Name(name) => {
                let shown = name.unwrap_or("?").chars().take(NAME_LIMIT_BYTES).collect();
                self.unnamed.insert(shown);
            }
        }
    }
}

/// Whether docker knows the image by this name, and not by its id.
fn can_be_named(image: &str) -> bool {
    !may_be_short_id(image) && !image.starts_with("sha256:") && image.len() <= NAME_LIMIT_BYTES
}

/// Whether an action is in the schema's group `host`.
fn yields_host(action: &str) -> bool {
    action.starts_with("privileged-")
        || matches!(action, "plugin-manage" | "swarm-view" | "swarm-manage")
}

/// What has to be permitted so that the call may be made, as in `case`.
fn needs<'a>(
    call: &'a RecordedCall,
    known: &'a KnownObjects<'a>,
) -> Vec<(&'static str, Learned<'a>)> {
    let Some(operation) = Operation::from_word(&call.op) else { return Vec::new() };
    let operation = policy_action::of(operation);
    let asks_for_host = !call.ways.is_empty();
    let image = call.sw.as_deref();
    let name = call.name.as_deref();
    let plain = |thing| vec![(operation.action(asks_for_host), thing)];
    let container = |operation: PolicyAction| {
        let id = call.uuid.as_deref();
        let is_privileged = asks_for_host || !known.ways(id).is_empty();
        (operation.action(is_privileged), Learned::Of(id.and_then(|id| known.maker(id))))
    };
    match operation.name {
        "container-create" => {
            let mut needs = plain(Learned::Image(image));
            needs.push((policy_action::IMAGE_USE.name, Learned::Image(image)));
            needs.extend(call.given.iter().flat_map(|given| uses(given, asks_for_host, known)));
            needs
        }
        "container-commit" => {
            let taken =
                name.map(|name| (policy_action::IMAGE_NAME.name, Learned::Name(Some(name))));
            [container(operation)].into_iter().chain(taken).collect()
        }
        "container-list" | "container-prune" => plain(Learned::Daemon),
        kind if kind.starts_with("container-") => vec![container(operation)],
        "network-use" => {
            let mut needs = vec![of_named(operation, call.network.as_deref(), &known.networks)];
            needs.extend(call.uuid.as_ref().map(|_| container(policy_action::CONTAINER_UPDATE)));
            needs
        }
        "network-create" | "volume-create" => plain(Learned::Of(Some(&call.owner))),
        "network-inspect" | "network-delete" => {
            vec![of_named(operation, call.network.as_deref().or(name), &known.networks)]
        }
        "volume-inspect" | "volume-update" | "volume-delete" => {
            vec![of_named(operation, call.volume.as_deref(), &known.volumes)]
        }
        "image-inspect" | "image-push" | "image-delete" => plain(Learned::Image(image)),
        // Several at once are not asked for by name.
        "image-export" => plain(Learned::Of(None)),
        "image-name" => {
            let source = (policy_action::IMAGE_USE.name, Learned::Image(image));
            plain(Learned::Name(name)).into_iter().chain([source]).collect()
        }
        "image-pull" if image.is_none() => {
            let taken =
                name.map(|name| (policy_action::IMAGE_NAME.name, Learned::Name(Some(name))));
            let import = (policy_action::IMAGE_IMPORT.name, Learned::Daemon);
            [import].into_iter().chain(taken).collect()
        }
        "image-pull" => plain(Learned::Name(image)),
        "image-import" => {
            let any = (policy_action::IMAGE_NAME.name, Learned::Name(Some(ANY_NAME)));
            plain(Learned::Daemon).into_iter().chain([any]).collect()
        }
        "build" => {
            let names = image.into_iter().flat_map(|names| names.split(' '));
            let taken =
                names.map(|name| (policy_action::IMAGE_NAME.name, Learned::Name(Some(name))));
            plain(Learned::Daemon).into_iter().chain(taken).collect()
        }
        _ => plain(Learned::Daemon),
    }
}

/// What a new container needs of what it is given.
fn uses<'a>(
    given: &'a Given,
    asks_for_host: bool,
    known: &'a KnownObjects<'a>,
) -> Vec<(&'static str, Learned<'a>)> {
    const DOCKERS_NETWORKS: [&str; 4] = ["default", "bridge", "host", "none"];
    const JOINED: &str = "container:";
    match given {
        Given::Volume(name) => {
            let using = of_named(policy_action::VOLUME_USE, Some(name), &known.volumes);
            let named = known.volumes.get(name.as_str());
            let made = named.filter(|named| named.makers.is_empty()).and_then(NamedObjects::owner);
            // dockerd makes a volume that is not there with the container.
            let making = policy_action::VOLUME_CREATE.action(asks_for_host);
            let making = made.map(|owner| (making, Learned::Of(Some(owner))));
            [using].into_iter().chain(making).collect()
        }
        Given::Network(name) if DOCKERS_NETWORKS.contains(&name.as_str()) => Vec::new(),
        Given::Network(name) => match name.strip_prefix(JOINED) {
            Some(joined) => {
                let joined = joined.trim_start_matches('/');
                let id = known.ids.get(joined).copied().unwrap_or(joined);
                let is_privileged = !known.ways(Some(id)).is_empty();
                let action = policy_action::CONTAINER_JOIN.action(is_privileged);
                vec![(action, Learned::Of(known.maker(id)))]
            }
            None => vec![of_named(policy_action::NETWORK_USE, Some(name), &known.networks)],
        },
    }
}

/// Something done with a volume or network, which may have something of the host since it was made.
fn of_named<'a>(
    operation: PolicyAction,
    name: Option<&str>,
    all: &'a HashMap<&'a str, NamedObjects<'a>>,
) -> (&'static str, Learned<'a>) {
    let named = name.and_then(|name| all.get(name));
    let yields_host = named.is_some_and(|named| named.yields_host);
    (operation.action(yields_host), Learned::Of(named.and_then(NamedObjects::owner)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::route;
    use crate::policy::{CallFacts, Policy, Principal, Query, Resource};

    #[test]
    fn what_yields_the_host_is_what_the_schema_says() {
        let policy = r#"@id("host") permit (principal, action in Action::"host", resource);"#;
        let policy = Policy::from_text(policy).unwrap();
        let principal =
            Principal::User { name: "root".to_owned(), uid: 0, groups: BTreeSet::default() };
        for route in route::all() {
            let PolicyAction { name, privileged } = policy_action::of(route.operation);
            for action in [name, privileged] {
                let (call, resource) = (CallFacts::default(), Resource::Daemon);
                let question = Query { principal: &principal, action, resource, call: &call };
                let is_allowed = policy.ask(&question).verdict.is_allowed;
                assert_eq!(yields_host(action), is_allowed, "{action}");
            }
        }
    }

    #[test]
    fn an_image_may_be_asked_for_by_id() {
        assert!(can_be_named("fedora") && can_be_named("cafe") && can_be_named("x@sha256:ab"));
        assert!(!can_be_named("sha256:ab") && !can_be_named("0123456789ab"));
    }
}
