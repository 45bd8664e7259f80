//! The operations of the docker API, by kind of object.
//!
//! Each operation has one word, which records show as `op=`. All code that depends on the operation of a
//! call matches on these enums, so that the compiler finds a missing case. This file does not know which
//! request performs an operation: `route` does.

/// Defines the operations of one kind of object, and their words.
macro_rules! operations {
    ($(#[$documentation:meta])* $kind:ident { $($operation:ident $word:literal,)+ }) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum $kind {
            $($operation,)+
        }

        impl $kind {
            const fn word(self) -> &'static str {
                match self {
                    $(Self::$operation => $word,)+
                }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$operation),)+
                    _ => None,
                }
            }
        }
    };
}

/// The operation that a call performs. Several routes may share one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    System(SystemOperation),
    Registry(RegistryOperation),
    Build(BuildOperation),
    Container(ContainerOperation),
    Exec(ExecOperation),
    Image(ImageOperation),
    Volume(VolumeOperation),
    Network(NetworkOperation),
    Plugin(PluginOperation),
    Swarm(SwarmOperation),
}

impl Operation {
    /// The word in records, such as `start` or `image-tag`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::System(operation) => operation.word(),
            Self::Registry(operation) => operation.word(),
            Self::Build(operation) => operation.word(),
            Self::Container(operation) => operation.word(),
            Self::Exec(operation) => operation.word(),
            Self::Image(operation) => operation.word(),
            Self::Volume(operation) => operation.word(),
            Self::Network(operation) => operation.word(),
            Self::Plugin(operation) => operation.word(),
            Self::Swarm(operation) => operation.word(),
        }
    }

    /// The operation that has this word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let system = SystemOperation::from_word(word).map(Self::System);
        system
            .or_else(|| RegistryOperation::from_word(word).map(Self::Registry))
            .or_else(|| BuildOperation::from_word(word).map(Self::Build))
            .or_else(|| ContainerOperation::from_word(word).map(Self::Container))
            .or_else(|| ExecOperation::from_word(word).map(Self::Exec))
            .or_else(|| ImageOperation::from_word(word).map(Self::Image))
            .or_else(|| VolumeOperation::from_word(word).map(Self::Volume))
            .or_else(|| NetworkOperation::from_word(word).map(Self::Network))
            .or_else(|| PluginOperation::from_word(word).map(Self::Plugin))
            .or_else(|| SwarmOperation::from_word(word).map(Self::Swarm))
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.word())
    }
}

operations! {
    /// dockerd itself.
    SystemOperation {
        Ping "ping",
        Version "version",
        Info "info",
        Events "events",
        DiskUsage "disk-usage",
    }
}

operations! {
    /// A registry that dockerd asks.
    RegistryOperation {
        Auth "registry-auth",
        Inspect "registry-inspect",
        SearchImages "image-search",
        PluginPrivileges "plugin-privileges",
    }
}

operations! {
    /// A build.
    BuildOperation {
        Run "build",
        Prune "build-prune",
        Cancel "build-cancel",
        Session "build-session",
        Grpc "build-grpc",
    }
}

operations! {
    /// A container.
    ContainerOperation {
        List "list",
        Create "create",
        Inspect "inspect",
        Top "top",
        Changes "changes",
        Stats "stats",
        Logs "logs",
        Export "export",
        ArchiveStat "archive-stat",
        ArchiveRead "archive-read",
        ArchiveWrite "archive-write",
        Start "start",
        Stop "stop",
        Restart "restart",
        Kill "kill",
        Pause "pause",
        Unpause "unpause",
        Wait "wait",
        Update "update",
        Rename "rename",
        Remove "remove",
        Prune "prune",
        Attach "attach",
        AttachWs "attach-ws",
        Resize "resize",
        Commit "commit",
    }
}

operations! {
    /// A process that exec starts in a container.
    ExecOperation {
        Create "exec",
        Start "exec-start",
        Resize "exec-resize",
        Inspect "exec-inspect",
    }
}

operations! {
    /// An image.
    ImageOperation {
        List "image-list",
        Save "image-save",
        Inspect "image-inspect",
        History "image-history",
        Attestations "image-attestations",
        Pull "image-pull",
        Load "image-load",
        Push "image-push",
        Tag "image-tag",
        Remove "image-remove",
        Prune "image-prune",
    }
}

operations! {
    /// A volume.
    VolumeOperation {
        List "volume-list",
        Inspect "volume-inspect",
        Create "volume-create",
        Update "volume-update",
        Remove "volume-remove",
        Prune "volume-prune",
    }
}

operations! {
    /// A network.
    NetworkOperation {
        List "network-list",
        Inspect "network-inspect",
        Create "network-create",
        Connect "network-connect",
        Disconnect "network-disconnect",
        Remove "network-remove",
        Prune "network-prune",
    }
}

operations! {
    /// A plugin.
    PluginOperation {
        List "plugin-list",
        Inspect "plugin-inspect",
        Pull "plugin-pull",
        Upgrade "plugin-upgrade",
        Create "plugin-create",
        Enable "plugin-enable",
        Disable "plugin-disable",
        Push "plugin-push",
        Set "plugin-set",
        Remove "plugin-remove",
    }
}

operations! {
    /// A swarm, its nodes, services, tasks, secrets and configs.
    SwarmOperation {
        Inspect "swarm-inspect",
        UnlockKey "swarm-unlock-key",
        Init "swarm-init",
        Join "swarm-join",
        Update "swarm-update",
        Unlock "swarm-unlock",
        Leave "swarm-leave",
        NodeList "node-list",
        NodeInspect "node-inspect",
        NodeUpdate "node-update",
        NodeRemove "node-remove",
        ServiceList "service-list",
        ServiceInspect "service-inspect",
        ServiceLogs "service-logs",
        ServiceCreate "service-create",
        ServiceUpdate "service-update",
        ServiceRemove "service-remove",
        TaskList "task-list",
        TaskInspect "task-inspect",
        TaskLogs "task-logs",
        SecretList "secret-list",
        SecretInspect "secret-inspect",
        SecretCreate "secret-create",
        SecretUpdate "secret-update",
        SecretRemove "secret-remove",
        ConfigList "config-list",
        ConfigInspect "config-inspect",
        ConfigCreate "config-create",
        ConfigUpdate "config-update",
        ConfigRemove "config-remove",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::route;

    #[test]
    fn the_trails_library_knows_every_operation() {
        let ours: Vec<_> = route::all().map(|route| route.operation.word()).collect();
        let theirs = audit_trail::Operation::ALL;
        for word in &ours {
            assert!(theirs.iter().any(|it| it.word() == *word), "audit-trail misses {word}");
        }
        for operation in theirs {
            assert!(ours.contains(&operation.word()), "the broker has no {}", operation.word());
        }
    }

    #[test]
    fn each_operation_of_a_route_has_a_word_of_its_own() {
        for route in route::all() {
            let word = route.operation.word();
            assert_eq!(Operation::from_word(word), Some(route.operation), "{word}");
            assert!(word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')));
        }
        assert_eq!(Operation::from_word("nothing"), None);
    }
}
