//! The action of a deed: what was done.

use std::fmt;

/// What was done.
///
/// The operations of the broker have the names of its `op=` field. The test
/// `the_trails_library_knows_every_operation` of audit-broker compares them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// A command that the wrapper, sudo or another program ran (`USER_CMD`).
    Command,
    /// A call through the broker.
    Call(Operation),
    /// An operation that this version does not know.
    Unknown(Vec<u8>),
    /// A call that the broker did not understand, or could not limit.
    Refuse,
    /// A login session began (`USER_START`, `USER_LOGIN`).
    SessionStart,
    /// A login session ended (`USER_END`, `USER_LOGOUT`).
    SessionEnd,
    /// A service, such as the broker, started.
    ServiceStart,
    /// A service ended.
    ServiceStop,
    /// auditd started to write the log.
    AuditdStart,
    /// auditd ended, because root ended it or because of an error.
    AuditdStop,
    /// The kernel booted.
    Boot,
    /// The settings of the kernel's audit changed: rules, limits, whether it is enabled.
    AuditChange,
    /// The broker loaded policies.
    PolicyLoad,
}

macro_rules! operations {
    ($($variant:ident $word:literal $kind:ident $docker:literal)*) => {
        /// An operation of docker's API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the names of docker's API")]
        pub enum Operation { $($variant),* }

        impl Operation {
            /// All operations.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in `op=`.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The words of docker's command line, such as `image rm`.
            #[must_use]
            pub const fn docker(self) -> &'static str {
                match self { $(Self::$variant => $docker),* }
            }

            /// Whether the operation changes something.
            #[must_use]
            pub const fn kind(self) -> OperationKind {
                match self { $(Self::$variant => OperationKind::$kind),* }
            }

            /// The operation of a word in `op=`, without `-request`.
            #[must_use]
            pub const fn of_word(word: &[u8]) -> Option<Self> {
                $(if is_equal(word, $word.as_bytes()) { return Some(Self::$variant); })*
                None
            }
        }
    };
}

/// `==` of slices, which is not yet const.
const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([a, one @ ..], [b, other @ ..]) => *a == *b && is_equal(one, other),
        _ => false,
    }
}

/// What an operation does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OperationKind {
    /// Reads only. Clients repeat such calls all the time.
    Read,
    /// Reads what is in a container or a secret, or waits or talks to a process.
    Use,
    /// Changes something.
    Change,
}

