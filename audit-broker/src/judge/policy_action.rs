//! The policy action of each operation.
//!
//! The actions are those of the policy schema. This file knows neither objects nor policies.

use std::cmp::Ordering;
use std::fmt;

use crate::api::operation::{
    BuildOperation, ContainerOperation, ExecOperation, ImageOperation, NetworkOperation, Operation,
    PluginOperation, RegistryOperation, SwarmOperation, SystemOperation, VolumeOperation,
};

/// The forms that an action has in the policy schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forms {
    /// One form, which gives no access to the host.
    Ordinary,
    /// One form, which gives access to the host.
    Host,
    /// One form, which gives access to the host, as its name says.
    Privileged,
    /// An ordinary form, and a privileged one for a call that asks for access to the host, or whose object
    /// has such access.
    Both,
}

/// An action with the form that a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AskedAction {
    pub(crate) action: PolicyAction,
    is_privileged: bool,
}

/// Defines the actions of the policy schema.
macro_rules! actions {
    ($($action:ident $name:literal $forms:ident,)+) => {
        /// An action of the policy schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum PolicyAction {
            $($action,)+
        }

        impl PolicyAction {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$action,)+];

            /// The names of the ordinary and of the privileged form.
            const fn names(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$action => ($name, concat!("privileged-", $name)),)+
                }
            }

            const fn forms(self) -> Forms {
                match self {
                    $(Self::$action => Forms::$forms,)+
                }
            }
        }
    };
}

actions! {
    DaemonAccess "daemon-access" Ordinary,
    DaemonEvents "daemon-events" Ordinary,
    DaemonUsage "daemon-usage" Ordinary,
    RegistryAccess "registry-access" Ordinary,
    ContainerList "container-list" Ordinary,
    ContainerPrune "container-prune" Ordinary,
    ContainerCreate "container-create" Both,
    ContainerDelete "container-delete" Both,
    ContainerCommit "container-commit" Both,
    ContainerInspect "container-inspect" Both,
    ContainerLogs "container-logs" Both,
    ContainerTop "container-top" Both,
    ContainerStart "container-start" Both,
    ContainerStop "container-stop" Both,
    ContainerWait "container-wait" Both,
    ContainerUpdate "container-update" Both,
    ContainerRename "container-rename" Both,
    ContainerExec "container-exec" Both,
    ContainerAttach "container-attach" Both,
    ContainerCopyOut "container-copy-out" Both,
    ContainerCopyIn "container-copy-in" Both,
    ContainerSignal "container-signal" Both,
    ContainerJoin "container-join" Both,
    ImageList "image-list" Ordinary,
    ImagePrune "image-prune" Ordinary,
    ImagePull "image-pull" Ordinary,
    ImageImport "image-import" Both,
    ImageUse "image-use" Ordinary,
    ImageName "image-name" Ordinary,
    ImageInspect "image-inspect" Ordinary,
    ImageExport "image-export" Ordinary,
    ImagePush "image-push" Ordinary,
    ImageDelete "image-delete" Ordinary,
    VolumeList "volume-list" Ordinary,
    VolumePrune "volume-prune" Ordinary,
    VolumeCreate "volume-create" Both,
    VolumeUse "volume-use" Both,
    VolumeInspect "volume-inspect" Ordinary,
    VolumeUpdate "volume-update" Ordinary,
    VolumeDelete "volume-delete" Ordinary,
    NetworkList "network-list" Ordinary,
    NetworkPrune "network-prune" Ordinary,
    NetworkCreate "network-create" Both,
    NetworkUse "network-use" Both,
    NetworkInspect "network-inspect" Ordinary,
    NetworkDelete "network-delete" Ordinary,
    Build "build" Both,
    BuildManage "build-manage" Ordinary,
    BuildSession "build-session" Privileged,
    PluginView "plugin-view" Ordinary,
    PluginManage "plugin-manage" Host,
    SwarmView "swarm-view" Host,
    SwarmManage "swarm-manage" Host,
}

impl PolicyAction {
    /// The action of an operation.
    pub(crate) const fn of(operation: Operation) -> Self {
        of(operation)
    }

    /// The ordinary form, or the only one.
    pub(crate) const fn plain(self) -> AskedAction {
        self.action(false)
    }

