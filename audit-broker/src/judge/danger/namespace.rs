//! Namespaces that a container shares with the host or with another container.

use std::fmt::Arguments;

use super::{Danger, gathered::Gathered};
use crate::api::host_config::HostConfig;
use crate::dockerd::object::Defaults;

/// A kind of namespace.
struct Namespace {
    /// Its name in records.
    word: &'static str,
    danger: Danger,
    /// The modes that give the container its own namespace; `None` if a mode can be the name of an
    /// object, such as a network.
    apart: Option<&'static [&'static str]>,
}

const NETWORK: Namespace = Namespace { word: "network", danger: Danger::HostNetwork, apart: None };
const PID: Namespace = Namespace { word: "pid", danger: Danger::HostPid, apart: Some(&[""]) };
const IPC: Namespace = Namespace {
    word: "ipc",
    danger: Danger::HostIpc,
    apart: Some(&["", "none", "private", "shareable"]),
};
const UTS: Namespace = Namespace { word: "uts", danger: Danger::HostUts, apart: Some(&[""]) };
const USER: Namespace = Namespace { word: "user", danger: Danger::HostUser, apart: Some(&[""]) };
const CGROUP: Namespace =
    Namespace { word: "cgroup", danger: Danger::HostCgroup, apart: Some(&["", "private"]) };

/// The namespaces in the configuration of a container.
pub(super) fn add_namespaces(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    for (key, mode, namespace) in [
        ("NetworkMode", &config.network_mode, NETWORK),
        ("PidMode", &config.pid_mode, PID),
        ("IpcMode", &config.ipc_mode, IPC),
        ("UTSMode", &config.uts_mode, UTS),
        ("UsernsMode", &config.userns_mode, USER),
    ] {
        if let Some(mode) = mode {
            add_mode(gathered, format_args!("{place}{key}"), mode, &namespace);
        }
    }
}

/// The cgroup namespace of a new container. docker's own default is no danger: a container gets it
/// without asking. For an existing container this tells nothing.
pub(super) fn add_cgroup_namespace(
    gathered: &mut Gathered,
    place: &str,
    config: &HostConfig,
    defaults: Option<&Defaults>,
) {
    let is_host_by_default = defaults.is_some_and(Defaults::share_cgroup_namespace);
    let mode = config.cgroupns_mode.as_ref();
    if let Some(mode) = mode.filter(|mode| !(is_host_by_default && *mode == "host")) {
        add_mode(gathered, format_args!("{place}CgroupnsMode"), mode, &CGROUP);
    }
}

/// A network by its mode, which may name the host's network or a container's.
pub(super) fn add_network(gathered: &mut Gathered, part: Arguments<'_>, network: &str) {
    add_mode(gathered, part, network, &NETWORK);
}

/// Whether a network mode shares the network of the host or of another container.
pub(super) fn is_shared_network(network: &str) -> bool {
    network == "host" || network.starts_with("container:")
}

fn add_mode(gathered: &mut Gathered, part: Arguments<'_>, mode: &str, namespace: &Namespace) {
    if mode == "host" {
        gathered.add_namespace(namespace.danger, part, namespace.word);
    } else if let Some(container) = mode.strip_prefix("container:") {
        gathered.add_container(part, container);
    } else if namespace.apart.is_some_and(|apart| !apart.contains(&mode)) {
        gathered.add(namespace.danger, part, mode);
    }
}
