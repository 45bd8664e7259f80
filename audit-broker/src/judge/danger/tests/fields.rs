//! Every field of a request is either judged, or listed here with the reason why it is harmless.

use serde_json::{Value, json};

use super::{action, container, found, of_create};
use crate::api;
use crate::api::container::ContainerConfig;
use crate::api::exec::ExecConfig;
use crate::api::host_config::{HostConfig, UpdateConfig};
use crate::api::mount::Mount;
use crate::api::network::{EndpointSettings, NetworkCreate};
use crate::api::object::JsonObject;
use crate::api::service::ServiceSpec;
use crate::api::task::{ContainerSpec, TaskPrivileges, TaskSpec};
use crate::api::volume::VolumeCreate;
use crate::judge::action::Action;

/// Keys, each with a dangerous value.
type JudgedFields = Vec<(&'static str, Value)>;

/// Reasons, each with the keys that it makes harmless whatever their values.
type Harmless = &'static [(&'static str, &'static [&'static str])];

/// Asserts that each key is either judged or harmless, and that the dangerous value is found.
fn assert_judged<T: JsonObject>(
    judged: &JudgedFields,
    harmless: Harmless,
    call: impl Fn(Value) -> Action,
) {
    let known = api::keys::<T>();
    let harmless: Vec<&str> = harmless.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
    for key in known {
        let value = judged.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        match value {
            Some(value) => {
                assert!(!harmless.contains(key), "`{key}` is listed as harmless");
                let found = found(&call(json!({*key: value})));
                let is_named = found.iter().any(|line| line.contains(key));
                assert!(is_named, "`{key}` is not judged: {found:?}");
            }
            None => assert!(
                harmless.contains(key),
                "`{key}` is neither judged nor harmless; judge it, or list it with a reason"
            ),
        }
    }
    for key in judged.iter().map(|(key, _)| key).chain(&harmless) {
        assert!(known.contains(key), "`{key}` is not a key");
    }
}

fn judged_resources() -> JudgedFields {
    vec![
        ("BlkioWeightDevice", json!([{"Path": "/x"}])),
        ("BlkioDeviceReadBps", json!([{"Path": "/x"}])),
        ("BlkioDeviceWriteBps", json!([{"Path": "/x"}])),
        ("BlkioDeviceReadIOps", json!([{"Path": "/x"}])),
        ("BlkioDeviceWriteIOps", json!([{"Path": "/x"}])),
        ("CgroupParent", json!("/x")),
        ("CpusetCpus", json!("all")),
        ("CpusetMems", json!("all")),
        ("CpuRealtimePeriod", json!(1)),
        ("CpuRealtimeRuntime", json!(1)),
        ("Devices", json!([{"PathOnHost": "/dev/sda"}])),
        ("DeviceCgroupRules", json!(["a"])),
        ("DeviceRequests", json!([{"Count": -1}])),
        ("MemorySwap", json!(-1)),
        ("OomKillDisable", json!(true)),
        ("PidsLimit", json!(-1)),
        ("Ulimits", json!([{"Name": "nproc", "Hard": -1}])),
    ]
}

const LIMITS: (&str, &[&str]) = (
    "only restricts the container",
    &[
        "CpuShares",
        "Memory",
        "NanoCpus",
        "BlkioWeight",
        "CpuPeriod",
        "CpuQuota",
        "DiskQuota",
        "KernelMemory",
        "KernelMemoryTCP",
        "MemoryReservation",
        "MemorySwappiness",
    ],
);

const OF_WINDOWS: (&str, &[&str]) =
    ("read on Windows only", &["CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"]);

const OF_RESOURCES: (&str, &[&str]) = ("runs docker's own init", &["Init"]);

const RESTART: (&str, &[&str]) =
    ("starts a container that was judged when it was created", &["RestartPolicy"]);

