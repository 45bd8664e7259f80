//! The classes of calls, for which the settings choose how much to record.
//!
//! A class either only reads or changes something, so that reading can have another level than
//! changing. This file does not know the routes; each route names its class.

/// The class of a call, by the kind of object and of activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// `_ping`, `version` and `info`, which every client requests first.
    SystemProbe,
    /// Disk usage.
    SystemRead,
    /// The stream of events.
    Events,
    /// dockerd checks credentials against a registry.
    RegistryAuth,
    /// dockerd asks a registry: image search, manifests, the privileges that a plugin needs.
    RegistryRead,
    /// The list of containers.
    ContainerList,
    /// The configuration, processes and changed files of one container.
    ContainerView,
    /// The resource usage of one container, usually as a stream.
    ContainerStats,
    /// The output of a container.
    ContainerLogs,
    /// Files copied out of a container.
    ContainerFilesRead,
    /// Files written into a container.
    ContainerFilesWrite,
    /// Containers created.
    ContainerCreate,
    /// Containers started, stopped, waited for.
    ContainerState,
    /// Containers renamed, or their limits changed.
    ContainerModify,
    /// Containers removed.
    ContainerDelete,
    /// The streams of a container's main process, and the size of its terminal.
    Attach,
    /// A process started inside a container.
    Exec,
    /// The state of a process started inside a container.
    ExecView,
    /// The list of images.
    ImageList,
    /// The configuration, history and attestations of one image.
    ImageView,
    /// An image pulled from a registry or imported from an archive.
    ImagePull,
    /// Images loaded from an archive.
    ImageLoad,
    /// Images saved to an archive.
    ImageSave,
    /// An image tagged, or committed from a container.
    ImageName,
    /// An image pushed to a registry.
    ImagePush,
    /// Images or their names removed.
    ImageDelete,
    /// Images built by dockerd, and the build cache.
    Build,
    /// The protocol of BuildKit, which the broker cannot read.
    BuildSession,
    /// Volumes listed and inspected.
    VolumeView,
    /// Volumes created, changed and removed.
    Volume,
    /// Networks listed and inspected.
    NetworkView,
    /// Networks created and removed, and containers connected to them.
    Network,
    /// Plugins listed and inspected.
    PluginView,
    /// Plugins installed, configured and removed. They are programs that run as root.
    Plugin,
    /// The swarm and its join tokens inspected.
    SwarmView,
    /// The swarm created, joined, changed and left.
    Swarm,
    /// Nodes of the swarm listed and inspected.
    NodeView,
    /// Nodes of the swarm changed and removed.
    Node,
    /// Services and their tasks listed and inspected.
    ServiceView,
    /// The output of the tasks of a service.
    ServiceLogs,
    /// Services created, changed and removed.
    Service,
    /// Secrets listed. The API never shows their content.
    SecretView,
    /// Secrets created, changed and removed.
    Secret,
    /// Configs of the swarm listed and shown.
    ConfigView,
    /// Configs of the swarm created, changed and removed.
    Config,
}

use Class::{
    Attach, Build, BuildSession, Config, ConfigView, ContainerCreate, ContainerDelete,
    ContainerFilesRead, ContainerFilesWrite, ContainerList, ContainerLogs, ContainerModify,
    ContainerState, ContainerStats, ContainerView, Events, Exec, ExecView, ImageDelete, ImageList,
    ImageLoad, ImageName, ImagePull, ImagePush, ImageSave, ImageView, Network, NetworkView, Node,
    NodeView, Plugin, PluginView, RegistryAuth, RegistryRead, Secret, SecretView, Service,
    ServiceLogs, ServiceView, Swarm, SwarmView, SystemProbe, SystemRead, Volume, VolumeView,
};

