//! docker's own flag for a part of a request.

use crate::judge::policy_action::PolicyAction;
use crate::judge::questions::Question;

/// The flag of each field that has one. The field is the beginning of a finding's part, without the
/// section of the body that it stands in.
///
/// # Source
/// `parse` in `cli/command/container/opts.go` of docker/cli, and the commands of the other objects.
const FLAGS: [(&str, &str); 74] = [
    ("Privileged", "--privileged"),
    ("Binds", "-v"),
    ("Mounts", "--mount"),
    ("Tmpfs", "--tmpfs"),
    ("VolumesFrom", "--volumes-from"),
    ("VolumeDriver", "--volume-driver"),
    ("StorageOpt", "--storage-opt"),
    ("Volumes", "-v"),
    ("NetworkMode", "--network"),
    ("NetworkingConfig", "--network"),
    ("Networks", "--network"),
    ("PidMode", "--pid"),
    ("IpcMode", "--ipc"),
    ("UTSMode", "--uts"),
    ("UsernsMode", "--userns"),
    ("CgroupnsMode", "--cgroupns"),
    ("CgroupParent", "--cgroup-parent"),
    ("CapAdd", "--cap-add"),
    ("CapabilityAdd", "--cap-add"),
    ("Devices", "--device"),
    ("DeviceCgroupRules", "--device-cgroup-rule"),
    ("DeviceRequests", "--gpus"),
    ("SecurityOpt", "--security-opt"),
    ("MaskedPaths", "--security-opt systempaths=unconfined"),
    ("ReadonlyPaths", "--security-opt systempaths=unconfined"),
    ("Sysctls", "--sysctl"),
    ("Ulimits", "--ulimit"),
    ("OomScoreAdj", "--oom-score-adj"),
    ("OomKillDisable", "--oom-kill-disable"),
    ("PidsLimit", "--pids-limit"),
    ("MemorySwap", "--memory-swap"),
    ("CpuRealtimePeriod", "--cpu-rt-period"),
    ("CpuRealtimeRuntime", "--cpu-rt-runtime"),
    ("CpusetCpus", "--cpuset-cpus"),
    ("CpusetMems", "--cpuset-mems"),
    ("BlkioWeightDevice", "--blkio-weight-device"),
    ("BlkioDeviceReadBps", "--device-read-bps"),
    ("BlkioDeviceWriteBps", "--device-write-bps"),
    ("BlkioDeviceReadIOps", "--device-read-iops"),
    ("BlkioDeviceWriteIOps", "--device-write-iops"),
    ("LogConfig.Type", "--log-driver"),
    ("LogConfig.Config", "--log-opt"),
    ("LogDriver.Name", "--log-driver"),
    ("LogDriver.Options", "--log-opt"),
    ("Runtime", "--runtime"),
    ("Annotations", "--annotation"),
    ("Links", "--link"),
    ("PublishAllPorts", "-P"),
    ("PortBindings", "-p"),
    ("EndpointSpec.Ports", "--publish"),
    ("StopTimeout", "--stop-timeout"),
    ("StopGracePeriod", "--stop-grace-period"),
    ("Healthcheck.Interval", "--health-interval"),
    ("Healthcheck.Timeout", "--health-timeout"),
    ("Healthcheck.StartPeriod", "--health-start-period"),
    ("Healthcheck.StartInterval", "--health-start-interval"),
    ("WorkingDir", "-w"),
    ("Env", "-e"),
    ("IPAM.Driver", "--ipam-driver"),
    ("IPAM.Options", "--ipam-opt"),
    ("EnableIPv6", "--ipv6"),
    ("Ingress", "--ingress"),
    ("ConfigFrom", "--config-from"),
    ("DriverOpts", "--opt"),
    ("Options", "--opt"),
    ("Driver", "--driver"),
    ("EndpointConfig.Links", "--link"),
    ("EndpointConfig.DriverOpts", "--driver-opt"),
    ("query networkmode", "--network"),
    ("query cgroupparent", "--cgroup-parent"),
    ("query memswap", "--memory-swap"),
    ("query cpusetcpus", "--cpuset-cpus"),
    ("query cpusetmems", "--cpuset-mems"),
    ("query ulimits", "--ulimit"),
];

/// The flag of each field in an element of `IPAM.Config`.
const ADDRESSES: [(&str, &str); 4] = [
    (".Subnet", "--subnet"),
    (".Gateway", "--gateway"),
    (".IPRange", "--ip-range"),
    (".AuxiliaryAddresses", "--aux-address"),
];