#[test]
fn every_field_of_a_host_config_is_judged() {
    const HARMLESS: Harmless = &[
        LIMITS,
        OF_WINDOWS,
        OF_RESOURCES,
        RESTART,
        ("dockerd writes no file", &["ContainerIDFile"]),
        ("the audit trail keeps the records of a removed container", &["AutoRemove"]),
        (
            "the size of a terminal, and of memory that counts as the container's",
            &["ConsoleSize", "ShmSize"],
        ),
        ("only removes something", &["CapDrop", "ReadonlyRootfs"]),
        (
            "only affects name resolution in the container",
            &["Dns", "DnsOptions", "DnsSearch", "ExtraHosts"],
        ),
        // Root in the container may join any group without it. A file or device of the host that a
        // group could open has a danger of its own if the container gets it.
        ("root in a container does not need it", &["GroupAdd"]),
        ("read on Windows only", &["Isolation"]),
    ];
    let mut judged = judged_resources();
    judged.extend([
        ("Annotations", json!({"a": "b"})),
        ("Binds", json!(["/:/h"])),
        ("CapAdd", json!(["ALL"])),
        ("Capabilities", json!(["ALL"])),
        ("Cgroup", json!("container:x")),
        ("CgroupnsMode", json!("host")),
        ("IpcMode", json!("host")),
        ("Links", json!(["x"])),
        ("LogConfig", json!({"Type": "none"})),
        ("MaskedPaths", json!([])),
        ("Mounts", json!([{"Type": "bind", "Source": "/", "Target": "/h"}])),
        ("NetworkMode", json!("host")),
        ("OomScoreAdj", json!(-1)),
        ("PidMode", json!("host")),
        ("PortBindings", json!({"80/tcp": [{"HostPort": "80"}]})),
        ("Privileged", json!(true)),
        ("PublishAllPorts", json!(true)),
        ("ReadonlyPaths", json!([])),
        ("Runtime", json!("x")),
        ("SecurityOpt", json!(["seccomp=unconfined"])),
        ("StorageOpt", json!({"x": "y"})),
        ("Sysctls", json!({"kernel.x": "1"})),
        ("Tmpfs", json!({"/t": "dev"})),
        ("UTSMode", json!("host")),
        ("UsernsMode", json!("host")),
        ("VolumeDriver", json!("x")),
        ("VolumesFrom", json!(["x"])),
    ]);
    assert_judged::<HostConfig>(&judged, HARMLESS, |config| of_create(&config));
}

/// The cgroup namespace is the exception: docker's default looks the same as a request for it.
#[test]
fn existing_containers_are_judged_like_new_ones() {
    let config =
        json!({"PidMode": "host", "Sysctls": {"kernel.x": "1"}, "Annotations": {"a": "b"}});
    let mut start = action("POST", "/containers/web/start", &Value::Null);
    start.object = container("web", &config, false);
    let started: Vec<_> =
        found(&start).iter().map(|line| line.replace("container web: ", "")).collect();
    assert_eq!(started, found(&of_create(&config)));
}

#[test]
fn every_field_of_an_update_is_judged() {
    const HARMLESS: Harmless = &[LIMITS, OF_WINDOWS, OF_RESOURCES, RESTART];
    assert_judged::<UpdateConfig>(&judged_resources(), HARMLESS, |update| {
        action("POST", "/containers/web/update", &update)
    });
}

#[test]
fn every_field_of_a_container_is_judged() {
    const HARMLESS: Harmless = &[
        (
            "policies see the command and the user directly",
            &["User", "Env", "Cmd", "Image", "Entrypoint", "OnBuild", "Shell", "ArgsEscaped"],
        ),
        (
            "its names and addresses in its own network",
            &["Hostname", "Domainname", "MacAddress", "NetworkDisabled", "ExposedPorts"],
        ),
        (
            "its terminal, and how it ends",
            &[
                "AttachStdin",
                "AttachStdout",
                "AttachStderr",
                "Tty",
                "OpenStdin",
                "StdinOnce",
                "StopSignal",
            ],
        ),
        ("policies see the owner directly", &["Labels"]),
    ];
    let judged = vec![
        ("Healthcheck", json!({"Interval": 1})),
        ("HostConfig", json!({"Privileged": true})),
        ("StopTimeout", json!(-1)),
        ("Volumes", json!({"/sys": {}})),
        ("WorkingDir", json!("/proc/self/fd/7")),
        ("NetworkingConfig", json!({"EndpointsConfig": {"host": null}})),
    ];
    assert_judged::<ContainerConfig>(&judged, HARMLESS, |config| {
        action("POST", "/containers/create", &config)
    });
}

