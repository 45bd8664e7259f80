//! The actions that a recorded call needs.
//!
//! This file does not know policies, only their actions. They must agree with the broker's own questions.

use super::call::{GivenObject, RecordedCall};
use super::known_objects::{KnownObjects, NamedObjects};
use crate::api::operation::Operation;
use crate::dockerd::finder::{DOCKERS_NETWORKS, JOINED};
use crate::dockerd::references::ANY_NAME;
use crate::judge::policy_action::{self, PolicyAction};
use crate::owner::Owner;

/// The object of a needed action.
#[derive(Clone, Copy, Debug)]
pub(super) enum NeededObject<'a> {
    Daemon,
    /// An object of this owner, if known.
    Of(Option<&'a Owner>),
    Image(Option<&'a str>),
    /// A name that the call gives to an image.
    Name(Option<&'a str>),
}

/// An action that a call needs, with its object.
type Need<'a> = (&'static str, NeededObject<'a>);

/// The actions that must be permitted for this call, as in the broker's own questions.
pub(super) fn needs<'a>(call: &'a RecordedCall, known: &'a KnownObjects<'a>) -> Vec<Need<'a>> {
    let Some(operation) = Operation::from_word(&call.op) else { return Vec::new() };
    let action = policy_action::of(operation);
    let asks_for_host = !call.ways.is_empty();
    let image = call.sw.as_deref();
    let name = call.name.as_deref();
    let plain = |object| vec![(action.action(asks_for_host), object)];
    let network = |name: Option<&str>| name.and_then(|name| known.network(name));
    match action.name {
        "container-create" => {
            let mut needs = plain(NeededObject::Image(image));
            needs.push((policy_action::IMAGE_USE.name, NeededObject::Image(image)));
            needs.extend(call.given.iter().flat_map(|given| uses(given, asks_for_host, known)));
            needs
        }
        "container-commit" => {
            let container = container(call, action, known);
            [container].into_iter().chain(name.map(image_name)).collect()
        }
        "container-list" | "container-prune" => plain(NeededObject::Daemon),
        kind if kind.starts_with("container-") => vec![container(call, action, known)],
        "network-use" => {
            let mut needs = vec![of_named(action, network(call.network.as_deref()))];
            let update = |_| container(call, policy_action::CONTAINER_UPDATE, known);
            needs.extend(call.uuid.as_ref().map(update));
            needs
        }
        "network-create" | "volume-create" => plain(NeededObject::Of(Some(&call.owner))),
        "network-inspect" | "network-delete" => {
            vec![of_named(action, network(call.network.as_deref().or(name)))]
        }
        "volume-inspect" | "volume-update" | "volume-delete" => {
            let volume = call.volume.as_deref().and_then(|name| known.volume(name));
            vec![of_named(action, volume)]
        }
        "image-inspect" | "image-push" | "image-delete" => plain(NeededObject::Image(image)),
        // The record of an export of several images names none of them.
        "image-export" => plain(NeededObject::Of(None)),
        "image-name" => {
            let source = (policy_action::IMAGE_USE.name, NeededObject::Image(image));
            plain(NeededObject::Name(name)).into_iter().chain([source]).collect()
        }
        "image-pull" if image.is_none() => {
            let import = (policy_action::IMAGE_IMPORT.name, NeededObject::Daemon);
            [import].into_iter().chain(name.map(image_name)).collect()
        }
        "image-pull" => plain(NeededObject::Name(image)),
        "image-import" => {
            plain(NeededObject::Daemon).into_iter().chain([image_name(ANY_NAME)]).collect()
        }
        "build" => {
            let names = image.into_iter().flat_map(|names| names.split(' '));
            plain(NeededObject::Daemon).into_iter().chain(names.map(image_name)).collect()
        }
        _ => plain(NeededObject::Daemon),
    }
}

/// An action on the call's container.
fn container<'a>(
    call: &'a RecordedCall,
    action: PolicyAction,
    known: &'a KnownObjects<'a>,
) -> Need<'a> {
    let id = call.uuid.as_deref();
    let is_privileged = !call.ways.is_empty() || !known.ways(id).is_empty();
    (action.action(is_privileged), NeededObject::Of(id.and_then(|id| known.maker(id))))
}

/// The action of giving an image this name.
fn image_name(name: &str) -> Need<'_> {
    (policy_action::IMAGE_NAME.name, NeededObject::Name(Some(name)))
}

/// The actions that a new container needs for a volume or network.
fn uses<'a>(
    given: &'a GivenObject,
    asks_for_host: bool,
    known: &'a KnownObjects<'a>,
) -> Vec<Need<'a>> {
    match given {
        GivenObject::Volume(name) => {
            let volume = known.volume(name);
            let using = of_named(policy_action::VOLUME_USE, volume);
            // dockerd creates a missing volume with the container.
            let new = volume.filter(|volume| volume.is_made_by_use());
            let create = policy_action::VOLUME_CREATE.action(asks_for_host);
            let create = new
                .and_then(NamedObjects::owner)
                .map(|owner| (create, NeededObject::Of(Some(owner))));
            [using].into_iter().chain(create).collect()
        }
        GivenObject::Network(name) if DOCKERS_NETWORKS.contains(&name.as_str()) => Vec::new(),
        GivenObject::Network(name) => match name.strip_prefix(JOINED) {
            Some(joined) => {
                let joined = joined.trim_start_matches('/');
                let id = known.id_of(joined).unwrap_or(joined);
                let is_privileged = !known.ways(Some(id)).is_empty();
                let action = policy_action::CONTAINER_JOIN.action(is_privileged);
                vec![(action, NeededObject::Of(known.maker(id)))]
            }
            None => vec![of_named(policy_action::NETWORK_USE, known.network(name))],
        },
    }
}

/// An action on a volume or network. It is privileged if the object had access to the host since its
/// creation.
fn of_named<'a>(action: PolicyAction, named: Option<&'a NamedObjects<'a>>) -> Need<'a> {
    let gives_host_access = named.is_some_and(|named| named.gives_host_access);
    (action.action(gives_host_access), NeededObject::Of(named.and_then(NamedObjects::owner)))
}
