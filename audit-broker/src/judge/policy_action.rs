//! The policy action of each operation.
//!
//! The actions are those of the policy schema. This file knows neither objects nor policies.

use crate::api::operation::{
    BuildOperation, ContainerOperation, ExecOperation, ImageOperation, NetworkOperation, Operation,
    PluginOperation, RegistryOperation, SwarmOperation, SystemOperation, VolumeOperation,
};

/// An action of the policy schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PolicyAction {
    pub(crate) name: &'static str,
    /// The action for a call that asks for access to the host, or whose container has such access.
    pub(crate) privileged: &'static str,
}

impl PolicyAction {
    /// The name of the action.
    pub(crate) const fn action(self, is_privileged: bool) -> &'static str {
        if is_privileged { self.privileged } else { self.name }
    }
}

/// Defines actions that have a privileged form.
macro_rules! actions {
    ($($constant:ident $name:literal,)+) => {
        $(
            pub(crate) const $constant: PolicyAction =
                PolicyAction { name: $name, privileged: concat!("privileged-", $name) };
        )+
    };
}

actions! {
    CONTAINER_CREATE "container-create",
    CONTAINER_DELETE "container-delete",
    CONTAINER_COMMIT "container-commit",
    CONTAINER_INSPECT "container-inspect",
    CONTAINER_LOGS "container-logs",
    CONTAINER_TOP "container-top",
    CONTAINER_START "container-start",
    CONTAINER_STOP "container-stop",
    CONTAINER_WAIT "container-wait",
    CONTAINER_UPDATE "container-update",
    CONTAINER_RENAME "container-rename",
    CONTAINER_EXEC "container-exec",
    CONTAINER_ATTACH "container-attach",
    CONTAINER_COPY_OUT "container-copy-out",
    CONTAINER_COPY_IN "container-copy-in",
    CONTAINER_SIGNAL "container-signal",
    CONTAINER_JOIN "container-join",
    VOLUME_CREATE "volume-create",
    VOLUME_USE "volume-use",
    NETWORK_CREATE "network-create",
    NETWORK_USE "network-use",
    IMAGE_IMPORT "image-import",
    BUILD "build",
}

pub(crate) const IMAGE_USE: PolicyAction = plain("image-use");
pub(crate) const IMAGE_NAME: PolicyAction = plain("image-name");
pub(crate) const IMAGE_DELETE: PolicyAction = plain("image-delete");
pub(crate) const VOLUME_DELETE: PolicyAction = plain("volume-delete");
pub(crate) const NETWORK_DELETE: PolicyAction = plain("network-delete");
pub(crate) const IMAGE_EXPORT: PolicyAction = plain("image-export");
pub(crate) const IMAGE_PUSH: PolicyAction = plain("image-push");
pub(crate) const IMAGE_INSPECT: PolicyAction = plain("image-inspect");
pub(crate) const VOLUME_INSPECT: PolicyAction = plain("volume-inspect");
pub(crate) const NETWORK_INSPECT: PolicyAction = plain("network-inspect");
pub(crate) const PLUGIN_VIEW: PolicyAction = plain("plugin-view");
const PLUGIN_MANAGE: PolicyAction = plain("plugin-manage");
pub(crate) const SWARM_VIEW: PolicyAction = plain("swarm-view");
const SWARM_MANAGE: PolicyAction = plain("swarm-manage");

/// An action without a privileged form.
const fn plain(name: &'static str) -> PolicyAction {
    PolicyAction { name, privileged: name }
}

/// The action of an operation.
pub(crate) const fn of(operation: Operation) -> PolicyAction {
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
            plain("daemon-access")
        }
        SystemOperation::Events => plain("daemon-events"),
        SystemOperation::DiskUsage => plain("daemon-usage"),
    }
}

const fn of_registry(operation: RegistryOperation) -> PolicyAction {
    match operation {
        RegistryOperation::Auth
        | RegistryOperation::Inspect
        | RegistryOperation::SearchImages
        | RegistryOperation::PluginPrivileges => plain("registry-access"),
    }
}