#[test]
fn every_field_of_a_process_is_judged() {
    const HARMLESS: Harmless = &[
        ("dockerd does not read it", &["Container"]),
        ("policies see the command and the user directly", &["User", "Env", "Cmd"]),
        (
            "its terminal",
            &[
                "Tty",
                "ConsoleSize",
                "AttachStdin",
                "AttachStdout",
                "AttachStderr",
                "Detach",
                "DetachKeys",
            ],
        ),
    ];
    let judged = vec![("Privileged", json!(true)), ("WorkingDir", json!("/proc/1"))];
    assert_judged::<ExecConfig>(&judged, HARMLESS, |exec| {
        action("POST", "/containers/web/exec", &exec)
    });
}

#[test]
fn every_field_of_a_mount_is_judged() {
    const HARMLESS: Harmless = &[
        ("judged with the type", &["Source", "ClusterOptions"]),
        ("only removes something", &["ReadOnly"]),
        ("how soon other processes see a write", &["Consistency"]),
    ];
    let driver = json!({"DriverConfig": {"Name": "x"}});
    let judged = vec![
        ("Target", json!("/proc")),
        ("Type", json!("odd Type")),
        ("BindOptions", json!({"Propagation": "shared"})),
        ("VolumeOptions", driver),
        ("ImageOptions", json!({"Subpath": "/x"})),
        ("TmpfsOptions", json!({"Options": [["dev"]]})),
    ];
    assert_judged::<Mount>(&judged, HARMLESS, |mount| of_create(&json!({"Mounts": [mount]})));
}

#[test]
fn every_field_of_a_volume_is_judged() {
    const HARMLESS: Harmless = &[("its name, and its owner", &["Name", "Labels"])];
    let judged = vec![
        ("Driver", json!("x")),
        ("DriverOpts", json!({"type": "ext4", "device": "/dev/sda"})),
        ("ClusterVolumeSpec", json!({})),
    ];
    assert_judged::<VolumeCreate>(&judged, HARMLESS, |volume| {
        action("POST", "/volumes/create", &volume)
    });
}

#[test]
fn every_field_of_a_network_is_judged() {
    const HARMLESS: Harmless = &[
        ("its name, and its owner", &["Name", "Labels", "CheckDuplicate"]),
        ("which containers may join it", &["Scope", "Internal", "Attachable"]),
        ("a network that takes its configuration from this one is judged itself", &["ConfigOnly"]),
        (
            "docker picks the addresses, and the host already forwards packets",
            &["EnableIPv4", "EnableIPv6"],
        ),
    ];
    let judged = vec![
        ("Driver", json!("macvlan")),
        ("Ingress", json!(true)),
        ("ConfigFrom", json!({"Network": "x"})),
        ("IPAM", json!({"Driver": "x"})),
        ("Options", json!({"parent": "eth0"})),
    ];
    assert_judged::<NetworkCreate>(&judged, HARMLESS, |network| {
        action("POST", "/networks/create", &network)
    });
}

#[test]
fn every_field_of_an_endpoint_is_judged() {
    const HARMLESS: Harmless = &[
        (
            "its names and addresses in that network",
            &["IPAMConfig", "Aliases", "MacAddress", "GwPriority", "DNSNames"],
        ),
        ("the network, which is looked up and judged like one given by name", &["NetworkID"]),
        (
            "only in dockerd's responses; dockerd does not read them",
            &[
                "EndpointID",
                "Gateway",
                "IPAddress",
                "IPPrefixLen",
                "IPv6Gateway",
                "GlobalIPv6Address",
                "GlobalIPv6PrefixLen",
            ],
        ),
    ];
    let judged = vec![("Links", json!(["x"])), ("DriverOpts", json!({"x": "y"}))];
    assert_judged::<EndpointSettings>(&judged, HARMLESS, |endpoint| {
        let networks = json!({"EndpointsConfig": {"web": endpoint}});
        action("POST", "/containers/create", &json!({"NetworkingConfig": networks}))
    });
}

