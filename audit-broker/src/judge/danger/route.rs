//! The dangers of a call's path and query, whatever its body says.

use audit_host::options::{ps, timeout};

use super::{Danger, build, gathered::Gathered, image};
use crate::api::operation::{
    BuildOperation, ContainerOperation, ImageOperation, Operation, PluginOperation, SwarmOperation,
};
use crate::api::request::Head;

/// The dangers of the path and the query.
pub(super) fn add_route(gathered: &mut Gathered, head: &Head) {
    add_operation(gathered, head);
    match head.route.operation {
        Operation::Build(BuildOperation::Run) => build::add_build(gathered, &head.query),
        Operation::Image(ImageOperation::Pull) => image::add_pulled(gathered, &head.query),
        Operation::Container(operation) => add_container_query(gathered, operation, head),
        Operation::Swarm(SwarmOperation::ServiceUpdate) => {
            // The service goes back to a state that is not in this request.
            if let Some(rollback) = query(head, "rollback") {
                gathered.add(Danger::HostRoot, format_args!("query rollback"), rollback);
            }
        }
        // Nothing else in a query reaches the host.
        Operation::Build(_)
        | Operation::Image(_)
        | Operation::Swarm(_)
        | Operation::System(_)
        | Operation::Registry(_)
        | Operation::Exec(_)
        | Operation::Volume(_)
        | Operation::Network(_)
        | Operation::Plugin(_) => {}
    }
}

/// The dangers of an operation, whatever its query and body say.
fn add_operation(gathered: &mut Gathered, head: &Head) {
    let route = head.route;
    let object = head.object.as_deref().or_else(|| query(head, "remote"));
    let object = object.or_else(|| query(head, "name")).unwrap_or_default();
    let part = format_args!("{} {}", route.method.name(), route.path);
    match route.operation {
        Operation::Swarm(operation) if is_of_managers(operation) => {
            gathered.add(Danger::HostRoot, part, object);
        }
        // The plugin may authorize requests or write logs. Without it, neither happens.
        Operation::Plugin(PluginOperation::Disable | PluginOperation::Remove) => {
            gathered.add(Danger::EvidenceHiding, part, object);
        }
        // A plugin runs as root, with what the plugin itself asks for.
        Operation::Plugin(
            PluginOperation::Pull
            | PluginOperation::Upgrade
            | PluginOperation::Create
            | PluginOperation::Enable
            | PluginOperation::Set,
        ) => gathered.add(Danger::HostRoot, part, object),
        Operation::Build(BuildOperation::Session | BuildOperation::Grpc) => {
            build::add_builder(gathered, &part.to_string(), "");
        }
        Operation::Plugin(
            PluginOperation::Push | PluginOperation::List | PluginOperation::Inspect,
        )
        | Operation::Swarm(_)
        | Operation::Build(BuildOperation::Run | BuildOperation::Prune | BuildOperation::Cancel)
        | Operation::System(_)
        | Operation::Registry(_)
        | Operation::Container(_)
        | Operation::Exec(_)
        | Operation::Image(_)
        | Operation::Volume(_)
        | Operation::Network(_) => {}
    }
}

/// Whether an operation gives control over the cluster. A manager decides which programs the cluster
/// runs on this host as root. Anyone who has a join token can become a manager.
fn is_of_managers(operation: SwarmOperation) -> bool {
    match operation {
        SwarmOperation::Inspect
        | SwarmOperation::UnlockKey
        | SwarmOperation::Init
        | SwarmOperation::Join
        | SwarmOperation::Update
        | SwarmOperation::Unlock
        | SwarmOperation::Leave
        | SwarmOperation::NodeUpdate
        | SwarmOperation::NodeRemove => true,
        SwarmOperation::NodeList
        | SwarmOperation::NodeInspect
        | SwarmOperation::ServiceList
        | SwarmOperation::ServiceInspect
        | SwarmOperation::ServiceLogs
        | SwarmOperation::ServiceCreate
        | SwarmOperation::ServiceUpdate
        | SwarmOperation::ServiceRemove
        | SwarmOperation::TaskList
        | SwarmOperation::TaskInspect
        | SwarmOperation::TaskLogs
        | SwarmOperation::SecretList
        | SwarmOperation::SecretInspect
        | SwarmOperation::SecretCreate
        | SwarmOperation::SecretUpdate
        | SwarmOperation::SecretRemove
        | SwarmOperation::ConfigList
        | SwarmOperation::ConfigInspect
        | SwarmOperation::ConfigCreate
        | SwarmOperation::ConfigUpdate
        | SwarmOperation::ConfigRemove => false,
    }
}

fn add_container_query(gathered: &mut Gathered, operation: ContainerOperation, head: &Head) {
    match operation {
        ContainerOperation::Top => {
            if let Some(arguments) = query(head, "ps_args") {
                gathered.add_found(format_args!("query ps_args"), ps::judge(arguments));
            }
        }
        ContainerOperation::Stop | ContainerOperation::Restart => {
            if let Some(seconds) = query(head, "t") {
                // A number that does not fit into 64 bits is above every limit.
                let seconds = seconds.parse().unwrap_or(i64::MAX);
                gathered.add_found(format_args!("query t"), timeout::judge_stop(seconds));
            }
        }
        ContainerOperation::Commit => {
            if let Some(container) = query(head, "container") {
                gathered.add_container(format_args!("query container"), container);
            }
        }
        ContainerOperation::List
        | ContainerOperation::Create
        | ContainerOperation::Inspect
        | ContainerOperation::Changes
        | ContainerOperation::Stats
        | ContainerOperation::Logs
        | ContainerOperation::Export
        | ContainerOperation::ArchiveStat
        | ContainerOperation::ArchiveRead
        | ContainerOperation::ArchiveWrite
        | ContainerOperation::Start
        | ContainerOperation::Kill
        | ContainerOperation::Pause
        | ContainerOperation::Unpause
        | ContainerOperation::Wait
        | ContainerOperation::Update
        | ContainerOperation::Rename
        | ContainerOperation::Remove
        | ContainerOperation::Prune
        | ContainerOperation::Attach
        | ContainerOperation::AttachWs
        | ContainerOperation::Resize => {}
    }
}

/// A parameter of the query that is not empty.
fn query<'a>(head: &'a Head, name: &str) -> Option<&'a str> {
    head.query.text(name).filter(|value| !value.is_empty())
}
