//! The program that runs a container, and what it is told past docker.

use audit_host::options::runtime;

use super::{Danger, gathered::Gathered};
use crate::api::container::ContainerConfig;
use crate::api::host_config::HostConfig;
use crate::dockerd::finder::wanted_devices;
use crate::dockerd::references::References;

/// Another runtime than docker's own, and annotations, which only a runtime reads: runc sets
/// properties of the systemd unit by them.
pub(super) fn add_runtime(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    let runtime = config.runtime.as_deref().unwrap_or_default();
    gathered.add_found(format_args!("{place}Runtime"), runtime::judge(runtime));
    for (name, value) in config.annotations.iter().flatten() {
        gathered.add(Danger::Runtime, format_args!("{place}Annotations.{name}"), value);
    }
}

/// Devices by the environment, where the daemon's own runtime may be one that reads it. One that is
/// asked for by name is a danger by itself.
pub(super) fn add_wanted_devices(
    gathered: &mut Gathered,
    config: &ContainerConfig,
    references: &References,
) {
    let defaults = references.defaults.as_ref();
    let is_usual =
        defaults.is_some_and(|defaults| runtime::USUAL.contains(&defaults.runtime.as_str()));
    match wanted_devices(config, references.images.first()) {
        Some(devices) if !is_usual => {
            let part = format_args!("Env NVIDIA_VISIBLE_DEVICES");
            gathered.add(Danger::Devices, part, devices);
        }
        _ => {}
    }
}
