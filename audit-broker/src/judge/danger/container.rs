//! The access of a container to the host: of a new one, of one that a call starts or enters, and of
//! one whose namespaces or volumes another container uses.

use audit_host::options::capability;

use super::gathered::Gathered;
use super::{
    Danger, confinement, device, limit, log, mount, namespace, network, process, runtime, volume,
};
use crate::api::container::ContainerConfig;
use crate::api::host_config::HostConfig;
use crate::dockerd::references::References;

/// A container that the call creates.
pub(super) fn add_created(
    gathered: &mut Gathered,
    config: &ContainerConfig,
    references: &References,
) {
    let networking = config.networking_config.as_ref();
    let endpoints = networking.and_then(|networking| networking.endpoints_config.as_ref());
    if let Some(host_config) = &config.host_config {
        add_host_config(gathered, "HostConfig.", host_config);
        let log = references.defaults.as_ref().map(|defaults| defaults.log_driver.as_str());
        log::add_log(gathered, "HostConfig.LogConfig", host_config, log);
        let defaults = references.defaults.as_deref();
        namespace::add_cgroup_namespace(gathered, "HostConfig.", host_config, defaults);
        limit::add_swap(gathered, "HostConfig.", host_config.memory_swap, defaults);
        let is_alone = !endpoints.is_some_and(|endpoints| {
            endpoints.keys().any(|name| namespace::is_shared_network(name))
        });
        add_sysctls(gathered, "HostConfig.", host_config, is_alone);
    }
    for (name, endpoint) in endpoints.into_iter().flatten() {
        let part = format_args!("NetworkingConfig.EndpointsConfig.{name}");
        namespace::add_network(gathered, part, name);
        if let Some(endpoint) = endpoint {
            network::add_endpoint(gathered, part, endpoint);
        }
    }
    process::add_created(gathered, config, references.images.first());
}

/// An existing container that the call starts or enters.
pub(super) fn add_entered(gathered: &mut Gathered, name: &str, config: &HostConfig) {
    let place = format!("container {name}: HostConfig.");
    add_host_config(gathered, &place, config);
    add_sysctls(gathered, &place, config, true);
}

/// The access that a container shares with one that joins its namespaces or uses its volumes.
pub(super) fn add_joined(gathered: &mut Gathered, name: &str, config: &HostConfig) {
    let place = format!("container {name}: HostConfig.");
    namespace::add_namespaces(gathered, &place, config);
    mount::add_mounted(gathered, &place, config);
    add_volumes_from(gathered, &place, config);
}

fn add_host_config(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    if config.privileged == Some(true) {
        gathered.add_privileged(format_args!("{place}Privileged"));
    }
    mount::add_mounted(gathered, place, config);
    mount::add_tmpfs(gathered, place, config);
    add_volumes_from(gathered, place, config);
    let driver = config.volume_driver.as_deref();
    volume::add_driver(gathered, format_args!("{place}VolumeDriver"), driver);
    for (name, value) in config.storage_opt.iter().flatten().filter(|(name, _)| *name != "size") {
        gathered.add(Danger::StorageDriver, format_args!("{place}StorageOpt.{name}"), value);
    }
    let resources = config.resources();
    device::add_devices(gathered, place, &resources);
    limit::add_limits(gathered, place, &resources);
    limit::add_oom_score(gathered, place, config.oom_score_adj);
    let added = config.cap_add.iter().flat_map(|words| &words.0);
    for (index, name) in added.enumerate() {
        gathered.add_found(format_args!("{place}CapAdd[{index}]"), capability::judge(name));
    }
    for (index, name) in config.capabilities.iter().flatten().enumerate() {
        gathered.add_found(format_args!("{place}Capabilities[{index}]"), capability::judge(name));
    }
    confinement::add_confinement(gathered, place, config);
    runtime::add_runtime(gathered, place, config);
    namespace::add_namespaces(gathered, place, config);
    add_cgroup(gathered, place, config);
    for (index, link) in config.links.iter().flatten().enumerate() {
        network::add_link(gathered, format_args!("{place}Links[{index}]"), link);
    }
    add_ports(gathered, place, config);
}

fn add_volumes_from(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    for (index, from) in config.volumes_from.iter().flatten().enumerate() {
        let name = from.split(':').next().unwrap_or_default();
        let part = format_args!("{place}VolumesFrom[{index}]");
        gathered.add_container(part, name);
    }
}

/// The cgroup of another container.
fn add_cgroup(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    let part = format_args!("{place}Cgroup");
    match config.cgroup.as_deref().map(|cgroup| (cgroup, cgroup.strip_prefix("container:"))) {
        None | Some(("", _)) => {}
        Some((_, Some(container))) => gathered.add_container(part, container),
        Some((cgroup, None)) => gathered.add(Danger::HostCgroup, part, cgroup),
    }
}

fn add_sysctls(gathered: &mut Gathered, place: &str, config: &HostConfig, is_alone: bool) {
    let mode = config.network_mode.as_deref().unwrap_or_default();
    let has_own_network = is_alone && !namespace::is_shared_network(mode);
    confinement::add_sysctls(gathered, place, config.sysctls.as_ref(), has_own_network);
}

fn add_ports(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    if config.publish_all_ports == Some(true) {
        gathered.add(Danger::HostPorts, format_args!("{place}PublishAllPorts"), "true");
    }
    for (port, bindings) in config.port_bindings.iter().flat_map(|ports| &ports.0) {
        for binding in bindings.iter().flatten() {
            let address = binding.host_ip.as_deref().unwrap_or_default();
            let host_port = binding.host_port.as_deref().unwrap_or_default();
            let part = format_args!("{place}PortBindings.{port}");
            gathered.add(Danger::HostPorts, part, format!("{address}:{host_port}"));
        }
    }
}
