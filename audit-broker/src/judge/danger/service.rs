//! Services of a swarm: the access of their tasks to the hosts that run them.

use audit_host::options::{capability, log, target, timeout};

use super::gathered::Gathered;
use super::{Danger, confinement, limit, mount, network, plugin, process};
use crate::api::service::ServiceSpec;
use crate::api::task::{ContainerSpec, NetworkAttachmentConfig, TaskResources, TaskSpec};

/// A service that the call creates or changes.
pub(super) fn add_service(gathered: &mut Gathered, service: &ServiceSpec, has_own_network: bool) {
    if let Some(task) = &service.task_template {
        add_task(gathered, task, has_own_network);
    }
    add_networks(gathered, "", service.networks.as_deref());
    let endpoint = service.endpoint_spec.as_ref();
    let ports = endpoint.and_then(|endpoint| endpoint.ports.as_ref());
    for (index, port) in ports.into_iter().flatten().enumerate() {
        let part = format_args!("EndpointSpec.Ports[{index}]");
        let published = port.published_port.unwrap_or(0);
        gathered.add(Danger::HostPorts, part, published.to_string());
    }
}

fn add_task(gathered: &mut Gathered, task: &TaskSpec, has_own_network: bool) {
    if let Some(plugin) = &task.plugin_spec {
        let part = format_args!("TaskTemplate.PluginSpec");
        gathered.add(Danger::HostRoot, part, plugin.remote.as_deref().unwrap_or_default());
        for privilege in plugin.plugin_privilege.iter().chain(&plugin.privileges).flatten() {
            plugin::add_privilege(gathered, part, privilege);
        }
    }
    let runtime = task.runtime.as_deref().unwrap_or_default();
    if !matches!(runtime, "" | "container") {
        gathered.add(Danger::HostRoot, format_args!("TaskTemplate.Runtime"), runtime);
    }
    if let Some(attachment) = &task.network_attachment_spec {
        let container = attachment.container_id.as_deref().unwrap_or_default();
        let part = format_args!("TaskTemplate.NetworkAttachmentSpec.ContainerID");
        gathered.add_container(part, container);
    }
    add_networks(gathered, "TaskTemplate.", task.networks.as_deref());
    if let Some(driver) = &task.log_driver {
        let name = driver.name.as_deref().unwrap_or_default();
        gathered.add_found(format_args!("TaskTemplate.LogDriver.Name"), log::judge_driver(name));
        for (option, value) in driver.options.iter().flatten() {
            let part = format_args!("TaskTemplate.LogDriver.Options.{option}");
            gathered.add_found(part, log::judge_option(name, option, value));
        }
    }
    if let Some(resources) = &task.resources {
        add_resources(gathered, resources);
    }
    if let Some(container) = &task.container_spec {
        add_container(gathered, container, has_own_network);
    }
}

/// The driver options of networks. The host's network itself is found by its id elsewhere, since a
/// service can name it in several ways.
fn add_networks(
    gathered: &mut Gathered,
    place: &str,
    networks: Option<&[NetworkAttachmentConfig]>,
) {
    for (index, attachment) in networks.into_iter().flatten().enumerate() {
        for (name, value) in attachment.driver_opts.iter().flatten() {
            let part = format_args!("{place}Networks[{index}]");
            network::add_driver_option(gathered, part, name, value);
        }
    }
}

/// The resources of the tasks. Most generic resources are devices.
fn add_resources(gathered: &mut Gathered, resources: &TaskResources) {
    if let Some(swap) = resources.swap_bytes.filter(|swap| swap.is_negative()) {
        let part = format_args!("TaskTemplate.Resources.SwapBytes");
        gathered.add(Danger::HostResources, part, swap.to_string());
    }
    let reserved = resources.reservations.as_ref();
    let generic = reserved.and_then(|reserved| reserved.generic_resources.as_ref());
    for (index, resource) in generic.into_iter().flatten().enumerate() {
        let named = resource.named.as_ref().and_then(|named| named.kind.as_deref());
        let counted = resource.discrete.as_ref().and_then(|counted| counted.kind.as_deref());
        let part = format_args!("TaskTemplate.Resources.Reservations.GenericResources[{index}]");
        gathered.add(Danger::Devices, part, named.or(counted).unwrap_or_default());
    }
}

fn add_container(gathered: &mut Gathered, container: &ContainerSpec, has_own_network: bool) {
    let place = "TaskTemplate.ContainerSpec.";
    mount::add_mounts(gathered, place, container.mounts.as_deref().unwrap_or_default());
    for (index, name) in container.capability_add.iter().flatten().enumerate() {
        gathered.add_found(format_args!("{place}CapabilityAdd[{index}]"), capability::judge(name));
    }
    if let Some(privileges) = &container.privileges {
        let place = "TaskTemplate.ContainerSpec.Privileges.";
        confinement::add_privileges(gathered, place, privileges);
    }
    let health = container.healthcheck.as_ref();
    process::add_health_check(gathered, &format!("{place}HealthCheck"), health);
    let grace = container.stop_grace_period.unwrap_or(0);
    let part = format_args!("{place}StopGracePeriod");
    gathered.add_found(part, timeout::judge_stop_nanoseconds(grace));
    let directory = container.dir.as_deref().unwrap_or_default();
    gathered.add_found(format_args!("{place}Dir"), target::judge_working_directory(directory));
    confinement::add_sysctls(gathered, place, container.sysctls.as_ref(), has_own_network);
    limit::add_ulimits(gathered, place, container.ulimits.as_deref().unwrap_or_default());
    limit::add_oom_score(gathered, place, container.oom_score_adj);
}
