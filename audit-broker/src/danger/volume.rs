//! Volumes: who provides them, and what docker's own driver mounts for them.

use std::collections::BTreeMap;
use std::fmt::Arguments;

use audit_host::options::host_path;

use super::{Danger, gathered::Gathered};
use crate::api::volume::VolumeCreate;
use crate::object::Volume;

/// A volume that is made.
pub(super) fn add_created(gathered: &mut Gathered, volume: &VolumeCreate) {
    add_driver(gathered, format_args!("Driver"), volume.driver.as_deref());
    if volume.cluster_volume_spec.is_some() {
        let name = volume.name.as_deref().unwrap_or_default();
        gathered.add(Danger::StorageDriver, format_args!("ClusterVolumeSpec"), name);
    }
    if let Some(options) = &volume.driver_opts {
        add_options(gathered, format_args!("DriverOpts"), options);
    }
}

/// A volume that is there already, which is mounted anew for each container.
pub(super) fn add_mounted(gathered: &mut Gathered, volume: &Volume) {
    let name = &volume.name;
    add_driver(gathered, format_args!("volume {name}: Driver"), Some(&volume.driver));
    if let Some(options) = &volume.options {
        add_options(gathered, format_args!("volume {name}: Options"), options);
    }
}

/// A driver of volumes. Any other than docker's own is a program that root has installed and that
/// does on the host what it takes its options for.
pub(super) fn add_driver(gathered: &mut Gathered, part: Arguments<'_>, driver: Option<&str>) {
    if let Some(driver) = driver.filter(|driver| !matches!(*driver, "" | "local")) {
        gathered.add(Danger::StorageDriver, part, driver);
    }
}

/// The local driver mounts what its options say: `type=none,o=bind,device=/`, a disk, the
/// directories of an overlay, a share in the network. A path need not begin with `/`: the kernel
/// takes it from where dockerd is.
///
/// # Source
/// `mount` in `volume/local/local_unix.go` of moby; `mount(2)`, which with `MS_BIND` does not look
/// at the type.
pub(super) fn add_options(
    gathered: &mut Gathered,
    part: Arguments<'_>,
    options: &BTreeMap<String, String>,
) {
    let kind = options.get("type").map_or("", String::as_str);
    let further = || options.get("o").map_or("", String::as_str).split(',');
    if let Some(device) = options.get("device") {
        let part = format_args!("{part}.device");
        if further().any(|option| matches!(option, "bind" | "rbind")) {
            gathered.add_found(part, host_path::judge(device, false));
        } else if matches!(kind, "nfs" | "nfs4" | "cifs") {
            gathered.add(Danger::Outbound, part, device);
        } else if !matches!(kind, "tmpfs" | "overlay") {
            gathered.add_found(part, host_path::judge_disk(device));
        }
    }
    let part = format_args!("{part}.o");
    for (name, value) in further().filter_map(|option| option.split_once('=')) {
        if name.trim_end_matches('+').ends_with("dir") {
            for path in value.split(':').filter(|path| !path.is_empty()) {
                gathered.add_found(part, host_path::judge(path, false));
            }
        }
    }
}
