//! Bodies that dockerd reads differently than they look.

use super::row::End::{Denied, Harmless, Refused};
use super::row::{Row, create, json, typed};
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::tested_engine::TestedEngine;

const REFUSED: &[(&str, &str)] = &[
    ("J04", r#"{"Image":"fedora","HostConfig":{"Privileged":true,"Privileged":false}}"#),
    ("J04-image", r#"{"Image":"fedora","Image":"other"}"#),
    ("J05", r#"{"Image":"fedora","HostConfig":{"Privileged":true},"HostConfig":{}}"#),
    ("J05-escaped", r#"{"Image":"fedora","HostConfig":{"Privileged":true},"\u0048ostConfig":{}}"#),
    ("J05-map", r#"{"Image":"fedora","Labels":{"a":"b","a":"c"}}"#),
    ("J07", r#"{"Image":"fedora","HostConfig":{"Binds":[],"binds":["/:/x"]}}"#),
    ("J08-twice", r#"{"Image":"fedora","HostConfig":{"Privileged":true,"Privileged":null}}"#),
    ("J09-config", r#"{"Config":{"Image":"fedora"}}"#),
    ("J11", r#"{"Image":"fedora"}{"HostConfig":{"Privileged":true}}"#),
    ("J11-bytes", r#"{"Image":"fedora"} x"#),
    ("J12-lone", r#"{"Image":"fedora","Hostname":"\ud800"}"#),
    ("J12-bytes", r#"{"Image":"fedora","Hostname":"{ff}"}"#),
    ("J13-bom", "\u{feff}{\"Image\":\"fedora\"}"),
    ("J13-comment", r#"{"Image":"fedora"/**/}"#),
    ("J13-nan", r#"{"Image":"fedora","HostConfig":{"Memory":NaN}}"#),
    ("J13-text", r#"{"Image":"fedora","HostConfig":{"Privileged":"true"}}"#),
    ("J13-number", r#"{"Image":"fedora","HostConfig":{"Privileged":1}}"#),
    ("J13-float", r#"{"Image":"fedora","HostConfig":{"Memory":1e9}}"#),
    ("J14", r#"{"Image":"fedora","HostConfig":{"PidsLimit":18446744073709551615}}"#),
    ("J15-key", r#"{"Image":"fedora","HostConfig":{"Privileged\u0000":true}}"#),
    ("J15-value", r#"{"Image":"fedora","HostConfig":{"Binds":["/srv\u0000:/x"]}}"#),
    ("J18", r#"{"Image":"fedora","HostConfig":{"PortBindings":{"x":[{"HostPort":"1"}]}}}"#),
    ("J19", r#"{"Image":"fedora","HostConfig":{"Memory":"1g"}}"#),
    ("J20", r#"[{"Image":"fedora"}]"#),
    ("J20-number", "1"),
    ("J20-null", "null"),
    ("J22-empty", ""),
];

/// dockerd reads these keys as others, so the broker judges those.
const READ_AS_OTHERS: &[(&str, &str, &str)] = &[
    ("J01", r#"{"Image":"fedora","hostconfig":{"Privileged":true}}"#, "host-root"),
    ("J01-inner", r#"{"Image":"fedora","HostConfig":{"PRIVILEGED":true}}"#, "host-root"),
    (
        "J01-kelvin",
        "{\"Image\":\"fedora\",\"HostConfig\":{\"Networ\u{212a}Mode\":\"host\"}}",
        "host-network",
    ),
    (
        "J01-long-s",
        "{\"Image\":\"fedora\",\"Ho\u{17f}tConfig\":{\"Privileged\":true}}",
        "host-root",
    ),
    ("J03-case", r#"{"Image":"fedora","\u0068ostConfig":{"Privileged":true}}"#, "host-root"),
];

fn deep() -> Row {
    let body = format!(r#"{{"Image":"fedora","Labels":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    create("J16", &body, Refused(""))
}

#[test]
fn the_broker_and_dockerd_read_a_body_alike() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows: Vec<Row> =
        REFUSED.iter().map(|(id, body)| create(id, body, Refused(""))).collect();
    let privileged = r#"{"Image":"fedora","HostConfig":{"Privileged":true}}"#;
    let target = "POST /containers/create?name={me}";
    let read_as_others = READ_AS_OTHERS.iter();
    rows.extend(read_as_others.map(|(id, body, danger)| create(id, body, Denied(danger))));
    // docker 20.10 reads it also at the top. It does not reach a newer engine, which would not read it.
    let at_the_top = match TestedEngine::asked() {
        TestedEngine::Docker20 => Denied("host-root"),
        TestedEngine::Docker28(_) => Harmless(201),
    };
    rows.extend([
        deep(),
        create("J09", r#"{"Image":"fedora","Cmd":["true"],"Privileged":true}"#, at_the_top),
        create(
            "J09-nested",
            r#"{"Image":"fedora","Cmd":["true"],"HostConfig":{"Resources":{"Devices":[{"PathOnHost":"/dev/kmsg"}]}}}"#,
            Harmless(201),
        ),
        create(
            "J03",
            r#"{"Image":"fedora","\u0048ostConfig":{"\u0050rivileged":true}}"#,
            Denied("host-root"),
        ),
        create(
            "J08",
            r#"{"Image":"fedora","Cmd":["true"],"HostConfig":{"Privileged":null,"Binds":null}}"#,
            Harmless(201),
        ),
        create(
            "J17",
            r#"{"Image":"fedora","Cmd":"true","HostConfig":{"CapAdd":"ALL"}}"#,
            Denied("host-root"),
        ),
        typed("J21", target, "Application/JSON; charset=x", privileged, Denied("host-root")),
        typed("J21-broken", target, "application/json;;", privileged, Refused("")),
        typed("J21-text", target, "text/plain", privileged, Refused("")),
        json("J22", "POST /v1.24/containers/create?name={me}", privileged, Refused("")),
    ]);
    stage.play(&rows);
    stage.survives();
}
