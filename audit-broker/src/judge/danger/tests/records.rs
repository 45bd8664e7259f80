//! The ways to the host that go on record.

use audit_core::CommandLine;
use audit_host::host_access::HostAccess;
use serde_json::{Value, json};

use super::{action, container, container_named, of_create};
use crate::judge::action::Action;
use crate::judge::danger::confinement::{MASKED_PATHS, READONLY_PATHS};
use crate::judge::danger::dangers;

/// Each way as `way` or `way: what`.
fn ways(action: &Action) -> Vec<String> {
    let text = |line: &CommandLine| String::from_utf8(line.as_bytes().to_vec()).unwrap();
    let ways = dangers(action).ways.into_iter().map(|way| match way {
        HostAccess::Privileged => "privileged".to_owned(),
        HostAccess::Mount(line) => format!("mount: {}", text(&line)),
        HostAccess::Device(line) => format!("device: {}", text(&line)),
        HostAccess::Namespace(names) => format!("namespace: {names}"),
        HostAccess::Capability(names) => format!("capability: {names}"),
        HostAccess::Confinement(names) => format!("confinement: {names}"),
        HostAccess::Other(danger, None) => danger.name().to_owned(),
        HostAccess::Other(danger, Some(line)) => format!("{}: {}", danger.name(), text(&line)),
    });
    ways.collect()
}

/// Each row has its id in the list of known bypasses.
#[test]
fn each_field_of_a_new_container_counts() {
    for (id, host_config, expected) in [
        ("C01", json!({"Privileged": true}), "privileged"),
        ("C02", json!({"Binds": ["/:/h"]}), "mount: /"),
        ("C02", json!({"Binds": ["data:/d", "/etc:/e:ro"]}), "mount: /etc"),
        ("C03", json!({"Mounts": [{"Type": "bind", "Source": "/", "Target": "/h"}]}), "mount: /"),
        (
            "C04",
            json!({"Mounts": [{"Type": "volume", "Target": "/h", "VolumeOptions": {"DriverConfig":
                {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}}}]}),
            "mount: /",
        ),
        ("C12", json!({"Devices": [{"PathOnHost": "/dev/sda"}]}), "device: /dev/sda"),
        ("C13", json!({"DeviceCgroupRules": ["b 8:0 rwm"]}), "device: 'b 8:0 rwm'"),
        (
            "C14",
            json!({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["x/y=z"]}]}),
            "device: 'cdi:x/y=z'",
        ),
        ("C15", json!({"CapAdd": ["cap_sys_admin"]}), "capability: sys_admin"),
        ("C15", json!({"CapAdd": "ALL"}), "capability: all"),
        ("C17", json!({"SecurityOpt": ["seccomp=unconfined"]}), "confinement: seccomp"),
        ("C17", json!({"SecurityOpt": ["label:disable"]}), "confinement: label"),
        ("C18", json!({"MaskedPaths": [], "ReadonlyPaths": []}), "confinement: systempaths"),
        ("C19", json!({"PidMode": "host"}), "namespace: pid"),
        ("C20", json!({"IpcMode": "host"}), "namespace: ipc"),
        (
            "C21",
            json!({"UTSMode": "host", "UsernsMode": "host", "CgroupnsMode": "host"}),
            "namespace: cgroup-user-uts",
        ),
        ("C22", json!({"NetworkMode": "host"}), "namespace: network"),
        ("C23", json!({"CgroupParent": "/user.slice"}), "host-cgroup: /user.slice"),
        ("C25", json!({"PidsLimit": -1}), "host-resources: -1"),
        ("C26", json!({"Runtime": "io.containerd.x.v1"}), "confinement: runtime"),
        ("C28", json!({"LogConfig": {"Type": "none"}}), "evidence-hiding: none"),
    ] {
        assert_eq!(ways(&of_create(&host_config)), [expected], "{id}");
    }
}

#[test]
fn a_confined_container_asks_for_nothing() {
    for host_config in [
        json!({}),
        json!({"Privileged": false, "Binds": ["data:/d"], "NetworkMode": "bridge"}),
        json!({"Mounts": [{"Type": "tmpfs", "Target": "/t"}, {"Type": "volume", "Source": "d",
            "Target": "/d"}]}),
        json!({"Runtime": "runc", "PidMode": "", "SecurityOpt": ["no-new-privileges"]}),
        json!({"MaskedPaths": MASKED_PATHS, "ReadonlyPaths": READONLY_PATHS}),
    ] {
        assert_eq!(ways(&of_create(&host_config)), [""; 0], "{host_config}");
    }
}

