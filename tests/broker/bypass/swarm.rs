//! Clusters, plugins and dockerd itself.

use super::row::End::{Denied, Hidden, HiddenInCreate, Refused};
use super::row::{Row, bare, json};
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::shell;
use crate::policy::shipped;

const BARE: &[(&str, &str, &str)] = &[
    ("S01-leave", "POST /swarm/leave?force=1", "swarm"),
    ("S03-delete", "DELETE /nodes/x?force=1", "swarm"),
    ("S04", "GET /swarm", "swarm"),
    ("S04-unlock", "GET /swarm/unlockkey", "swarm"),
    ("S04-configs", "GET /configs", "swarm"),
    ("S04-secrets", "GET /secrets", "swarm"),
    ("S05", "GET /tasks", "swarm"),
    ("S05-logs", "GET /services/x/logs?stdout=1", "swarm"),
    ("P01-enable", "POST /plugins/x/enable", "plugin"),
    ("P02", "POST /plugins/x/disable?force=1", "plugin"),
    ("P02-delete", "DELETE /plugins/x?force=1", "plugin"),
    ("P02-list", "GET /plugins", "plugin"),
];

const JSON: &[(&str, &str, &str, &str)] = &[
    ("S01", "POST /swarm/init", r#"{"ListenAddr":"127.0.0.1:2377"}"#, "swarm"),
    (
        "S01-join",
        "POST /swarm/join",
        r#"{"ListenAddr":"127.0.0.1:2377","RemoteAddrs":["127.0.0.1:1"],"JoinToken":"x"}"#,
        "swarm",
    ),
    ("S01-unlock", "POST /swarm/unlock", r#"{"UnlockKey":"x"}"#, "swarm"),
    ("S01-update", "POST /swarm/update?version=1", r#"{"Name":"x"}"#, "swarm"),
    (
        "S02",
        "POST /services/create",
        r#"{"Name":"{me}","TaskTemplate":{"ContainerSpec":{"Image":"fedora","Mounts":[{"Type":"bind","Source":"/","Target":"/x"}]}}}"#,
        "swarm",
    ),
    (
        "S02-update",
        "POST /services/x/update?version=1&rollback=previous",
        r#"{"Name":"x"}"#,
        "swarm",
    ),
    ("S03", "POST /nodes/x/update?version=1", r#"{"Role":"manager"}"#, "swarm"),
    ("P01", "POST /plugins/pull?remote=x/y", "[]", "plugin"),
    ("P01-upgrade", "POST /plugins/x/upgrade?remote=x/y", "[]", "plugin"),
    ("P01-set", "POST /plugins/x/set", r#"["a=b"]"#, "plugin"),
];

fn rows() -> Vec<Row> {
    let bare = BARE.iter().map(|(id, target, word)| bare(id, target, Denied(word)));
    let json = JSON.iter().map(|(id, target, body, word)| json(id, target, body, Denied(word)));
    bare.chain(json).collect()
}

#[test]
fn a_user_cannot_manage_the_swarm_or_plugins() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    stage.play(&rows());
    assert_eq!(shell("docker info -f '{{.Swarm.LocalNodeState}}'"), "inactive\n");
}

/// The policies after installation let every user see everything, and give no user the host.
#[test]
fn the_default_policies_give_no_user_the_host() {
    let other = "@id(\"other\") permit(principal == User::\"games\", action, resource);\n";
    let broker = Broker::with_policies(&format!("{}{other}", shipped("default")), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let config = super::row::host_config;
    let mut rows: Vec<Row> =
        JSON.iter().map(|(id, target, body, word)| json(id, target, body, Denied(word))).collect();
    rows.extend([
        config("C01", r#"{"Privileged":true}"#, Denied("host-root")),
        config("C02", r#"{"Binds":["/:/x"]}"#, Denied("host-root")),
        config("C02-files", r#"{"Binds":["/srv:/x"]}"#, Denied("host-files")),
        config(
            "C08",
            r#"{"VolumesFrom":["{hosts}"]}"#,
            HiddenInCreate("o such container: {hosts}"),
        ),
        config("C11", r#"{"Binds":["{rootvol}:/x"]}"#, Denied("host-root")),
        config("C22", r#"{"NetworkMode":"{hostnet}"}"#, Denied("privileged-network-use")),
        bare("I01", "POST /build?networkmode=host&t=dev/{me}", Denied("host-network")),
        bare(
            "I01-id",
            "POST /build?networkmode={hostnet}&t=dev/{me}",
            Denied("privileged-network-use"),
        ),
        json(
            "K01",
            "POST /containers/{own}/exec",
            r#"{"Privileged":true,"Cmd":["sh"]}"#,
            Denied("host-root"),
        ),
        json(
            "K01-priv",
            "POST /containers/{priv}/exec",
            r#"{"Cmd":["sh"]}"#,
            Hidden("o such container"),
        ),
        bare("K10", "POST /containers/{priv}/start", Hidden("o such container")),
        bare("K10-host", "POST /containers/{hosts}/start", Hidden("o such container")),
        bare(
            "K07",
            "GET /containers/{hosts}/archive?path=/host/etc/shadow",
            Hidden("o such container"),
        ),
        bare("Y01", "GET /debug/pprof/heap", Refused("")),
    ]);
    stage.play(&rows);
    stage.survives();
}
