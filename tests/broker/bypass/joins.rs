//! Namespaces, volumes and links of another user's container.

use super::row::End::{HiddenInCreate, Refused};
use super::row::{Row, create, host_config};
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;

/// Fields that join another container. `TARGET` stands for it.
const WAYS: &[(&str, &str)] = &[
    ("C08", r#"{"VolumesFrom":["TARGET"]}"#),
    ("C08-ro", r#"{"VolumesFrom":["TARGET:ro"]}"#),
    ("C08-slash", r#"{"VolumesFrom":["/TARGET"]}"#),
    ("C19", r#"{"PidMode":"container:TARGET"}"#),
    ("C20", r#"{"IpcMode":"container:TARGET"}"#),
    ("C21", r#"{"Cgroup":"container:TARGET"}"#),
    ("C22", r#"{"NetworkMode":"container:TARGET"}"#),
    ("C22-slash", r#"{"NetworkMode":"container:/TARGET"}"#),
    ("C32", r#"{"Links":["TARGET:alias"]}"#),
    ("C32-slash", r#"{"Links":["/TARGET"]}"#),
];

#[test]
fn a_user_cannot_join_the_container_of_another() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows: Vec<Row> = Vec::new();
    for (id, config) in WAYS {
        let with = |target: &str| config.replace("TARGET", target);
        for target in ["{other}", "{otherid}", "{shortid}"] {
            let row = host_config(
                &format!("{id}-{}", &target[1..6]),
                &with(target),
                HiddenInCreate(match (target, id.ends_with("slash")) {
                    ("{other}", false) => "o such container: {other}",
                    ("{other}", true) => "o such container: /{other}",
                    _ => "o such container",
                }),
            );
            rows.push(row);
        }
        let row =
            host_config(&format!("{id}-priv"), &with("{priv}"), HiddenInCreate("o such container"));
        rows.push(row);
        // The new container would join one that another user creates before it starts.
        let row =
            host_config(&format!("{id}-later"), &with("{all}-later"), Refused("o such container"));
        rows.push(row);
    }
    rows.extend([
        host_config("C08-host", r#"{"VolumesFrom":["{hosts}"]}"#, HiddenInCreate("o such container: {hosts}")),
        create(
            "C22-endpoint",
            r#"{"Image":"fedora","NetworkingConfig":{"EndpointsConfig":{"container:{other}":{}}}}"#,
            Refused(""),
        ),
        create(
            "C32-endpoint",
            r#"{"Image":"fedora","Cmd":["true"],"NetworkingConfig":{"EndpointsConfig":{"bridge":{"Links":["{other}"]}}}}"#,
            HiddenInCreate("o such container"),
        ),
    ]);
    stage.play(&rows);
    stage.survives();
}
