//! The runtime of a container, and the options that docker passes on to it.

use audit_host::options::runtime;

use super::{Danger, gathered::Gathered};
use crate::api::container::ContainerConfig;
use crate::api::host_config::HostConfig;
use crate::dockerd::finder::wanted_devices;
use crate::dockerd::references::References;

/// A runtime other than docker's own, and annotations. Only the runtime reads annotations: runc sets
/// properties of the systemd unit from them.
pub(super) fn add_runtime(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    let runtime = config.runtime.as_deref().unwrap_or_default();
    gathered.add_found(format_args!("{place}Runtime"), runtime::judge(runtime));
    for (name, value) in config.annotations.iter().flatten() {
        gathered.add(Danger::Runtime, format_args!("{place}Annotations.{name}"), value);
    }
}

/// Devices that the environment asks for. They count only if docker's default runtime may read the
/// environment. A runtime that the request names is a danger by itself.
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
