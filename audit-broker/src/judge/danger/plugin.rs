//! Plugins, which are programs that dockerd runs as root, and their privileges.

use std::fmt::Arguments;

use audit_host::options::host_path;

use super::{Danger, gathered::Gathered};
use crate::api::plugin::PluginPrivilege;

/// The settings of a plugin, such as `mount.source=/etc` or `device.path=/dev/sda`. Any path in them
/// counts as a path that the plugin gets.
pub(super) fn add_settings(gathered: &mut Gathered, settings: &[String]) {
    for (index, setting) in settings.iter().enumerate() {
        let path = setting.split_once('=').map(|(_, value)| value);
        if let Some(path) = path.filter(|value| value.starts_with('/')) {
            gathered.add_found(format_args!("[{index}]"), host_path::judge(path, false));
        }
    }
}

/// A privilege that the caller grants to a plugin on installation.
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
            gathered.add_namespace(Danger::HostNetwork, part, "network");
        }
        "host ipc namespace" => {
            gathered.add_namespace(Danger::HostIpc, part, "ipc");
        }
        "host pid namespace" => {
            gathered.add_namespace(Danger::HostPid, part, "pid");
        }
        "mount" => {
            values().for_each(|path| gathered.add_found(part, host_path::judge(path, false)));
        }
        "device" => values().for_each(|device| gathered.add(Danger::Devices, part, device)),
        "allow-all-devices" => gathered.add(Danger::Devices, part, "all"),
        "capabilities" => values().for_each(|name| gathered.add(Danger::Capabilities, part, name)),
        "network" if values().all(|value| value == "none") => {}
        // Docker knows no other privilege, so what it would give is unknown.
        _ => gathered.add(Danger::HostRoot, part, "unknown privilege"),
    }
}
