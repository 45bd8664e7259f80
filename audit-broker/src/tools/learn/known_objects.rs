//! The makers of objects, as far as the trail shows them.
//!
//! Records do not name the maker of an object. But the trail contains the call that created the object, if
//! it goes back that far.

use std::collections::{HashMap, HashSet};

use super::call::{GivenObject, MadeKind, RecordedCall};
use crate::owner::Owner;

/// The facts that the trail contains about objects.
#[derive(Debug, Default)]
pub(super) struct KnownObjects<'a> {
    /// By id.
    containers: HashMap<&'a str, MadeContainer<'a>>,
    /// The id of the latest container with each name.
    ids: HashMap<&'a str, &'a str>,
    /// By name. Several volumes may have had the same name, one after the other. If no call created
    /// a volume, the owner of a container that used it counts as its owner.
    volumes: HashMap<&'a str, NamedObjects<'a>>,
    networks: HashMap<&'a str, NamedObjects<'a>>,
}

/// A container whose creation is in the trail.
#[derive(Debug)]
struct MadeContainer<'a> {
    owner: &'a Owner,
    ways: &'a [String],
}

/// All volumes, or all networks, that have had one name.
#[derive(Debug, Default)]
pub(super) struct NamedObjects<'a> {
    makers: HashSet<&'a Owner>,
    users: HashSet<&'a Owner>,
    /// Whether one of them had access to the host.
    pub(super) gives_host_access: bool,
}

impl NamedObjects<'_> {
    /// Whether no call created such an object, so docker created it with a container.
    pub(super) fn is_made_by_use(&self) -> bool {
        self.makers.is_empty()
    }

    /// The owner of all of them; `None` if there were several owners.
    pub(super) fn owner(&self) -> Option<&Owner> {
        let owners = if self.makers.is_empty() { &self.users } else { &self.makers };
        let mut owners = owners.iter().copied();
        owners.next().filter(|_| owners.next().is_none())
    }
}

impl<'a> KnownObjects<'a> {
    pub(super) fn of(calls: &'a [RecordedCall]) -> Self {
        let mut known = Self::default();
        for call in calls.iter().filter(|call| !call.is_denied) {
            match (call.makes(), &call.volume, &call.network, &call.uuid) {
                (Some(MadeKind::Container), _, _, Some(uuid)) => {
                    let made = MadeContainer { owner: &call.owner, ways: &call.ways };
                    known.containers.insert(uuid, made);
                    known.ids.extend(call.vm.as_ref().map(|vm| (vm.as_str(), uuid.as_str())));
                }
                (Some(MadeKind::Volume), Some(name), ..) => {
                    add_made(&mut known.volumes, name, call);
                }
                (Some(MadeKind::Network), _, Some(name), _) => {
                    add_made(&mut known.networks, name, call);
                }
                (Some(MadeKind::Container | MadeKind::Volume | MadeKind::Network) | None, ..) => {}
            }
            for given in &call.given {
                if let GivenObject::Volume(name) = given {
                    known.volumes.entry(name).or_default().users.insert(&call.owner);
                }
            }
        }
        known
    }

    /// The owner of a container.
    pub(super) fn maker(&self, id: &str) -> Option<&'a Owner> {
        self.containers.get(id).map(|made| made.owner)
    }

    /// The ways in which a container has access to the host since its creation.
    pub(super) fn ways(&self, id: Option<&str>) -> &'a [String] {
        id.and_then(|id| self.containers.get(id)).map_or(&[], |made| made.ways)
    }

    /// The id of the latest container with this name.
    pub(super) fn id_of(&self, name: &str) -> Option<&'a str> {
        self.ids.get(name).copied()
    }

    pub(super) fn volume(&self, name: &str) -> Option<&NamedObjects<'a>> {
        self.volumes.get(name)
    }

    pub(super) fn network(&self, name: &str) -> Option<&NamedObjects<'a>> {
        self.networks.get(name)
    }
}

/// Adds the call that created a volume or network.
fn add_made<'a>(
    objects: &mut HashMap<&'a str, NamedObjects<'a>>,
    name: &'a str,
    call: &'a RecordedCall,
) {
    let named = objects.entry(name).or_default();
    named.makers.insert(&call.owner);
    named.gives_host_access |= !call.ways.is_empty();
}