fn of_task(task: &Value) -> Action {
    action("POST", "/services/create", &json!({"TaskTemplate": task}))
}

#[test]
fn every_field_of_a_service_is_judged() {
    const HARMLESS: Harmless = &[
        ("its name, and its owner", &["Name", "Labels"]),
        (
            "the number of tasks, and how they are replaced",
            &["Mode", "UpdateConfig", "RollbackConfig"],
        ),
    ];
    let judged = vec![
        ("TaskTemplate", json!({"Runtime": "plugin"})),
        ("Networks", json!([{"DriverOpts": {"x": "y"}}])),
        ("EndpointSpec", json!({"Ports": [{"PublishedPort": 80}]})),
    ];
    assert_judged::<ServiceSpec>(&judged, HARMLESS, |service| {
        action("POST", "/services/create", &service)
    });
}

#[test]
fn every_field_of_a_task_is_judged() {
    const HARMLESS: Harmless =
        &[("when and where it runs", &["RestartPolicy", "Placement", "ForceUpdate"])];
    let judged = vec![
        ("PluginSpec", json!({"Remote": "x"})),
        ("ContainerSpec", json!({"CapabilityAdd": ["ALL"]})),
        ("NetworkAttachmentSpec", json!({"ContainerID": "x"})),
        ("Resources", json!({"SwapBytes": -1})),
        ("Runtime", json!("plugin")),
        ("Networks", json!([{"DriverOpts": {"x": "y"}}])),
        ("LogDriver", json!({"Name": "none"})),
    ];
    assert_judged::<TaskSpec>(&judged, HARMLESS, |task| of_task(&task));
}

#[test]
fn every_field_of_a_tasks_container_is_judged() {
    const HARMLESS: Harmless = &[
        (
            "policies see the command and the user directly",
            &["Image", "Command", "Args", "Env", "User"],
        ),
        ("policies see the owner directly", &["Labels", "Secrets", "Configs"]),
        ("root in a container does not need it", &["Groups"]),
        ("its names, and name resolution in the container", &["Hostname", "Hosts", "DNSConfig"]),
        ("its terminal, and how it starts and ends", &["Init", "StopSignal", "TTY", "OpenStdin"]),
        ("only removes something", &["ReadOnly", "CapabilityDrop"]),
        ("read on Windows only", &["Isolation"]),
    ];
    let judged = vec![
        ("Dir", json!("/proc")),
        ("HealthCheck", json!({"Interval": 1})),
        ("StopGracePeriod", json!(-1)),
        ("Privileges", json!({"Seccomp": {"Mode": "unconfined"}})),
        ("Mounts", json!([{"Type": "bind", "Source": "/", "Target": "/h"}])),
        ("Sysctls", json!({"kernel.x": "1"})),
        ("CapabilityAdd", json!(["ALL"])),
        ("Ulimits", json!([{"Name": "nproc", "Hard": -1}])),
        ("OomScoreAdj", json!(-1)),
    ];
    assert_judged::<ContainerSpec>(&judged, HARMLESS, |spec| {
        of_task(&json!({"ContainerSpec": spec}))
    });
}

#[test]
fn every_privilege_of_a_task_is_judged() {
    const HARMLESS: Harmless = &[
        ("read on Windows only", &["CredentialSpec"]),
        ("off is docker's default; on only removes something", &["NoNewPrivileges"]),
    ];
    let judged = vec![
        ("SELinuxContext", json!({"Disable": true})),
        ("Seccomp", json!({"Mode": "unconfined"})),
        ("AppArmor", json!({"Mode": "disabled"})),
    ];
    assert_judged::<TaskPrivileges>(&judged, HARMLESS, |privileges| {
        of_task(&json!({"ContainerSpec": {"Privileges": privileges}}))
    });
}
