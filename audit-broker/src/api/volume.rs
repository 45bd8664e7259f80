//! Volumes, and the cluster volumes of a swarm.

use super::object::{Empty, object};
use std::collections::BTreeMap;

object! {
    VolumeCreate {
        name "Name": String,
        driver "Driver": String,
        driver_opts "DriverOpts": BTreeMap<String, String>,
        labels "Labels": BTreeMap<String, String>,
        cluster_volume_spec "ClusterVolumeSpec": ClusterVolumeSpec,
    }
}

object! {
    VolumeUpdate {
        spec "Spec": ClusterVolumeSpec,
    }
}

object! {
    /// # Source
    /// `ClusterVolumeSpec` in `api/types/volume/cluster_volume.go` of moby.
    ClusterVolumeSpec {
        group "Group": String,
        access_mode "AccessMode": AccessMode,
        accessibility_requirements "AccessibilityRequirements": TopologyRequirement,
        capacity_range "CapacityRange": CapacityRange,
        secrets "Secrets": Vec<VolumeSecret>,
        availability "Availability": String,
    }
}

object! {
    /// How a volume can be used. The description of the API lists keys here that dockerd reads one
    /// level higher.
    AccessMode {
        scope "Scope": String,
        sharing "Sharing": String,
        mount_volume "MountVolume": MountVolume,
        block_volume "BlockVolume": Empty,
        accessibility_requirements "AccessibilityRequirements": TopologyRequirement,
        capacity_range "CapacityRange": CapacityRange,
        secrets "Secrets": Vec<VolumeSecret>,
        availability "Availability": String,
    }
}

object! {
    MountVolume {
        fs_type "FsType": String,
        mount_flags "MountFlags": Vec<String>,
    }
}

object! {
    VolumeSecret {
        key "Key": String,
        secret "Secret": String,
    }
}

object! {
    TopologyRequirement {
        requisite "Requisite": Vec<Topology>,
        preferred "Preferred": Vec<Topology>,
    }
}

object! {
    Topology {
        segments "Segments": BTreeMap<String, String>,
    }
}

object! {
    CapacityRange {
        required_bytes "RequiredBytes": i64,
        limit_bytes "LimitBytes": i64,
    }
}
