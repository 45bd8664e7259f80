//! What the caller may do, beyond the call at hand.
//!
//! The broker itself needs to know this: which objects a list may show, and whether it must keep a
//! call from reaching the objects of other owners.

use std::collections::BTreeSet;

use crate::judge::policy_action::{AskedAction, PolicyAction};
use crate::judge::questions::QuestionObject;
use crate::owner::OwnedKind;
use crate::policy::{
    CallFacts, ContainerFacts, ImageFacts, Maker, ObjectFacts, Policy, PolicyQuery, Principal,
    Resource,
};
use crate::settings::Mode;

/// The policies, as they apply to one caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permissions<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) mode: Mode,
    pub(crate) principal: &'a Principal,
}

/// A call that reaches the objects of all owners unless the broker limits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    PushImages,
    RemoveImages,
    RemoveVolumes,
    RemoveNetworks,
    RemoveContainers,
}

impl Permissions<'_> {
    /// Whether the policies permit an action. In report mode they permit every action.
    pub(crate) fn permit(
        &self,
        action: AskedAction,
        resource: Resource<'_>,
        call: &CallFacts,
    ) -> bool {
        let query =
            PolicyQuery { principal: self.principal, action: action.name(), resource, call };
        self.mode == Mode::Report || self.policy.ask(&query).decision.is_allowed
    }

    /// Whether the policies permit an action of which the request says nothing.
    fn permit_plain(&self, action: AskedAction, resource: Resource<'_>) -> bool {
        self.permit(action, resource, &CallFacts::default())
    }

    /// Whether the policies permit an action on dockerd itself.
    pub(crate) fn permit_on_daemon(&self, action: AskedAction) -> bool {
        self.permit_plain(action, Resource::Daemon)
    }

    /// Whether the caller may see an object in lists and events. An object that the caller may not see
    /// does not exist for the caller.
    pub(crate) fn may_see(&self, object: &QuestionObject, is_privileged: bool) -> bool {
        seeing(object, is_privileged)
            .is_none_or(|action| self.permit_plain(action, object.resource()))
    }

    /// Whether the caller may see an object whose owner is unknown: the caller must be allowed to see
    /// both root's objects and a stranger's. Any kind but image, volume and network counts as a
    /// container.
    pub(crate) fn may_see_unknown(&self, kind: OwnedKind) -> bool {
        let stranger = Maker::User { name: String::new(), groups: BTreeSet::new() };
        let objects = [Maker::root(), stranger].map(|maker| {
            let container = ContainerFacts { maker: maker.clone(), ..ContainerFacts::of_root() };
            let object = ObjectFacts { maker, ..ObjectFacts::of_root() };
            match kind {
                OwnedKind::Volume => QuestionObject::Volume(object),
                OwnedKind::Network => QuestionObject::Network(object),
                OwnedKind::Image => {
                    QuestionObject::Image(ImageFacts { maker: container.maker, ..container.image })
                }
                OwnedKind::Container
                | OwnedKind::Exec
                | OwnedKind::ImageName
                | OwnedKind::PulledName
                | OwnedKind::Builder
                | OwnedKind::Build
                | OwnedKind::Plugin
                | OwnedKind::Node
                | OwnedKind::Service
                | OwnedKind::Secret
                | OwnedKind::Config
                | OwnedKind::Daemon => QuestionObject::Container(container),
            }
        });
        objects.iter().all(|object| {
            [true, false].iter().all(|is_privileged| self.may_see(object, *is_privileged))
        })
    }

    /// Whether the caller may see BuildKit's cache. The cache holds the text of each build step and
    /// does not say who built it, so it counts as an image whose owner is unknown.
    pub(crate) fn may_see_build_cache(&self) -> bool {
        self.permit_on_daemon(PolicyAction::Build.plain()) && self.may_see_unknown(OwnedKind::Image)
    }

    /// Whether the caller may give any name to an image, so that the current holder of a name does
    /// not matter.
    pub(crate) fn may_take_every_name(&self) -> bool {
        let image = ImageFacts::of_name("");
        self.permit_plain(PolicyAction::ImageName.plain(), Resource::Image(&image))
    }

    /// Whether the caller may reach the objects of all owners, so that the broker need not limit the call.
    pub(crate) fn may_reach_all(&self, reach: Reach) -> bool {
        let container = ContainerFacts::of_root();
        let object = ObjectFacts::of_root();
        let (action, resource) = match reach {
            Reach::PushImages => {
                (PolicyAction::ImagePush.plain(), Resource::Image(&container.image))
            }
            Reach::RemoveImages => {
                (PolicyAction::ImageDelete.plain(), Resource::Image(&container.image))
            }
            Reach::RemoveVolumes => (PolicyAction::VolumeDelete.plain(), Resource::Volume(&object)),
            Reach::RemoveNetworks => {
                (PolicyAction::NetworkDelete.plain(), Resource::Network(&object))
            }
            Reach::RemoveContainers => {
                (PolicyAction::ContainerDelete.action(true), Resource::Container(&container))
            }
        };
        self.permit_plain(action, resource)
    }
}

/// The action by which a caller sees an object that exists.
const fn seeing(object: &QuestionObject, is_privileged: bool) -> Option<AskedAction> {
    match object {
        QuestionObject::Container(_) => Some(PolicyAction::ContainerInspect.action(is_privileged)),
        QuestionObject::Image(_) => Some(PolicyAction::ImageInspect.plain()),
        QuestionObject::Volume(_) => Some(PolicyAction::VolumeInspect.plain()),
        QuestionObject::Network(_) => Some(PolicyAction::NetworkInspect.plain()),
        QuestionObject::Daemon
        | QuestionObject::NewContainer(_)
        | QuestionObject::NewVolume(_)
        | QuestionObject::NewNetwork(_) => None,
    }
}