    /// The privileged form, or the only one.
    pub(crate) const fn privileged(self) -> AskedAction {
        self.action(true)
    }

    /// The form for a call that asks for access to the host, or for one that does not.
    pub(crate) const fn action(self, is_privileged: bool) -> AskedAction {
        let is_privileged = match self.forms() {
            Forms::Ordinary | Forms::Host => false,
            Forms::Privileged => true,
            Forms::Both => is_privileged,
        };
        AskedAction { action: self, is_privileged }
    }
}

impl AskedAction {
    /// The name in policies.
    pub(crate) const fn name(self) -> &'static str {
        let (ordinary, privileged) = self.action.names();
        if self.is_privileged { privileged } else { ordinary }
    }

    /// Whether it is the form for a call that asks for access to the host.
    pub(crate) const fn is_privileged(self) -> bool {
        self.is_privileged
    }

    /// Whether the action is in the schema's group `host`.
    pub(crate) const fn gives_host_access(self) -> bool {
        match self.action.forms() {
            Forms::Host => true,
            Forms::Ordinary | Forms::Privileged | Forms::Both => self.is_privileged,
        }
    }
}

impl fmt::Display for AskedAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Ord for AskedAction {
    /// By name.
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl PartialOrd for AskedAction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The action of an operation.
const fn of(operation: Operation) -> PolicyAction {
    match operation {
        Operation::System(operation) => of_system(operation),
        Operation::Registry(operation) => of_registry(operation),
        Operation::Container(operation) => of_container(operation),
        Operation::Exec(operation) => of_exec(operation),
        Operation::Image(operation) => of_image(operation),
        Operation::Volume(operation) => of_volume(operation),
        Operation::Network(operation) => of_network(operation),
        Operation::Build(operation) => of_build(operation),
        Operation::Plugin(operation) => of_plugin(operation),
        Operation::Swarm(operation) => of_swarm(operation),
    }
}

const fn of_system(operation: SystemOperation) -> PolicyAction {
    match operation {
        SystemOperation::Ping | SystemOperation::Version | SystemOperation::Info => {
            PolicyAction::DaemonAccess
        }
        SystemOperation::Events => PolicyAction::DaemonEvents,
        SystemOperation::DiskUsage => PolicyAction::DaemonUsage,
    }
}

const fn of_registry(operation: RegistryOperation) -> PolicyAction {
    match operation {
        RegistryOperation::Auth
        | RegistryOperation::Inspect
        | RegistryOperation::SearchImages
        | RegistryOperation::PluginPrivileges => PolicyAction::RegistryAccess,
    }
}

const fn of_container(operation: ContainerOperation) -> PolicyAction {
    match operation {
        ContainerOperation::List => PolicyAction::ContainerList,
        ContainerOperation::Create => PolicyAction::ContainerCreate,
        ContainerOperation::Inspect | ContainerOperation::Stats => PolicyAction::ContainerInspect,
        ContainerOperation::Top => PolicyAction::ContainerTop,
        ContainerOperation::Logs => PolicyAction::ContainerLogs,
        ContainerOperation::Export
        | ContainerOperation::Changes
        | ContainerOperation::ArchiveStat
        | ContainerOperation::ArchiveRead => PolicyAction::ContainerCopyOut,
        ContainerOperation::ArchiveWrite => PolicyAction::ContainerCopyIn,
        ContainerOperation::Start => PolicyAction::ContainerStart,
        ContainerOperation::Stop
        | ContainerOperation::Restart
        | ContainerOperation::Pause
        | ContainerOperation::Unpause => PolicyAction::ContainerStop,
        ContainerOperation::Kill => PolicyAction::ContainerSignal,
        ContainerOperation::Wait => PolicyAction::ContainerWait,
        ContainerOperation::Update => PolicyAction::ContainerUpdate,
        ContainerOperation::Rename => PolicyAction::ContainerRename,
        ContainerOperation::Remove => PolicyAction::ContainerDelete,
        ContainerOperation::Prune => PolicyAction::ContainerPrune,
        ContainerOperation::Attach | ContainerOperation::AttachWs | ContainerOperation::Resize => {
            PolicyAction::ContainerAttach
        }
        ContainerOperation::Commit => PolicyAction::ContainerCommit,
    }
}

const fn of_exec(operation: ExecOperation) -> PolicyAction {
    match operation {
        ExecOperation::Inspect => PolicyAction::ContainerInspect,
        ExecOperation::Create | ExecOperation::Start | ExecOperation::Resize => {
            PolicyAction::ContainerExec
        }
    }
}

const fn of_image(operation: ImageOperation) -> PolicyAction {
    match operation {
        ImageOperation::List => PolicyAction::ImageList,
        ImageOperation::Save => PolicyAction::ImageExport,
        ImageOperation::Inspect | ImageOperation::History | ImageOperation::Attestations => {
            PolicyAction::ImageInspect
        }
        ImageOperation::Pull => PolicyAction::ImagePull,
        ImageOperation::Load => PolicyAction::ImageImport,
        ImageOperation::Push => PolicyAction::ImagePush,
        ImageOperation::Tag => PolicyAction::ImageName,
        ImageOperation::Remove => PolicyAction::ImageDelete,
        ImageOperation::Prune => PolicyAction::ImagePrune,
    }
}

const fn of_volume(operation: VolumeOperation) -> PolicyAction {
    match operation {
        VolumeOperation::List => PolicyAction::VolumeList,
        VolumeOperation::Inspect => PolicyAction::VolumeInspect,
        VolumeOperation::Create => PolicyAction::VolumeCreate,
        VolumeOperation::Update => PolicyAction::VolumeUpdate,
        VolumeOperation::Remove => PolicyAction::VolumeDelete,
        VolumeOperation::Prune => PolicyAction::VolumePrune,
    }
}

const fn of_network(operation: NetworkOperation) -> PolicyAction {
    match operation {
        NetworkOperation::List => PolicyAction::NetworkList,
        NetworkOperation::Inspect => PolicyAction::NetworkInspect,
        NetworkOperation::Create => PolicyAction::NetworkCreate,
        NetworkOperation::Connect | NetworkOperation::Disconnect => PolicyAction::NetworkUse,
        NetworkOperation::Remove => PolicyAction::NetworkDelete,
        NetworkOperation::Prune => PolicyAction::NetworkPrune,
    }
}

const fn of_build(operation: BuildOperation) -> PolicyAction {
    match operation {
        BuildOperation::Run => PolicyAction::Build,
        BuildOperation::Prune | BuildOperation::Cancel => PolicyAction::BuildManage,
        BuildOperation::Session | BuildOperation::Grpc => PolicyAction::BuildSession,
    }
}

const fn of_plugin(operation: PluginOperation) -> PolicyAction {
    match operation {
        PluginOperation::List | PluginOperation::Inspect => PolicyAction::PluginView,
        PluginOperation::Pull
        | PluginOperation::Upgrade
        | PluginOperation::Create
        | PluginOperation::Enable
        | PluginOperation::Disable
        | PluginOperation::Push
        | PluginOperation::Set
        | PluginOperation::Remove => PolicyAction::PluginManage,
    }
}

const fn of_swarm(operation: SwarmOperation) -> PolicyAction {
    match operation {
        SwarmOperation::Inspect
        | SwarmOperation::UnlockKey
        | SwarmOperation::NodeList
        | SwarmOperation::NodeInspect
        | SwarmOperation::ServiceList
        | SwarmOperation::ServiceInspect
        | SwarmOperation::ServiceLogs
        | SwarmOperation::TaskList
        | SwarmOperation::TaskInspect
        | SwarmOperation::TaskLogs
        | SwarmOperation::SecretList
        | SwarmOperation::SecretInspect
        | SwarmOperation::ConfigList
        | SwarmOperation::ConfigInspect => PolicyAction::SwarmView,
        SwarmOperation::Init
        | SwarmOperation::Join
        | SwarmOperation::Update
        | SwarmOperation::Unlock
        | SwarmOperation::Leave
        | SwarmOperation::NodeUpdate
        | SwarmOperation::NodeRemove
        | SwarmOperation::ServiceCreate
        | SwarmOperation::ServiceUpdate
        | SwarmOperation::ServiceRemove
        | SwarmOperation::SecretCreate
        | SwarmOperation::SecretUpdate
        | SwarmOperation::SecretRemove
        | SwarmOperation::ConfigCreate
        | SwarmOperation::ConfigUpdate
        | SwarmOperation::ConfigRemove => PolicyAction::SwarmManage,
    }
}