const fn of_container(operation: ContainerOperation) -> PolicyAction {
    match operation {
        ContainerOperation::List => plain("container-list"),
        ContainerOperation::Create => CONTAINER_CREATE,
        ContainerOperation::Inspect | ContainerOperation::Stats => CONTAINER_INSPECT,
        ContainerOperation::Top => CONTAINER_TOP,
        ContainerOperation::Logs => CONTAINER_LOGS,
        ContainerOperation::Export
        | ContainerOperation::Changes
        | ContainerOperation::ArchiveStat
        | ContainerOperation::ArchiveRead => CONTAINER_COPY_OUT,
        ContainerOperation::ArchiveWrite => CONTAINER_COPY_IN,
        ContainerOperation::Start => CONTAINER_START,
        ContainerOperation::Stop
        | ContainerOperation::Restart
        | ContainerOperation::Pause
        | ContainerOperation::Unpause => CONTAINER_STOP,
        ContainerOperation::Kill => CONTAINER_SIGNAL,
        ContainerOperation::Wait => CONTAINER_WAIT,
        ContainerOperation::Update => CONTAINER_UPDATE,
        ContainerOperation::Rename => CONTAINER_RENAME,
        ContainerOperation::Remove => CONTAINER_DELETE,
        ContainerOperation::Prune => plain("container-prune"),
        ContainerOperation::Attach | ContainerOperation::AttachWs | ContainerOperation::Resize => {
            CONTAINER_ATTACH
        }
        ContainerOperation::Commit => CONTAINER_COMMIT,
    }
}

const fn of_exec(operation: ExecOperation) -> PolicyAction {
    match operation {
        ExecOperation::Inspect => CONTAINER_INSPECT,
        ExecOperation::Create | ExecOperation::Start | ExecOperation::Resize => CONTAINER_EXEC,
    }
}

const fn of_image(operation: ImageOperation) -> PolicyAction {
    match operation {
        ImageOperation::List => plain("image-list"),
        ImageOperation::Save => IMAGE_EXPORT,
        ImageOperation::Inspect | ImageOperation::History | ImageOperation::Attestations => {
            IMAGE_INSPECT
        }
        ImageOperation::Pull => plain("image-pull"),
        ImageOperation::Load => IMAGE_IMPORT,
        ImageOperation::Push => IMAGE_PUSH,
        ImageOperation::Tag => IMAGE_NAME,
        ImageOperation::Remove => IMAGE_DELETE,
        ImageOperation::Prune => plain("image-prune"),
    }
}

const fn of_volume(operation: VolumeOperation) -> PolicyAction {
    match operation {
        VolumeOperation::List => plain("volume-list"),
        VolumeOperation::Inspect => VOLUME_INSPECT,
        VolumeOperation::Create => VOLUME_CREATE,
        VolumeOperation::Update => plain("volume-update"),
        VolumeOperation::Remove => VOLUME_DELETE,
        VolumeOperation::Prune => plain("volume-prune"),
    }
}

const fn of_network(operation: NetworkOperation) -> PolicyAction {
    match operation {
        NetworkOperation::List => plain("network-list"),
        NetworkOperation::Inspect => NETWORK_INSPECT,
        NetworkOperation::Create => NETWORK_CREATE,
        NetworkOperation::Connect | NetworkOperation::Disconnect => NETWORK_USE,
        NetworkOperation::Remove => NETWORK_DELETE,
        NetworkOperation::Prune => plain("network-prune"),
    }
}

const fn of_build(operation: BuildOperation) -> PolicyAction {
    match operation {
        BuildOperation::Run => BUILD,
        BuildOperation::Prune | BuildOperation::Cancel => plain("build-manage"),
        BuildOperation::Session | BuildOperation::Grpc => plain("privileged-build-session"),
    }
}

const fn of_plugin(operation: PluginOperation) -> PolicyAction {
    match operation {
        PluginOperation::List | PluginOperation::Inspect => PLUGIN_VIEW,
        PluginOperation::Pull
        | PluginOperation::Upgrade
        | PluginOperation::Create
        | PluginOperation::Enable
        | PluginOperation::Disable
        | PluginOperation::Push
        | PluginOperation::Set
        | PluginOperation::Remove => PLUGIN_MANAGE,
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
        | SwarmOperation::ConfigInspect => SWARM_VIEW,
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
        | SwarmOperation::ConfigRemove => SWARM_MANAGE,
    }
}
