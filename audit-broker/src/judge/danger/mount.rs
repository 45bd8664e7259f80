//! Mounts of a container, in docker's short form (`Binds`) and long form (`Mounts`).

use std::fmt::Arguments;

use audit_host::options::{bind, host_path, target, tmpfs};

use super::{Danger, gathered::Gathered, volume};
use crate::api::host_config::HostConfig;
use crate::api::mount::Mount;

/// All mounts of a container except file systems in memory.
pub(super) fn add_mounted(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    for (index, bind) in config.binds.iter().flatten().enumerate() {
        gathered.add_found(format_args!("{place}Binds[{index}]"), bind::judge(bind));
    }
    add_mounts(gathered, place, config.mounts.as_deref().unwrap_or_default());
}

/// Mounts of the long form.
pub(super) fn add_mounts(gathered: &mut Gathered, place: &str, mounts: &[Mount]) {
    for (index, mount) in mounts.iter().enumerate() {
        add_mount(gathered, format_args!("{place}Mounts[{index}]"), mount);
    }
}

/// File systems in memory.
pub(super) fn add_tmpfs(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    for (target, options) in config.tmpfs.iter().flatten() {
        let part = format_args!("{place}Tmpfs.{target}");
        gathered.add_found(part, tmpfs::judge(options));
        gathered.add_found(part, target::judge_mount(target));
    }
}

fn add_mount(gathered: &mut Gathered, part: Arguments<'_>, mount: &Mount) {
    match mount.kind.as_deref().unwrap_or_default() {
        "bind" => {
            // dockerd refuses a bind without a source.
            if let Some(source) = &mount.source {
                gathered.add_found(part, host_path::judge(source, mount.read_only == Some(true)));
            }
        }
        "cluster" => {
            let source = mount.source.as_deref().unwrap_or_default();
            gathered.add(Danger::StorageDriver, part, source);
        }
        "" | "volume" | "tmpfs" | "image" => {}
        // Unknown mount type: assume the worst.
        kind => gathered.add(Danger::HostRoot, part, kind),
    }
    let bind = mount.bind_options.as_ref();
    if let Some(propagation) = bind.and_then(|options| options.propagation.as_deref()) {
        let part = format_args!("{part}.BindOptions.Propagation");
        gathered.add_found(part, bind::judge_propagation(propagation));
    }
    if let Some(options) = &mount.volume_options {
        add_subpath(gathered, format_args!("{part}.VolumeOptions"), options.subpath.as_deref());
        if let Some(driver) = &options.driver_config {
            let part = format_args!("{part}.VolumeOptions.DriverConfig");
            volume::add_driver(gathered, format_args!("{part}.Name"), driver.name.as_deref());
            volume::add_options(gathered, format_args!("{part}.Options"), driver.options.as_ref());
        }
    }
    if let Some(options) = &mount.image_options {
        add_subpath(gathered, format_args!("{part}.ImageOptions"), options.subpath.as_deref());
    }
    let tmpfs = mount.tmpfs_options.as_ref().and_then(|options| options.options.as_ref());
    for option in tmpfs.into_iter().flatten() {
        gathered.add_found(format_args!("{part}.TmpfsOptions"), tmpfs::judge(&option.join("=")));
    }
    let target = mount.target.as_deref().unwrap_or_default();
    gathered.add_found(format_args!("{part}.Target"), target::judge_mount(target));
}

/// A part of a volume or image. The path must not leave the volume or image.
fn add_subpath(gathered: &mut Gathered, part: Arguments<'_>, subpath: Option<&str>) {
    let Some(subpath) = subpath else { return };
    if subpath.starts_with('/') || subpath.split('/').any(|name| name == "..") {
        gathered.add_found(format_args!("{part}.Subpath"), host_path::judge(subpath, false));
    }
}
