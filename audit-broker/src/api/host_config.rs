//! The host configuration of a container: limits, devices, mounts, namespaces and privileges.

use super::mount::Mount;
use super::object::object;
use super::ports::Ports;
use super::string_list::StringList;
use std::collections::BTreeMap;

/// Defines an object with the limits of a container among its own keys, like Go's embedding of
/// `Resources`.
///
/// # Source
/// `Resources` in `api/types/container/hostconfig.go` of moby, with the keys that releases after
/// 20.10 removed.
macro_rules! object_with_resources {
    ($(#[$meta:meta])* $name:ident { $($own:tt)+ }) => {
        object! {
            $(#[$meta])*
            $name {
                cpu_shares "CpuShares": i64,
                memory "Memory": i64,
                nano_cpus "NanoCpus": i64,
                cgroup_parent "CgroupParent": String,
                blkio_weight "BlkioWeight": u16,
                blkio_weight_device "BlkioWeightDevice": Vec<WeightDevice>,
                blkio_device_read_bps "BlkioDeviceReadBps": Vec<ThrottleDevice>,
                blkio_device_write_bps "BlkioDeviceWriteBps": Vec<ThrottleDevice>,
                blkio_device_read_iops "BlkioDeviceReadIOps": Vec<ThrottleDevice>,
                blkio_device_write_iops "BlkioDeviceWriteIOps": Vec<ThrottleDevice>,
                cpu_period "CpuPeriod": i64,
                cpu_quota "CpuQuota": i64,
                cpu_realtime_period "CpuRealtimePeriod": i64,
                cpu_realtime_runtime "CpuRealtimeRuntime": i64,
                cpuset_cpus "CpusetCpus": String,
                cpuset_mems "CpusetMems": String,
                devices "Devices": Vec<DeviceMapping>,
                device_cgroup_rules "DeviceCgroupRules": Vec<String>,
                device_requests "DeviceRequests": Vec<DeviceRequest>,
                disk_quota "DiskQuota": i64,
                kernel_memory "KernelMemory": i64,
                kernel_memory_tcp "KernelMemoryTCP": i64,
                memory_reservation "MemoryReservation": i64,
                memory_swap "MemorySwap": i64,
                memory_swappiness "MemorySwappiness": i64,
                oom_kill_disable "OomKillDisable": bool,
                pids_limit "PidsLimit": i64,
                ulimits "Ulimits": Vec<Ulimit>,
                cpu_count "CpuCount": i64,
                cpu_percent "CpuPercent": i64,
                io_maximum_iops "IOMaximumIOps": u64,
                io_maximum_bandwidth "IOMaximumBandwidth": u64,
                init "Init": bool,
                $($own)+
            }
        }

        impl $name {
            /// The limits and devices with which a container can harm others.
            pub(crate) fn resources(&self) -> Resources<'_> {
                Resources {
                    cgroup_parent: self.cgroup_parent.as_deref(),
                    cpuset_cpus: self.cpuset_cpus.as_deref(),
                    cpuset_mems: self.cpuset_mems.as_deref(),
                    blkio_weight_device: self.blkio_weight_device.as_deref().unwrap_or_default(),
                    blkio_throttles: [
                        ("BlkioDeviceReadBps", self.blkio_device_read_bps.as_deref()),
                        ("BlkioDeviceWriteBps", self.blkio_device_write_bps.as_deref()),
                        ("BlkioDeviceReadIOps", self.blkio_device_read_iops.as_deref()),
                        ("BlkioDeviceWriteIOps", self.blkio_device_write_iops.as_deref()),
                    ],
                    cpu_realtime_period: self.cpu_realtime_period,
                    cpu_realtime_runtime: self.cpu_realtime_runtime,
                    devices: self.devices.as_deref().unwrap_or_default(),
                    device_cgroup_rules: self.device_cgroup_rules.as_deref().unwrap_or_default(),
                    device_requests: self.device_requests.as_deref().unwrap_or_default(),
                    memory_swap: self.memory_swap,
                    oom_kill_disable: self.oom_kill_disable,
                    pids_limit: self.pids_limit,
                    ulimits: self.ulimits.as_deref().unwrap_or_default(),
                }
            }
        }
    };
}

/// The limits and devices of a container, from a create or an update request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resources<'config> {
    pub(crate) cgroup_parent: Option<&'config str>,
    pub(crate) cpuset_cpus: Option<&'config str>,
    pub(crate) cpuset_mems: Option<&'config str>,
    blkio_weight_device: &'config [WeightDevice],
    /// Each key of the body, with its disks.
    blkio_throttles: [(&'static str, Option<&'config [ThrottleDevice]>); 4],
    pub(crate) cpu_realtime_period: Option<i64>,
    pub(crate) cpu_realtime_runtime: Option<i64>,
    pub(crate) devices: &'config [DeviceMapping],
    pub(crate) device_cgroup_rules: &'config [String],
    pub(crate) device_requests: &'config [DeviceRequest],
    pub(crate) memory_swap: Option<i64>,
    pub(crate) oom_kill_disable: Option<bool>,
    pub(crate) pids_limit: Option<i64>,
    pub(crate) ulimits: &'config [Ulimit],
}

