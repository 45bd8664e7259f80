//! What a call of the docker API asks for that yields the host.
//!
//! One function for every field and route that can: a container made, started or entered, a
//! service, a volume, a plugin, a build. Knows docker's words for them; the words of the record are
//! in `audit_host`.

use std::collections::BTreeMap;

use audit_host::host_access::{Asked, HostAccess};

use crate::action::Action;
use crate::api::body::Body;
use crate::api::host_config::{DeviceRequest, HostConfig};
use crate::api::mount::Mount;
use crate::api::plugin::PluginPrivilege;
use crate::api::service::ServiceSpec;
use crate::api::task::{SelinuxContext, TaskPrivileges};
use crate::object::Object;

/// What the action asks for of the host; each way once.
pub(crate) fn host_access(action: &Action) -> Vec<HostAccess> {
    let mut asked = Asked::default();
    match &action.body {
        Body::ContainerCreate(config) => {
            if let Some(host_config) = &config.host_config {
                add_host_config(&mut asked, host_config);
                // Of a container that is there already, this may be docker's default.
                if host_config.cgroupns_mode.as_deref() == Some("host") {
                    asked.add_namespace("cgroup");
                }
            }
            let networks = config.networking_config.as_ref();
            let endpoints = networks.and_then(|networks| networks.endpoints_config.as_ref());
            if endpoints.is_some_and(|endpoints| endpoints.contains_key("host")) {
                asked.add_namespace("network");
            }
        }
        Body::ExecCreate(exec) => asked.set_privileged(exec.privileged == Some(true)),
        Body::VolumeCreate(volume) => {
            if let Some(options) = &volume.driver_opts {
                add_volume_options(&mut asked, options);
            }
        }
        // `mount.source=/etc`, `device.path=/dev/sda`: what the plugin gets, or may name.
        Body::PluginSet(settings) => {
            let values = settings.iter().filter_map(|setting| setting.split_once('='));
            let paths = values.map(|(_, value)| value).filter(|value| value.starts_with('/'));
            asked.add_mounts(paths.map(|path| path.as_bytes().to_vec()));
        }
        Body::Service(service) => add_service(&mut asked, service),
        Body::PluginPrivileges(privileges) => {
            for privilege in privileges {
                add_plugin(&mut asked, privilege);
            }
        }
        _ => {}
    }
    if let Some(container) = action.object.entered(action.head.route.op) {
        add_host_config(&mut asked, &container.host_config);
    }
    match &action.object {
        Object::Exec(exec) if exec.is_privileged => asked.set_privileged(true),
        _ => {}
    }
    if action.head.query.text("networkmode") == Some("host") {
        asked.add_namespace("network");
    }
    for host_config in &action.references.joined {
        add_shared(&mut asked, host_config);
    }
    for options in &action.references.volume_options {
        add_volume_options(&mut asked, options);
    }
    if action.references.is_on_host_network {
        asked.add_namespace("network");
    }
    asked.into_ways()
}

fn add_host_config(asked: &mut Asked, config: &HostConfig) {
    if config.privileged == Some(true) {
        asked.set_privileged(true);
    }
    asked.add_mounts(bind_sources(config));
    for mount in config.mounts.iter().flatten() {
        add_mount(asked, mount);
    }
    for device in config.devices.iter().flatten() {
        asked.add_device(device.path_on_host.as_deref().unwrap_or_default().as_bytes());
    }
    for rule in config.device_cgroup_rules.iter().flatten() {
        asked.add_device(rule.as_bytes());
    }
    for request in config.device_requests.iter().flatten() {
        asked.add_device(device_request(request).as_bytes());
    }
    for capability in config.cap_add.iter().flat_map(|words| &words.0) {
        asked.add_capability(capability.as_bytes());
    }
    for capability in config.capabilities.iter().flatten() {
        asked.add_capability(capability.as_bytes());
    }
    for option in config.security_opt.iter().flatten() {
        asked.add_security_option(option.as_bytes());
    }
    // docker leaves both out, or lists its defaults, where the container is confined as usual.
    for (paths, defaults) in
        [(&config.masked_paths, MASKED_PATHS), (&config.readonly_paths, READONLY_PATHS)]
    {
        if let Some(paths) = paths {
            if defaults.iter().any(|default| !paths.iter().any(|path| path == default)) {
                asked.add_confinement("systempaths");
            }
        }
    }
    if config.runtime.as_deref().is_some_and(|runtime| !USUAL_RUNTIMES.contains(&runtime)) {
        asked.add_confinement("runtime");
    }
    add_namespaces(asked, config);
}

/// Paths that every docker since 20.10 hides, and those that it makes read-only.
///
/// # Source
/// `DefaultLinuxSpec` in moby's `oci/defaults.go`.
const MASKED_PATHS: &[&str] = &[
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];
const READONLY_PATHS: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const USUAL_RUNTIMES: [&str; 3] = ["", "runc", "io.containerd.runc.v2"];