operations! {
    Ping "ping" Read "ping"
    Version "version" Read "version"
    Info "info" Read "info"
    Events "events" Read "events"
    DiskUsage "disk-usage" Read "system df"
    RegistryAuth "registry-auth" Use "login"
    RegistryInspect "registry-inspect" Read "manifest inspect"
    ImageSearch "image-search" Read "search"
    PluginPrivileges "plugin-privileges" Read "plugin privileges"
    Build "build" Change "build"
    BuildPrune "build-prune" Change "builder prune"
    BuildCancel "build-cancel" Change "build (cancel)"
    BuildSession "build-session" Use "build (session)"
    BuildGrpc "build-grpc" Use "build (session)"
    List "list" Read "ps"
    Create "create" Change "create"
    Inspect "inspect" Read "inspect"
    Top "top" Read "top"
    Changes "changes" Read "diff"
    Stats "stats" Read "stats"
    Logs "logs" Use "logs"
    Export "export" Use "export"
    ArchiveStat "archive-stat" Read "cp (stat)"
    ArchiveRead "archive-read" Use "cp (out)"
    ArchiveWrite "archive-write" Change "cp (in)"
    Start "start" Change "start"
    Stop "stop" Change "stop"
    Restart "restart" Change "restart"
    Kill "kill" Change "kill"
    Pause "pause" Change "pause"
    Unpause "unpause" Change "unpause"
    Wait "wait" Read "wait"
    Update "update" Change "update"
    Rename "rename" Change "rename"
    Remove "remove" Change "rm"
    Prune "prune" Change "container prune"
    Attach "attach" Use "attach"
    AttachWs "attach-ws" Use "attach"
    Resize "resize" Read "resize"
    Commit "commit" Change "commit"
    Exec "exec" Change "exec"
    ExecStart "exec-start" Change "exec (start)"
    ExecResize "exec-resize" Read "exec (resize)"
    ExecInspect "exec-inspect" Read "exec (inspect)"
    ImageList "image-list" Read "images"
    ImageSave "image-save" Use "save"
    ImageInspect "image-inspect" Read "image inspect"
    ImageHistory "image-history" Read "history"
    ImageAttestations "image-attestations" Read "image attestations"
    ImagePull "image-pull" Change "pull"
    ImageLoad "image-load" Change "load"
    ImagePush "image-push" Change "push"
    ImageTag "image-tag" Change "tag"
    ImageRemove "image-remove" Change "rmi"
    ImagePrune "image-prune" Change "image prune"
    VolumeList "volume-list" Read "volume ls"
    VolumeInspect "volume-inspect" Read "volume inspect"
    VolumeCreate "volume-create" Change "volume create"
    VolumeUpdate "volume-update" Change "volume update"
    VolumeRemove "volume-remove" Change "volume rm"
    VolumePrune "volume-prune" Change "volume prune"
    NetworkList "network-list" Read "network ls"
    NetworkInspect "network-inspect" Read "network inspect"
    NetworkCreate "network-create" Change "network create"
    NetworkConnect "network-connect" Change "network connect"
    NetworkDisconnect "network-disconnect" Change "network disconnect"
    NetworkRemove "network-remove" Change "network rm"
    NetworkPrune "network-prune" Change "network prune"
    PluginList "plugin-list" Read "plugin ls"
    PluginInspect "plugin-inspect" Read "plugin inspect"
    PluginPull "plugin-pull" Change "plugin install"
    PluginUpgrade "plugin-upgrade" Change "plugin upgrade"
    PluginCreate "plugin-create" Change "plugin create"
    PluginEnable "plugin-enable" Change "plugin enable"
    PluginDisable "plugin-disable" Change "plugin disable"
    PluginPush "plugin-push" Change "plugin push"
    PluginSet "plugin-set" Change "plugin set"
    PluginRemove "plugin-remove" Change "plugin rm"
    SwarmInspect "swarm-inspect" Read "swarm inspect"
    SwarmUnlockKey "swarm-unlock-key" Use "swarm unlock-key"
    SwarmInit "swarm-init" Change "swarm init"
    SwarmJoin "swarm-join" Change "swarm join"
    SwarmUpdate "swarm-update" Change "swarm update"
    SwarmUnlock "swarm-unlock" Change "swarm unlock"
    SwarmLeave "swarm-leave" Change "swarm leave"
    NodeList "node-list" Read "node ls"
    NodeInspect "node-inspect" Read "node inspect"
    NodeUpdate "node-update" Change "node update"
    NodeRemove "node-remove" Change "node rm"
    ServiceList "service-list" Read "service ls"
    ServiceInspect "service-inspect" Read "service inspect"
    ServiceLogs "service-logs" Use "service logs"
    ServiceCreate "service-create" Change "service create"
    ServiceUpdate "service-update" Change "service update"
    ServiceRemove "service-remove" Change "service rm"
    TaskList "task-list" Read "service ps"
    TaskInspect "task-inspect" Read "task inspect"
    TaskLogs "task-logs" Use "task logs"
    SecretList "secret-list" Read "secret ls"
    SecretInspect "secret-inspect" Use "secret inspect"
    SecretCreate "secret-create" Change "secret create"
    SecretUpdate "secret-update" Change "secret update"
    SecretRemove "secret-remove" Change "secret rm"
    ConfigList "config-list" Read "config ls"
    ConfigInspect "config-inspect" Use "config inspect"
    ConfigCreate "config-create" Change "config create"
    ConfigUpdate "config-update" Change "config update"
    ConfigRemove "config-remove" Change "config rm"
}

impl Action {
    /// The action of a word in the broker's `op=`, without `-request`.
    #[must_use]
    pub fn of_word(word: &[u8]) -> Self {
        match Operation::of_word(word) {
            Some(operation) => Self::Call(operation),
            None if word == b"refuse" => Self::Refuse,
            None if word == b"policy-load" => Self::PolicyLoad,
            None => Self::Unknown(word.to_vec()),
        }
    }

    /// Whether clients repeat this call all the time, without a decision of a person.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Call(operation) if operation.kind() == OperationKind::Read)
    }
}

impl fmt::Display for Action {
    /// Docker's words for a call, and a word for anything else. An unknown operation is escaped.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Call(operation) => operation.docker(),
            Self::Unknown(word) => return write!(formatter, "{}", word.escape_ascii()),
            Self::Command => "command",
            Self::Refuse => "refused call",
            Self::SessionStart => "session start",
            Self::SessionEnd => "session end",
            Self::ServiceStart => "service start",
            Self::ServiceStop => "service stop",
            Self::AuditdStart => "auditd start",
            Self::AuditdStop => "auditd stop",
            Self::Boot => "boot",
            Self::AuditChange => "audit change",
            Self::PolicyLoad => "policy load",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_leads_to_its_operation() {
        for operation in Operation::ALL {
            let found = Action::of_word(operation.word().as_bytes());
            assert_eq!(found, Action::Call(*operation));
        }
        assert_eq!(Action::of_word(b"refuse"), Action::Refuse);
        assert_eq!(Action::of_word(b"a\x1b").to_string(), "a\\x1b");
    }
}