impl<'config> Resources<'config> {
    /// Each key that limits the use of disks, with the path of each disk.
    pub(crate) fn limited_disks(&self) -> impl Iterator<Item = (&'static str, &'config str)> {
        let weights = self.blkio_weight_device.iter();
        let weights = weights.map(|disk| ("BlkioWeightDevice", disk.path.as_deref()));
        let throttles = self.blkio_throttles.into_iter().flat_map(|(key, disks)| {
            disks.into_iter().flatten().map(move |disk| (key, disk.path.as_deref()))
        });
        weights.chain(throttles).map(|(key, path)| (key, path.unwrap_or_default()))
    }
}

object_with_resources! {
    /// The access of a container to the host.
    ///
    /// # Source
    /// `HostConfig` in `api/types/container/hostconfig.go` of moby.
    HostConfig {
        binds "Binds": Vec<String>,
        container_id_file "ContainerIDFile": String,
        log_config "LogConfig": LogConfig,
        network_mode "NetworkMode": String,
        port_bindings "PortBindings": Ports<Option<Vec<PortBinding>>>,
        restart_policy "RestartPolicy": RestartPolicy,
        auto_remove "AutoRemove": bool,
        volume_driver "VolumeDriver": String,
        volumes_from "VolumesFrom": Vec<String>,
        console_size "ConsoleSize": [u64; 2],
        annotations "Annotations": BTreeMap<String, String>,
        cap_add "CapAdd": StringList,
        cap_drop "CapDrop": StringList,
        capabilities "Capabilities": Vec<String>,
        cgroupns_mode "CgroupnsMode": String,
        dns "Dns": Vec<String>,
        dns_options "DnsOptions": Vec<String>,
        dns_search "DnsSearch": Vec<String>,
        extra_hosts "ExtraHosts": Vec<String>,
        group_add "GroupAdd": Vec<String>,
        ipc_mode "IpcMode": String,
        cgroup "Cgroup": String,
        links "Links": Vec<String>,
        oom_score_adj "OomScoreAdj": i64,
        pid_mode "PidMode": String,
        privileged "Privileged": bool,
        publish_all_ports "PublishAllPorts": bool,
        readonly_rootfs "ReadonlyRootfs": bool,
        security_opt "SecurityOpt": Vec<String>,
        storage_opt "StorageOpt": BTreeMap<String, String>,
        tmpfs "Tmpfs": BTreeMap<String, String>,
        uts_mode "UTSMode": String,
        userns_mode "UsernsMode": String,
        shm_size "ShmSize": i64,
        sysctls "Sysctls": BTreeMap<String, String>,
        runtime "Runtime": String,
        isolation "Isolation": String,
        mounts "Mounts": Vec<Mount>,
        masked_paths "MaskedPaths": Vec<String>,
        readonly_paths "ReadonlyPaths": Vec<String>,
    }
}

object_with_resources! {
    /// The body that updates a container: its limits and restart policy.
    UpdateConfig {
        restart_policy "RestartPolicy": RestartPolicy,
    }
}

object! {
    WeightDevice {
        path "Path": String,
        weight "Weight": u16,
    }
}

object! {
    ThrottleDevice {
        path "Path": String,
        rate "Rate": u64,
    }
}

object! {
    DeviceMapping {
        path_on_host "PathOnHost": String,
        path_in_container "PathInContainer": String,
        cgroup_permissions "CgroupPermissions": String,
    }
}

object! {
    DeviceRequest {
        driver "Driver": String,
        count "Count": i64,
        device_ids "DeviceIDs": Vec<String>,
        capabilities "Capabilities": Vec<Vec<String>>,
        options "Options": BTreeMap<String, String>,
    }
}

object! {
    Ulimit {
        name "Name": String,
        soft "Soft": i64,
        hard "Hard": i64,
    }
}

object! {
    LogConfig {
        driver "Type": String,
        config "Config": BTreeMap<String, String>,
    }
}

object! {
    PortBinding {
        host_ip "HostIp": String,
        host_port "HostPort": String,
    }
}

object! {
    RestartPolicy {
        name "Name": String,
        maximum_retry_count "MaximumRetryCount": i64,
    }
}