#[test]
fn the_host_network_counts_among_endpoints_too() {
    let document = json!({"NetworkingConfig": {"EndpointsConfig": {"host": {}}}});
    let action = action("POST", "/containers/create", &document);
    assert_eq!(ways(&action), ["namespace: network"]);
}

#[test]
fn other_routes_count_as_well() {
    let volume = json!({"Name": "v", "DriverOpts": {"type": "none", "o": "bind", "device": "/"}});
    assert_eq!(ways(&action("POST", "/volumes/create", &volume)), ["mount: /"]);
    let overlay = json!({"DriverOpts": {"type": "overlay", "device": "overlay",
        "o": "lowerdir+=/etc,lowerdir=/usr:x,upperdir=/u,workdir=/w"}});
    let expected = ["mount: /etc /usr x /u /w"];
    assert_eq!(ways(&action("POST", "/volumes/create", &overlay)), expected);
    let plain =
        json!({"Name": "v", "DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1"}});
    assert_eq!(ways(&action("POST", "/volumes/create", &plain)), [""; 0]);

    let build = action("POST", "/build?networkmode=host", &Value::Null);
    assert_eq!(ways(&build), ["namespace: network"]);

    let service = json!({"Name": "s", "TaskTemplate": {
        "ContainerSpec": {
            "Image": "fedora",
            "Mounts": [{"Type": "bind", "Source": "/", "Target": "/h"}],
            "CapabilityAdd": ["CAP_SYS_ADMIN"],
            "Privileges": {"Seccomp": {"Mode": "unconfined"}, "SELinuxContext": {"Disable": true}},
        },
    }});
    let mut service = action("POST", "/services/create", &service);
    service.references.is_on_host_network = true;
    assert_eq!(
        ways(&service),
        ["mount: /", "namespace: network", "capability: sys_admin", "confinement: label-seccomp"]
    );

    let plugin = json!([
        {"Name": "network", "Value": ["host"]},
        {"Name": "mount", "Value": ["/var/lib"]},
        {"Name": "allow-all-devices", "Value": ["true"]},
        {"Name": "capabilities", "Value": ["CAP_SYS_ADMIN"]},
    ]);
    assert_eq!(
        ways(&action("POST", "/plugins/pull?remote=x", &plugin)),
        [
            "mount: /var/lib",
            "device: all",
            "namespace: network",
            "capability: sys_admin",
            "host-root: x"
        ]
    );
}

#[test]
fn a_privileged_exec_is_recorded() {
    let exec = json!({"Cmd": ["sh"], "Privileged": true});
    let target = format!("/containers/{}/exec", "a".repeat(64));
    let mut action = action("POST", &target, &exec);
    action.object = container("web", &json!({}), true);
    assert_eq!(ways(&action), ["privileged"]);
}

#[test]
fn starting_or_entering_a_container_records_its_access() {
    let given = json!({"Privileged": true, "CgroupnsMode": "host"});
    let ways_of = |op: &str, is_running| {
        let mut action = action("POST", &format!("/containers/web/{op}"), &Value::Null);
        action.object = container("web", &given, is_running);
        ways(&action)
    };
    assert_eq!(ways_of("start", false), ["privileged"]);
    assert_eq!(ways_of("restart", true), ["privileged"]);
    assert_eq!(ways_of("attach", true), ["privileged"]);
    // The container is stopped: the call that starts it is judged.
    assert_eq!(ways_of("attach", false), [""; 0]);
    assert_eq!(ways_of("stop", true), [""; 0]);
}

#[test]
fn the_access_of_joined_containers_and_volumes_is_recorded() {
    let document = json!({"HostConfig": {"VolumesFrom": ["other"], "Binds": ["old:/o"]}});
    let mut action = action("POST", "/containers/create", &document);
    let joined = json!({"Privileged": true, "Binds": ["/root:/r"], "PidMode": "host"});
    action.references.joined.push(container_named("other", &joined, true));
    let options = json!({"type": "none", "device": "../etc", "o": "bind"});
    let volume = json!({"Name": "old", "Driver": "local", "Options": options});
    action.references.volumes.push(serde_json::from_value(volume).unwrap());
    assert_eq!(ways(&action), ["mount: /root ../etc", "namespace: pid"]);
}