impl Class {
    /// Every class with its name in the settings and in metrics.
    const NAMES: &'static [(Self, &'static str)] = &[
        (SystemProbe, "system-probe"),
        (SystemRead, "system-read"),
        (Events, "events"),
        (RegistryAuth, "registry-auth"),
        (RegistryRead, "registry-read"),
        (ContainerList, "container-list"),
        (ContainerView, "container-view"),
        (ContainerStats, "container-stats"),
        (ContainerLogs, "container-logs"),
        (ContainerFilesRead, "container-files-read"),
        (ContainerFilesWrite, "container-files-write"),
        (ContainerCreate, "container-create"),
        (ContainerState, "container-state"),
        (ContainerModify, "container-modify"),
        (ContainerDelete, "container-delete"),
        (Attach, "attach"),
        (Exec, "exec"),
        (ExecView, "exec-view"),
        (ImageList, "image-list"),
        (ImageView, "image-view"),
        (ImagePull, "image-pull"),
        (ImageLoad, "image-load"),
        (ImageSave, "image-save"),
        (ImageName, "image-name"),
        (ImagePush, "image-push"),
        (ImageDelete, "image-delete"),
        (Build, "build"),
        (BuildSession, "build-session"),
        (VolumeView, "volume-view"),
        (Volume, "volume"),
        (NetworkView, "network-view"),
        (Network, "network"),
        (PluginView, "plugin-view"),
        (Plugin, "plugin"),
        (SwarmView, "swarm-view"),
        (Swarm, "swarm"),
        (NodeView, "node-view"),
        (Node, "node"),
        (ServiceView, "service-view"),
        (ServiceLogs, "service-logs"),
        (Service, "service"),
        (SecretView, "secret-view"),
        (Secret, "secret"),
        (ConfigView, "config-view"),
        (Config, "config"),
    ];

    /// Every class once, in the order of this file.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.iter().map(|(class, _)| *class)
    }

    /// The name in the settings and in metrics.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(class, _)| *class == self).map_or("", |(_, name)| name)
    }

    /// The class with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(class, _)| *class)
    }

    /// Whether calls of this class change nothing.
    pub(crate) fn reads_only(self) -> bool {
        matches!(
            self,
            SystemProbe
                | SystemRead
                | Events
                | RegistryRead
                | ContainerList
                | ContainerView
                | ContainerStats
                | ContainerLogs
                | ContainerFilesRead
                | ExecView
                | ImageList
                | ImageView
                | ImageSave
                | VolumeView
                | NetworkView
                | PluginView
                | SwarmView
                | NodeView
                | ServiceView
                | ServiceLogs
                | SecretView
                | ConfigView
        )
    }

    /// Whether dockerd answers a call of this class at once: without a stream, a registry, or a wait for
    /// a container.
    pub(crate) fn is_brief(self) -> bool {
        matches!(
            self,
            SystemProbe
                | ContainerList
                | ContainerView
                | ExecView
                | ImageList
                | ImageView
                | VolumeView
                | NetworkView
                | PluginView
                | SwarmView
                | NodeView
                | ServiceView
                | SecretView
                | ConfigView
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_name_of_its_own() {
        for class in Class::all() {
            assert_eq!(Class::from_name(class.name()), Some(class));
        }
        // `Config` is the last variant, so this fails if a class has no name.
        assert_eq!(Class::all().count(), Config as usize + 1);
        assert_eq!(Class::from_name("Config"), None);
    }

    #[test]
    fn a_brief_call_reads_only() {
        assert!(Class::all().filter(|class| class.is_brief()).all(Class::reads_only));
        for class in [Events, ContainerStats, ContainerLogs, RegistryRead, SystemRead] {
            assert!(!class.is_brief(), "{}", class.name());
        }
    }

    #[test]
    fn classes_that_change_something_are_not_read_only() {
        assert!(Class::ContainerFilesRead.reads_only());
        for class in [Attach, Exec, RegistryAuth, ImagePush, BuildSession, ContainerState] {
            assert!(!class.reads_only(), "{}", class.name());
        }
    }
}
