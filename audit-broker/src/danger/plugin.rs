//! Plugins: programs that dockerd runs as root, and what they are allowed.

use std::fmt::Arguments;

use super::{Danger, gathered::Gathered};
use crate::api::plugin::PluginPrivilege;

/// What a plugin is set up with: `mount.source=/etc`, `device.path=/dev/sda`. A path is one that it
/// gets, or may name.
pub(super) fn add_settings(gathered: &mut Gathered, settings: &[String]) {
    for (index, setting) in settings.iter().enumerate() {
        let path = setting.split_once('=').map(|(_, value)| value);
        if let Some(path) = path.filter(|value| value.starts_with('/')) {
            gathered.add_host_path(format_args!("[{index}]"), path, false);
        }
    }
}

/// What whoever installs a plugin has agreed to.
///
/// # Source
/// `computePrivileges` in moby's `plugin/manager.go`.
pub(super) fn add_privilege(
    gathered: &mut Gathered,
    part: Arguments<'_>,
    privilege: &PluginPrivilege,
) {
    let values = || privilege.value.iter().flatten();
    let name = privilege.name.as_deref().unwrap_or_default();
    let part = format_args!("{part}.{name}");
    match name {
        "network" if values().any(|value| value == "host") => {
            gathered.asked.add_namespace("network");
            gathered.add(Danger::HostNetwork, part, "host");
        }
        "host ipc namespace" => {
            gathered.asked.add_namespace("ipc");
            gathered.add(Danger::HostIpc, part, "true");
        }
        "host pid namespace" => {
            gathered.asked.add_namespace("pid");
            gathered.add(Danger::HostPid, part, "true");
        }
        "mount" => values().for_each(|path| gathered.add_host_path(part, path, false)),
        "device" => values().for_each(|device| {
            gathered.asked.add_device(device.as_bytes());
            gathered.add(Danger::Devices, part, device);
        }),
        "allow-all-devices" => {
            gathered.asked.add_device(b"all");
            gathered.add(Danger::Devices, part, "all");
        }
        "capabilities" => values().for_each(|name| {
            gathered.asked.add_capability(name.as_bytes());
            gathered.add(Danger::Capabilities, part, name);
        }),
        // Whatever it is, the plugin runs as root.
        _ => {}
    }
}