/// The sections of a body in which fields stand.
const SECTIONS: [&str; 3] = ["HostConfig.", "TaskTemplate.ContainerSpec.", "TaskTemplate."];

/// docker's flag for the part of a request that a finding names; `None` if docker has none.
pub(super) fn flag_of(part: &str) -> Option<&'static str> {
    let field = SECTIONS.iter().find_map(|section| part.strip_prefix(section)).unwrap_or(part);
    if let Some((_, key)) = field.strip_prefix("IPAM.Config[").and_then(|rest| rest.split_once(']'))
    {
        return ADDRESSES.iter().find(|(name, _)| *name == key).map(|(_, flag)| *flag);
    }
    let is_of = |name: &str| {
        field
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ' ']))
    };
    FLAGS.iter().find(|(name, _)| is_of(name)).map(|(_, flag)| *flag)
}

/// docker's flags for an object that a call uses besides its own, or for a later step of the command;
/// `None` if docker has none.
pub(super) fn of_question(question: &Question) -> Option<&'static str> {
    match question.action.action {
        PolicyAction::ContainerAttach => Some("-i"),
        PolicyAction::VolumeUse | PolicyAction::VolumeCreate => Some("-v or --mount"),
        PolicyAction::NetworkUse => Some("--network"),
        PolicyAction::ContainerJoin => Some("--network, --pid, --ipc, --volumes-from or --link"),
        PolicyAction::DaemonAccess
        | PolicyAction::DaemonEvents
        | PolicyAction::DaemonUsage
        | PolicyAction::RegistryAccess
        | PolicyAction::ContainerList
        | PolicyAction::ContainerPrune
        | PolicyAction::ContainerCreate
        | PolicyAction::ContainerDelete
        | PolicyAction::ContainerCommit
        | PolicyAction::ContainerInspect
        | PolicyAction::ContainerLogs
        | PolicyAction::ContainerTop
        | PolicyAction::ContainerStart
        | PolicyAction::ContainerStop
        | PolicyAction::ContainerWait
        | PolicyAction::ContainerUpdate
        | PolicyAction::ContainerRename
        | PolicyAction::ContainerExec
        | PolicyAction::ContainerCopyOut
        | PolicyAction::ContainerCopyIn
        | PolicyAction::ContainerSignal
        | PolicyAction::ImageList
        | PolicyAction::ImagePrune
        | PolicyAction::ImagePull
        | PolicyAction::ImageImport
        | PolicyAction::ImageUse
        | PolicyAction::ImageName
        | PolicyAction::ImageInspect
        | PolicyAction::ImageExport
        | PolicyAction::ImagePush
        | PolicyAction::ImageDelete
        | PolicyAction::VolumeList
        | PolicyAction::VolumePrune
        | PolicyAction::VolumeInspect
        | PolicyAction::VolumeUpdate
        | PolicyAction::VolumeDelete
        | PolicyAction::NetworkList
        | PolicyAction::NetworkPrune
        | PolicyAction::NetworkCreate
        | PolicyAction::NetworkInspect
        | PolicyAction::NetworkDelete
        | PolicyAction::Build
        | PolicyAction::BuildManage
        | PolicyAction::BuildSession
        | PolicyAction::PluginView
        | PolicyAction::PluginManage
        | PolicyAction::SwarmView
        | PolicyAction::SwarmManage => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_section_have_the_flag_of_docker() {
        for (part, expected) in [
            ("HostConfig.Privileged", Some("--privileged")),
            ("Privileged", Some("--privileged")),
            ("HostConfig.Binds[0]", Some("-v")),
            ("HostConfig.Mounts[1].Target", Some("--mount")),
            ("TaskTemplate.ContainerSpec.Mounts[0]", Some("--mount")),
            ("TaskTemplate.LogDriver.Name", Some("--log-driver")),
            ("HostConfig.Devices[0]", Some("--device")),
            ("HostConfig.DeviceCgroupRules[0]", Some("--device-cgroup-rule")),
            ("Driver", Some("--driver")),
            ("DriverOpts.device", Some("--opt")),
            ("Env NVIDIA_VISIBLE_DEVICES", Some("-e")),
            ("query t", None),
            ("DriverX", None),
            ("IPAM.Config[1].Gateway", Some("--gateway")),
            ("commit", None),
        ] {
            assert_eq!(flag_of(part), expected, "{part}");
        }
    }
}
