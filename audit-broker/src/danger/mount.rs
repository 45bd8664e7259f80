//! What is mounted in a container, in docker's short form and in its long one.

use std::fmt::Arguments;

use audit_host::finding::Finding;
use audit_host::options::host_path;

use super::{Danger, gathered::Gathered, volume};
use crate::api::host_config::HostConfig;
use crate::api::mount::Mount;
use crate::object;

/// Everything that a container mounts, wherever its configuration says so.
pub(super) fn add_mounted(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    for (index, bind) in config.binds.iter().flatten().enumerate() {
        add_bind(gathered, format_args!("{place}Binds[{index}]"), bind);
    }
    add_mounts(gathered, place, config.mounts.as_deref().unwrap_or_default());
}

/// Mounts of the long form.
pub(super) fn add_mounts(gathered: &mut Gathered, place: &str, mounts: &[Mount]) {
    for (index, mount) in mounts.iter().enumerate() {
        add_mount(gathered, format_args!("{place}Mounts[{index}]"), mount);
    }
}

/// File systems in memory, by the path in the container.
pub(super) fn add_tmpfs(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    for (target, options) in config.tmpfs.iter().flatten() {
        let part = format_args!("{place}Tmpfs.{target}");
        options.split(',').for_each(|option| add_tmpfs_option(gathered, part, option));
    }
}

/// `/src:/in/container[:options]`. A source that is no path is the name of a volume, and a path
/// alone is a new volume.
fn add_bind(gathered: &mut Gathered, part: Arguments<'_>, bind: &str) {
    let Some((source, target)) = bind.split_once(':') else { return };
    let options = target.split_once(':').map_or("", |(_, options)| options);
    if source.starts_with('/') {
        let is_read_only = options.split(',').any(|option| option == "ro");
        gathered.add_found(part, host_path::judge(source, is_read_only));
        options.split(',').for_each(|option| add_bind_option(gathered, part, option));
    } else if !object::is_name(source) {
        gathered.add(Danger::HostRoot, part, bind);
    }
}

/// An option of a bind. `z` and `Z` give the files of the host another label, whoever they belong
/// to; `shared` and `slave` let mounts through that are made later.
fn add_bind_option(gathered: &mut Gathered, part: Arguments<'_>, option: &str) {
    let is_usual = matches!(
        option,
        "" | "ro" | "rw" | "nocopy" | "consistent" | "cached" | "delegated" | "default"
    );
    if !is_usual && !keeps_mounts_apart(option) {
        gathered.add_found(part, [Finding::loosened("bind_option", option)]);
    }
}

fn keeps_mounts_apart(propagation: &str) -> bool {
    matches!(propagation, "" | "private" | "rprivate")
}

fn add_mount(gathered: &mut Gathered, part: Arguments<'_>, mount: &Mount) {
    match mount.kind.as_deref().unwrap_or_default() {
        "bind" => {
            // dockerd refuses one without source.
            if let Some(source) = &mount.source {
                gathered.add_found(part, host_path::judge(source, mount.read_only == Some(true)));
            }
        }
        "cluster" => {
            let source = mount.source.as_deref().unwrap_or_default();
            gathered.add(Danger::StorageDriver, part, source);
        }
        "" | "volume" | "tmpfs" | "image" => {}
        // Of a kind that is not known it is not known either what is mounted.
        kind => gathered.add(Danger::HostRoot, part, kind),
    }
    let bind = mount.bind_options.as_ref();
    if let Some(propagation) = bind.and_then(|options| options.propagation.as_deref())
        && !keeps_mounts_apart(propagation)
    {
        let part = format_args!("{part}.BindOptions.Propagation");
        gathered.add_found(part, [Finding::loosened("propagation", propagation)]);
    }
    if let Some(options) = &mount.volume_options {
        add_subpath(gathered, format_args!("{part}.VolumeOptions"), options.subpath.as_deref());
        if let Some(driver) = &options.driver_config {
            let part = format_args!("{part}.VolumeOptions.DriverConfig");
            volume::add_driver(gathered, format_args!("{part}.Name"), driver.name.as_deref());
            if let Some(options) = &driver.options {
                volume::add_options(gathered, format_args!("{part}.Options"), options);
            }
        }
    }
    if let Some(options) = &mount.image_options {
        add_subpath(gathered, format_args!("{part}.ImageOptions"), options.subpath.as_deref());
    }
    let tmpfs = mount.tmpfs_options.as_ref().and_then(|options| options.options.as_ref());
    for option in tmpfs.into_iter().flatten().filter_map(|words| words.first()) {
        add_tmpfs_option(gathered, format_args!("{part}.TmpfsOptions"), option);
    }
}

/// A part of a volume or image, which must be in it.
fn add_subpath(gathered: &mut Gathered, part: Arguments<'_>, subpath: Option<&str>) {
    let Some(subpath) = subpath else { return };
    if subpath.starts_with('/') || subpath.split('/').any(|name| name == "..") {
        gathered.add_found(format_args!("{part}.Subpath"), host_path::judge(subpath, false));
    }
}

/// Nodes of devices and programs that run as their owner, which docker lets no such file system
/// hold by itself.
fn add_tmpfs_option(gathered: &mut Gathered, part: Arguments<'_>, option: &str) {
    if matches!(option, "dev" | "suid") {
        gathered.add_found(part, [Finding::loosened("tmpfs", option)]);
    }
}
