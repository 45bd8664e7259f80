//! The actions that a recorded call needs.
//!
//! This file does not know policies, only their actions. They must agree with the broker's own questions.

use super::call::{GivenObject, RecordedCall};
use super::known_objects::{KnownObjects, NamedObjects};
use crate::dockerd::finder::{DOCKERS_NETWORKS, JOINED};
use crate::dockerd::references::ANY_NAME;
use crate::judge::policy_action::{AskedAction, PolicyAction};
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
type Need<'a> = (AskedAction, NeededObject<'a>);

/// The actions that must be permitted for this call, as in the broker's own questions.
pub(super) fn needs<'a>(call: &'a RecordedCall, known: &'a KnownObjects<'a>) -> Vec<Need<'a>> {
    let Some(operation) = call.operation else { return Vec::new() };
    let action = PolicyAction::of(operation);
    let asks_for_host = !call.ways.is_empty();
    let image = call.sw.as_deref();
    let name = call.name.as_deref();
    let plain = |object| vec![(action.action(asks_for_host), object)];
    let network = |name: Option<&str>| name.and_then(|name| known.network(name));
    match rule_of(action) {
        NeedRule::Daemon => plain(NeededObject::Daemon),
        NeedRule::NewContainer => {
            let mut needs = plain(NeededObject::Image(image));
            needs.push((PolicyAction::ImageUse.plain(), NeededObject::Image(image)));
            needs.extend(call.given.iter().flat_map(|given| uses(given, asks_for_host, known)));
            needs
        }
        NeedRule::Commit => {
            let container = container(call, action, known);
            [container].into_iter().chain(name.map(image_name)).collect()
        }
        NeedRule::Container => vec![container(call, action, known)],
        NeedRule::NetworkUse => {
            let mut needs = vec![of_named(action, network(call.network.as_deref()))];
            let update = |_| container(call, PolicyAction::ContainerUpdate, known);
            needs.extend(call.uuid.as_ref().map(update));
            needs
        }
        NeedRule::Made => plain(NeededObject::Of(Some(&call.owner))),
        NeedRule::Network => vec![of_named(action, network(call.network.as_deref().or(name)))],
        NeedRule::Volume => {
            let volume = call.volume.as_deref().and_then(|name| known.volume(name));
            vec![of_named(action, volume)]
        }
        NeedRule::Image => plain(NeededObject::Image(image)),
        // The record of an export of several images names none of them.
        NeedRule::ImageExport => plain(NeededObject::Of(None)),
        NeedRule::ImageName => {
            let source = (PolicyAction::ImageUse.plain(), NeededObject::Image(image));
            plain(NeededObject::Name(name)).into_iter().chain([source]).collect()
        }
        NeedRule::ImagePull if image.is_none() => {
            let import = (PolicyAction::ImageImport.plain(), NeededObject::Daemon);
            [import].into_iter().chain(name.map(image_name)).collect()
        }
        NeedRule::ImagePull => plain(NeededObject::Name(image)),
        NeedRule::ImageImport => {
            plain(NeededObject::Daemon).into_iter().chain([image_name(ANY_NAME)]).collect()
        }
        NeedRule::Build => {
            let names = image.into_iter().flat_map(|names| names.split(' '));
            plain(NeededObject::Daemon).into_iter().chain(names.map(image_name)).collect()
        }
    }
}

/// How the object of an action follows from the records of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NeedRule {
    /// dockerd itself.
    Daemon,
    /// The image of a new container, and what the container uses.
    NewContainer,
    /// The call's container, and the name of a new image.
    Commit,
    /// The call's container.
    Container,
    /// The call's network, and the container that it joins or leaves.
    NetworkUse,
    /// The volume or network that the call made.
    Made,
    Network,
    Volume,
    Image,
    ImageExport,
    ImageName,
    /// The name of the image. A pull without an image is an import.
    ImagePull,
    ImageImport,
    /// dockerd itself, and the names of a new image.
    Build,
}

/// The rule for the action of an operation. No operation has the actions `container-join`, `image-use` and
/// `volume-use`.
const fn rule_of(action: PolicyAction) -> NeedRule {
    match action {
        PolicyAction::ContainerCreate => NeedRule::NewContainer,
        PolicyAction::ContainerCommit => NeedRule::Commit,
        PolicyAction::ContainerDelete
        | PolicyAction::ContainerInspect
        | PolicyAction::ContainerLogs
        | PolicyAction::ContainerTop
        | PolicyAction::ContainerStart
        | PolicyAction::ContainerStop
        | PolicyAction::ContainerWait
        | PolicyAction::ContainerUpdate
        | PolicyAction::ContainerRename
        | PolicyAction::ContainerExec
        | PolicyAction::ContainerAttach
        | PolicyAction::ContainerCopyOut
        | PolicyAction::ContainerCopyIn
        | PolicyAction::ContainerSignal
        | PolicyAction::ContainerJoin => NeedRule::Container,
        PolicyAction::NetworkUse => NeedRule::NetworkUse,
        PolicyAction::NetworkCreate | PolicyAction::VolumeCreate => NeedRule::Made,
        PolicyAction::NetworkInspect | PolicyAction::NetworkDelete => NeedRule::Network,
        PolicyAction::VolumeInspect | PolicyAction::VolumeUpdate | PolicyAction::VolumeDelete => {
            NeedRule::Volume
        }
        PolicyAction::ImageInspect | PolicyAction::ImagePush | PolicyAction::ImageDelete => {
            NeedRule::Image
        }
        PolicyAction::ImageExport => NeedRule::ImageExport,
        PolicyAction::ImageName => NeedRule::ImageName,
        PolicyAction::ImagePull => NeedRule::ImagePull,
        PolicyAction::ImageImport => NeedRule::ImageImport,
        PolicyAction::Build => NeedRule::Build,
        PolicyAction::DaemonAccess
        | PolicyAction::DaemonEvents
        | PolicyAction::DaemonUsage
        | PolicyAction::RegistryAccess
        | PolicyAction::ContainerList
        | PolicyAction::ContainerPrune
        | PolicyAction::ImageList
        | PolicyAction::ImagePrune
        | PolicyAction::ImageUse
        | PolicyAction::VolumeList
        | PolicyAction::VolumePrune
        | PolicyAction::VolumeUse
        | PolicyAction::NetworkList
        | PolicyAction::NetworkPrune
        | PolicyAction::BuildManage
        | PolicyAction::BuildSession
        | PolicyAction::PluginView
        | PolicyAction::PluginManage
        | PolicyAction::SwarmView
        | PolicyAction::SwarmManage => NeedRule::Daemon,
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
    (PolicyAction::ImageName.plain(), NeededObject::Name(Some(name)))
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
            let using = of_named(PolicyAction::VolumeUse, volume);
            // dockerd creates a missing volume with the container.
            let new = volume.filter(|volume| volume.is_made_by_use());
            let create = PolicyAction::VolumeCreate.action(asks_for_host);
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
                let action = PolicyAction::ContainerJoin.action(is_privileged);
                vec![(action, NeededObject::Of(known.maker(id)))]
            }
            None => vec![of_named(PolicyAction::NetworkUse, known.network(name))],
        },
    }
}

/// An action on a volume or network. It is privileged if the object had access to the host since its
/// creation.
fn of_named<'a>(action: PolicyAction, named: Option<&'a NamedObjects<'a>>) -> Need<'a> {
    let gives_host_access = named.is_some_and(|named| named.gives_host_access);
    (action.action(gives_host_access), NeededObject::Of(named.and_then(NamedObjects::owner)))
}
