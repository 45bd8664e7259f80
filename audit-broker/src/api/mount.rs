//! A mount in a container, in the long form that services use too.

use super::object::{Empty, object};
use std::collections::BTreeMap;

object! {
    /// # Source
    /// `Mount` in `api/types/mount/mount.go` of moby.
    Mount {
        kind "Type": String,
        source "Source": String,
        target "Target": String,
        read_only "ReadOnly": bool,
        consistency "Consistency": String,
        bind_options "BindOptions": BindOptions,
        volume_options "VolumeOptions": VolumeOptions,
        image_options "ImageOptions": ImageOptions,
        tmpfs_options "TmpfsOptions": TmpfsOptions,
        cluster_options "ClusterOptions": Empty,
    }
}

object! {
    BindOptions {
        propagation "Propagation": String,
        non_recursive "NonRecursive": bool,
        create_mountpoint "CreateMountpoint": bool,
        read_only_non_recursive "ReadOnlyNonRecursive": bool,
        read_only_force_recursive "ReadOnlyForceRecursive": bool,
    }
}

object! {
    VolumeOptions {
        no_copy "NoCopy": bool,
        labels "Labels": BTreeMap<String, String>,
        subpath "Subpath": String,
        driver_config "DriverConfig": Driver,
    }
}

object! {
    ImageOptions {
        subpath "Subpath": String,
    }
}

object! {
    TmpfsOptions {
        size_bytes "SizeBytes": i64,
        mode "Mode": u32,
        options "Options": Vec<Vec<String>>,
    }
}

object! {
    /// A driver with its options: for a volume, a log or a secret.
    Driver {
        name "Name": String,
        options "Options": BTreeMap<String, String>,
    }
}
