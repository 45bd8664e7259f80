//! What a call is dangerous by, whatever its body says.

use audit_host::options::address::judge_remote;
use audit_host::options::{ps, timeout};

use super::{Danger, build, gathered::Gathered};
use crate::api::class::Class;
use crate::api::operation::{
    BuildOperation, ContainerOperation, Operation, PluginOperation, SwarmOperation,
};
use crate::api::request::Head;

/// What the path and the query of a call ask for.
pub(super) fn add_route(gathered: &mut Gathered, head: &Head) {
    let route = head.route;
    let query = |name| head.query.text(name).filter(|value| !value.is_empty());
    let object = head.object.as_deref().or(query("remote")).or(query("name"));
    let object = object.unwrap_or_default();
    let part = format_args!("{} {}", route.method.name(), route.path);
    match (route.class, route.operation) {
        // Whose programs the cluster runs here, as root, is up to its managers; and the tokens make
        // a manager of whoever has one.
        (Class::Swarm | Class::Node, _)
        | (
            Class::SwarmView,
            Operation::Swarm(SwarmOperation::Inspect | SwarmOperation::UnlockKey),
        ) => {
            gathered.add(Danger::HostRoot, part, object);
        }
        // One that decides on requests or keeps logs is missed.
        (Class::Plugin, Operation::Plugin(PluginOperation::Disable | PluginOperation::Remove)) => {
            gathered.add(Danger::EvidenceHiding, part, object);
        }
        (Class::Plugin, Operation::Plugin(PluginOperation::Push)) => {}
        // It runs as root, with what it asks for itself.
        (Class::Plugin, _) => gathered.add(Danger::HostRoot, part, object),
        (Class::BuildSession, _) => build::add_builder(gathered, &part.to_string(), ""),
        (Class::Build, Operation::Build(BuildOperation::Run)) => {
            build::add_build(gathered, &head.query);
        }
        (Class::ImagePull, _) => {
            if let Some(source) = query("fromSrc").filter(|source| *source != "-") {
                gathered.add_found(format_args!("query fromSrc"), judge_remote(source));
            }
        }
        (Class::ContainerView, Operation::Container(ContainerOperation::Top)) => {
            if let Some(arguments) = query("ps_args") {
                gathered.add_found(format_args!("query ps_args"), ps::judge(arguments));
            }
        }
        (
            Class::ContainerState,
            Operation::Container(ContainerOperation::Stop | ContainerOperation::Restart),
        ) => {
            if let Some(seconds) = query("t") {
                // One that is no number of 64 bits is longer than any that is allowed.
                let seconds = seconds.parse().unwrap_or(i64::MAX);
                gathered.add_found(format_args!("query t"), timeout::judge_stop(seconds));
            }
        }
        (Class::Service, Operation::Swarm(SwarmOperation::ServiceUpdate)) => {
            // To a state that is not in this request.
            if let Some(rollback) = query("rollback") {
                gathered.add(Danger::HostRoot, format_args!("query rollback"), rollback);
            }
        }
        (Class::ImageName, Operation::Container(ContainerOperation::Commit)) => {
            if let Some(container) = query("container") {
                let part = format_args!("query container");
                gathered.add_container(part, container);
            }
        }
        _ => {}
    }
}