fn add_namespaces(asked: &mut Asked, config: &HostConfig) {
    for (mode, name) in [
        (&config.network_mode, "network"),
        (&config.pid_mode, "pid"),
        (&config.ipc_mode, "ipc"),
        (&config.uts_mode, "uts"),
        (&config.userns_mode, "user"),
    ] {
        if mode.as_deref() == Some("host") {
            asked.add_namespace(name);
        }
    }
}

/// What another container shares with one that joins its namespaces or uses its volumes.
fn add_shared(asked: &mut Asked, config: &HostConfig) {
    add_namespaces(asked, config);
    asked.add_mounts(bind_sources(config));
    for mount in config.mounts.iter().flatten() {
        add_mount(asked, mount);
    }
}

/// The host's paths among binds of the form `/src:/in/container[:options]`; a source that is no
/// path is the name of a volume, and a path alone is a new volume.
fn bind_sources(config: &HostConfig) -> impl Iterator<Item = Vec<u8>> {
    let binds = config.binds.iter().flatten().filter_map(|bind| bind.split_once(':'));
    let sources = binds.map(|(source, _)| source).filter(|source| source.starts_with('/'));
    sources.map(|source| source.as_bytes().to_vec())
}

fn add_mount(asked: &mut Asked, mount: &Mount) {
    if mount.kind.as_deref() == Some("bind") {
        asked.add_mounts(mount.source.iter().map(|source| source.as_bytes().to_vec()));
    }
    let options = mount.volume_options.as_ref();
    let driver = options.and_then(|options| options.driver_config.as_ref());
    if let Some(options) = driver.and_then(|driver| driver.options.as_ref()) {
        add_volume_options(asked, options);
    }
}

/// The local driver mounts what its options say: `type=none,o=bind,device=/`, a disk, or the
/// directories of an overlay. A path need not begin with `/`: the kernel takes it from where dockerd
/// is.
fn add_volume_options(asked: &mut Asked, options: &BTreeMap<String, String>) {
    let kind = options.get("type").map_or("", String::as_str);
    let device = options.get("device").filter(|_| !matches!(kind, "tmpfs" | "overlay"));
    let is_of_network = kind.starts_with("nfs") || kind == "cifs";
    asked.add_mounts(device.filter(|_| !is_of_network).map(|path| path.as_bytes().to_vec()));
    let further = options.get("o").map_or("", String::as_str).split(',');
    for (name, paths) in further.filter_map(|option| option.split_once('=')) {
        if name.trim_end_matches('+').ends_with("dir") {
            let paths = paths.split(':').filter(|path| !path.is_empty());
            asked.add_mounts(paths.map(|path| path.as_bytes().to_vec()));
        }
    }
}

fn device_request(request: &DeviceRequest) -> String {
    let driver = request.driver.as_deref().filter(|driver| !driver.is_empty()).unwrap_or("any");
    match &request.device_ids {
        Some(ids) if !ids.is_empty() => format!("{driver}:{}", ids.join(",")),
        _ => format!("{driver}:{}", request.count.unwrap_or(0)),
    }
}

fn add_service(asked: &mut Asked, service: &ServiceSpec) {
    let Some(task) = &service.task_template else { return };
    if let Some(plugin) = &task.plugin_spec {
        for privilege in plugin.plugin_privilege.iter().chain(&plugin.privileges).flatten() {
            add_plugin(asked, privilege);
        }
    }
    let Some(container) = &task.container_spec else { return };
    for mount in container.mounts.iter().flatten() {
        add_mount(asked, mount);
    }
    for capability in container.capability_add.iter().flatten() {
        asked.add_capability(capability.as_bytes());
    }
    if let Some(privileges) = &container.privileges {
        add_privileges(asked, privileges);
    }
}

fn add_privileges(asked: &mut Asked, privileges: &TaskPrivileges) {
    let is_default =
        |mode: Option<&str>| mode.is_none_or(|mode| mode.is_empty() || mode == "default");
    if !is_default(privileges.seccomp.as_ref().and_then(|seccomp| seccomp.mode.as_deref())) {
        asked.add_confinement("seccomp");
    }
    if !is_default(privileges.apparmor.as_ref().and_then(|apparmor| apparmor.mode.as_deref())) {
        asked.add_confinement("apparmor");
    }
    if privileges
        .selinux_context
        .as_ref()
        .is_some_and(|context| *context != SelinuxContext::default())
    {
        asked.add_confinement("label");
    }
}

/// # Source
/// `computePrivileges` in moby's `plugin/manager.go`.
fn add_plugin(asked: &mut Asked, privilege: &PluginPrivilege) {
    let values = || privilege.value.iter().flatten();
    match privilege.name.as_deref().unwrap_or_default() {
        "network" if values().any(|value| value == "host") => asked.add_namespace("network"),
        "host ipc namespace" => asked.add_namespace("ipc"),
        "host pid namespace" => asked.add_namespace("pid"),
        "mount" => asked.add_mounts(values().map(|path| path.as_bytes().to_vec())),
        "device" => values().for_each(|device| asked.add_device(device.as_bytes())),
        "allow-all-devices" => asked.add_device(b"all"),
        "capabilities" => values().for_each(|name| asked.add_capability(name.as_bytes())),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
