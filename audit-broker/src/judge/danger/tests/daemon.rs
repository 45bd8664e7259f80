//! Known bypasses through the swarm and through plugins, each by its id.

use serde_json::{Value, json};

use super::{action, found};

const NOTHING: [&str; 0] = [];

#[test]
fn s01_swarm() {
    for (path, document) in [
        ("/swarm/init", json!({"ListenAddr": "0.0.0.0"})),
        ("/swarm/join", json!({"RemoteAddrs": ["10.0.0.1"]})),
        ("/swarm/leave", Value::Null),
        ("/swarm/update", json!({"Name": "x"})),
        ("/swarm/unlock", json!({"UnlockKey": "x"})),
    ] {
        let expected = [format!("host-root POST {path} ")];
        assert_eq!(found(&action("POST", path, &document)), expected);
    }
}

#[test]
fn s02_services() {
    let task = json!({
        "ContainerSpec": {
            "Image": "fedora",
            "Mounts": [{"Type": "bind", "Source": "/", "Target": "/h"}],
            "CapabilityAdd": ["CAP_SYS_ADMIN"],
            "Privileges": {"Seccomp": {"Mode": "unconfined"}, "AppArmor": {"Mode": "disabled"},
                "SELinuxContext": {"Disable": true}},
            "Sysctls": {"net.core.somaxconn": "1"},
            "Ulimits": [{"Name": "nproc", "Hard": -1}],
            "OomScoreAdj": -5,
        },
        "PluginSpec": {"Remote": "r", "PluginPrivilege": [
            {"Name": "device", "Value": ["/dev/sda"]}]},
        "Runtime": "plugin",
        "NetworkAttachmentSpec": {"ContainerID": "db"},
        "LogDriver": {"Name": "gelf"},
        "Resources": {"Reservations": {"GenericResources": [
            {"DiscreteResourceSpec": {"Kind": "gpu", "Value": 1}}]}},
    });
    let service = json!({"Name": "s", "TaskTemplate": task, "EndpointSpec": {"Ports": [
        {"TargetPort": 80, "PublishedPort": 8080}]}});
    let mut service = action("POST", "/services/create", &service);
    service.references.is_on_host_network = true;
    let task = "TaskTemplate";
    let spec = "TaskTemplate.ContainerSpec";
    assert_eq!(
        found(&service),
        [
            format!("host-root {task}.PluginSpec r"),
            format!("devices {task}.PluginSpec.device /dev/sda"),
            format!("host-root {task}.Runtime plugin"),
            format!("foreign-container {task}.NetworkAttachmentSpec.ContainerID db"),
            format!("evidence-hiding {task}.LogDriver.Name gelf"),
            format!("outbound {task}.LogDriver.Name gelf"),
            format!("devices {task}.Resources.Reservations.GenericResources[0] gpu"),
            format!("host-files {spec}.Mounts[0] /"),
            format!("host-root {spec}.Mounts[0] /"),
            format!("capabilities {spec}.CapabilityAdd[0] SYS_ADMIN"),
            format!("host-root {spec}.CapabilityAdd[0] SYS_ADMIN"),
            format!("loosened-confinement {spec}.Privileges.Seccomp.Mode unconfined"),
            format!("loosened-confinement {spec}.Privileges.AppArmor.Mode disabled"),
            format!("loosened-confinement {spec}.Privileges.SELinuxContext disabled"),
            format!("loosened-confinement {spec}.Sysctls.net.core.somaxconn 1"),
            format!("host-resources {spec}.Ulimits[0] nproc"),
            format!("host-resources {spec}.OomScoreAdj -5"),
            "host-ports EndpointSpec.Ports[0] 8080".to_owned(),
            "host-network Networks host".to_owned(),
        ]
    );
}

#[test]
fn s02_rollback() {
    let target = "/services/s/update?version=1&rollback=previous";
    let update = action("POST", target, &json!({"Name": "s"}));
    assert_eq!(found(&update), ["host-root query rollback previous"]);
}

#[test]
fn s03_nodes() {
    let update = action("POST", "/nodes/n/update", &json!({"Role": "manager"}));
    assert_eq!(found(&update), ["host-root POST /nodes/{id}/update n"]);
    let remove = action("DELETE", "/nodes/n", &Value::Null);
    assert_eq!(found(&remove), ["host-root DELETE /nodes/{id} n"]);
}

#[test]
fn s04_join_tokens() {
    assert_eq!(found(&action("GET", "/swarm", &Value::Null)), ["host-root GET /swarm "]);
}

#[test]
fn p01_plugins() {
    let privileges = json!([
        {"Name": "network", "Value": ["host"]},
        {"Name": "host pid namespace", "Value": ["true"]},
        {"Name": "mount", "Value": ["/srv"]},
        {"Name": "capabilities", "Value": ["CAP_SYS_ADMIN"]},
    ]);
    assert_eq!(
        found(&action("POST", "/plugins/pull?remote=x", &privileges)),
        [
            "host-root POST /plugins/pull x",
            "host-network [0].network host",
            "host-pid [1].host pid namespace host",
            "host-files [2].mount /srv",
            "capabilities [3].capabilities CAP_SYS_ADMIN",
        ]
    );
    assert_eq!(
        found(&action("POST", "/plugins/x/set", &json!(["mount.source=/srv", "DEBUG=1"]))),
        ["host-root POST /plugins/{name}/set x", "host-files [0] /srv"]
    );
    let enable = action("POST", "/plugins/x/enable", &Value::Null);
    assert_eq!(found(&enable), ["host-root POST /plugins/{name}/enable x"]);
    let create = action("POST", "/plugins/create?name=x", &Value::Null);
    assert_eq!(found(&create), ["host-root POST /plugins/create x"]);
}

#[test]
fn p02_plugins_that_watch() {
    let disable = action("POST", "/plugins/x/disable?force=1", &Value::Null);
    assert_eq!(found(&disable), ["evidence-hiding POST /plugins/{name}/disable x"]);
    let remove = action("DELETE", "/plugins/x", &Value::Null);
    assert_eq!(found(&remove), ["evidence-hiding DELETE /plugins/{name} x"]);
    let list = action("GET", "/plugins", &Value::Null);
    assert_eq!(found(&list), NOTHING);
}
