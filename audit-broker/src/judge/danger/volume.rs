//! Volumes, their drivers and driver options.

use std::collections::BTreeMap;
use std::fmt::Arguments;

use audit_host::options::volume;

use super::{Danger, gathered::Gathered, gathered::pairs};
use crate::api::volume::VolumeCreate;
use crate::dockerd::object::Volume;

/// A volume that the call creates.
pub(super) fn add_created(gathered: &mut Gathered, created: &VolumeCreate) {
    add_driver(gathered, format_args!("Driver"), created.driver.as_deref());
    if created.cluster_volume_spec.is_some() {
        let name = created.name.as_deref().unwrap_or_default();
        gathered.add(Danger::StorageDriver, format_args!("ClusterVolumeSpec"), name);
    }
    add_options(gathered, format_args!("DriverOpts"), created.driver_opts.as_ref());
}

/// An existing volume. docker mounts it again for each container.
pub(super) fn add_mounted(gathered: &mut Gathered, mounted: &Volume) {
    let name = &mounted.name;
    add_driver(gathered, format_args!("volume {name}: Driver"), Some(&mounted.driver));
    add_options(gathered, format_args!("volume {name}: Options"), mounted.options.as_ref());
}

/// A volume driver.
pub(super) fn add_driver(gathered: &mut Gathered, part: Arguments<'_>, driver: Option<&str>) {
    gathered.add_found(part, volume::judge_driver(driver.unwrap_or_default()));
}

/// The options of a volume driver.
pub(super) fn add_options(
    gathered: &mut Gathered,
    part: Arguments<'_>,
    options: Option<&BTreeMap<String, String>>,
) {
    gathered.add_found(part, volume::judge_options(pairs(options)));
}
