//! The classes of what a call does: what a level is set for.
//!
//! Knows no route; each route names its class. A class either only reads or changes something, so
//! that reading can be recorded at another level than changing.

/// What a call does, by the kind of object and the kind of activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// `_ping`, `version`, `info`: what every client asks first.
    SystemProbe,
    /// Disk use, by object.
    SystemRead,
    /// The stream of what everybody does.
    Events,
    /// Credentials checked against a registry, to which the daemon connects.
    RegistryAuth,
    /// Registries asked by the daemon: image search, manifests, what a plugin wants to be allowed.
    RegistryRead,
    /// The list of containers.
    ContainerList,
    /// Configuration, processes and changes of one container.
    ContainerView,
    /// Resource use of one container, usually a stream.
    ContainerStats,
    /// What a container wrote to its standard output and error.
    ContainerLogs,
    /// Files copied out of a container.
    ContainerFilesRead,
    /// Files written into a container.
    ContainerFilesWrite,
    /// A container made.
    ContainerCreate,
    /// Containers started, stopped, waited for.
    ContainerState,
    /// Limits or the name of a container changed.
    ContainerModify,
    /// Containers removed.
    ContainerDelete,
    /// The streams of a container's main process, and the size of its terminal.
    Attach,
    /// A process started inside a container.
    Exec,
    /// State of a process started inside a container.
    ExecView,
    /// The list of images.
    ImageList,
    /// Configuration, history and attestations of one image.
    ImageView,
    /// An image fetched from a registry or made of an archive.
    ImagePull,
    /// Images read from an archive.
    ImageLoad,
    /// Images written to an archive.
    ImageSave,
    /// A name given to an image, or a container's files made one.
    ImageName,
    /// An image sent to a registry.
    ImagePush,
    /// Images or their names removed.
    ImageDelete,
    /// Images built by the daemon, and the cache of that.
    Build,
    /// The builder's own protocol, which the broker cannot read.
    BuildSession,
    /// Volumes listed and looked at.
    VolumeView,
    /// Volumes made, changed and removed.
    Volume,
    /// Networks listed and looked at.
    NetworkView,
    /// Networks made and removed, containers connected to them.
    Network,
    /// Plugins listed and looked at.
    PluginView,
    /// Plugins installed, set up and removed: programs that run as root.
    Plugin,
    /// The swarm and its join tokens looked at.
    SwarmView,
    /// The swarm made, joined, changed and left.
    Swarm,
    /// Nodes of the swarm listed and looked at.
    NodeView,
    /// Nodes of the swarm changed and removed.
    Node,
    /// Services and their tasks listed and looked at.
    ServiceView,
    /// What the tasks of a service wrote.
    ServiceLogs,
    /// Services made, changed and removed.
    Service,
    /// Secrets listed; their content is never shown.
    SecretView,
    /// Secrets made, changed and removed.
    Secret,
    /// Configs of the swarm listed and shown.
    ConfigView,
    /// Configs of the swarm made, changed and removed.
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
    /// Every class with its name in the configuration and in metrics.
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

    /// The name in the configuration and in metrics.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(class, _)| *class == self).map_or("", |(_, name)| name)
    }

    /// The class of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(class, _)| *class)
    }

    /// Whether calls of this class leave everything as it is.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_name_of_its_own() {
        for class in Class::all() {
            assert_eq!(Class::from_name(class.name()), Some(class));
        }
        // `Config` is the last variant, so that a class without a name makes this fail.
        assert_eq!(Class::all().count(), Config as usize + 1);
        assert_eq!(Class::from_name("Config"), None);
    }

    #[test]
    fn only_looking_reads() {
        assert!(Class::ContainerFilesRead.reads_only());
        for class in [Attach, Exec, RegistryAuth, ImagePush, BuildSession, ContainerState] {
            assert!(!class.reads_only(), "{}", class.name());
        }
    }
}
