//! Plugins: programs that dockerd runs as root, and what they are allowed.

use std::fmt::Arguments;

use audit_host::options::host_path;

use super::{Danger, gathered::Gathered};
use crate::api::plugin::PluginPrivilege;

/// What a plugin is set up with: `mount.source=/etc`, `device.path=/dev/sda`. A path is one that it
/// gets, or may name.
pub(super) fn add_settings(gathered: &mut Gathered, settings: &[String]) {
    for (index, setting) in settings.iter().enumerate() {
        let path = setting.split_once('=').map(|(_, value)| value);
        if let Some(path) = path.filter(|value| value.starts_with('/')) {
            gathered.add_found(format_args!("[{index}]"), host_path::judge(path, false));
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
        // Whatever it is, the plugin runs as root.
        _ => {}
    }
}
