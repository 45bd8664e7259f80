//! Requests that dockerd reads differently than they look.

use super::row::End::{self, Denied, Harmless, Hidden, Refused};
use super::row::{Row, bare, raw, typed};
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;

const TARGETS: &[(&str, &str)] = &[
    ("H01", "GET //containers/{other}/json"),
    ("H01-dot", "GET /./containers/{other}/json"),
    ("H01-up", "GET /x/../containers/{other}/json"),
    ("H01-inner", "GET /containers//{other}/json"),
    ("H01-end", "GET /containers/{other}/json/"),
    ("H02-slash", "GET /containers%2f{other}%2fjson"),
    ("H02-back", "GET /containers/..%5c{other}/json"),
    ("H02-nul", "GET /containers/{other}%00/json"),
    ("H02-up", "GET /containers/%2e%2e/containers/{other}/json"),
    ("H02-broken", "GET /containers/{other}%zz/json"),
    ("H03", "GET /containers/{own}/json/{other}/json"),
    ("H03-alias", "GET /containers/{own}/{other}/logs?stdout=1"),
    ("H04-zero", "GET /v01.41/containers/{other}/json"),
    ("H04-dot", "GET /v1.41./containers/{other}/json"),
    ("H04-old", "GET /v1.24/containers/{other}/json"),
    ("H04-new", "GET /v9.99/containers/{other}/json"),
    ("H04-long", "GET /v1.041/containers/{other}/json"),
    ("H06-case", "POST /containers/{own}/rename?Name=x"),
    ("H07", "GET /containers/json?all=maybe;"),
    ("H08", "GET /containers/json?filters=x"),
    ("H08-key", "GET /containers/json?filters=%7B%22a%22%3A1%7D"),
    ("H09", "GET /containers/json?all=1;size=1"),
    ("H20-lower", "get /containers/{other}/json"),
    ("H20-patch", "PATCH /containers/{other}/json"),
    ("H20-options", "OPTIONS /containers/json"),
    ("Y01", "GET /debug/pprof/cmdline"),
    ("Y01-heap", "GET /debug/pprof/heap"),
    ("Y01-vars", "GET /debug/vars"),
    ("Y03", "OPTIONS /info"),
];

/// Bodies whose length two readers could take differently.
fn framings() -> Vec<Row> {
    let privileged = r#"{"Image":"fedora","HostConfig":{"Privileged":true}}"#;
    let chunk = format!("{:x}\r\n{privileged}\r\n0\r\n\r\n", privileged.len());
    let create = "POST /containers/create?name={me} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n";
    vec![
        raw(
            "H10",
            &format!("{create}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
            Refused(""),
        ),
        raw(
            "H11",
            &format!("{create}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}}}"),
            Refused(""),
        ),
        raw(
            "H11-same",
            &format!("{create}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}"),
            Refused(""),
        ),
        raw(
            "H12",
            &format!("{create}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            Refused(""),
        ),
        raw("H12-identity", &format!("{create}Transfer-Encoding: identity\r\n\r\n"), Refused("")),
        raw(
            "H18",
            &format!(
                "{create}Expect: 100-continue\r\nContent-Length: {{length}}\r\n\r\n{privileged}"
            ),
            Denied("host-root"),
        ),
        raw(
            "H26",
            &format!("{create}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
            Refused(""),
        ),
        raw(
            "H26-chunked",
            &format!("{create}Transfer-Encoding: chunked\r\n\r\n{chunk}"),
            Denied("host-root"),
        ),
        // A layer that reads only the first megabyte sees nothing.
        raw(
            "H26-padded",
            &format!(
                "{create}Content-Length: {{length}}\r\n\r\n{}{privileged}",
                " ".repeat(1 << 21)
            ),
            Refused(""),
        ),
    ]
}

/// Request lines and headers that two readers could take differently.
fn heads() -> Vec<Row> {
    let logs = "GET /containers/{other}/logs?stdout=1 HTTP/1.1\r\nHost: docker\r\n";
    let with = |id: &str, head: &str, end: End| raw(id, &format!("{logs}{head}\r\n"), end);
    vec![
        raw("H13", "GET /containers/{other}/json HTTP/1.0\r\nHost: docker\r\n\r\n", Refused("")),
        with("H15", "X-A : b\r\n", Refused("")),
        with("H15-fold", "X-A: b\r\n c\r\n", Refused("")),
        with("H22", "Connection: Upgrade\r\nUpgrade: tcp\r\n", Refused("")),
        with("H29", "Authz-User: root\r\n", Refused("")),
        raw(
            "H19",
            "GET http://evil/containers/{other}/json HTTP/1.1\r\nHost: docker\r\n\r\n",
            Refused(""),
        ),
        raw("H20-connect", "CONNECT docker:1 HTTP/1.1\r\nHost: docker\r\n\r\n", Refused("")),
        raw(
            "H24",
            "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            Denied("build"),
        ),
        raw(
            "H24-session",
            "POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            Denied("build"),
        ),
        raw("H25", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", Refused("HTTP/2")),
        // The broker drops what follows it, and sends dockerd the request that it judged.
        raw(
            "H28",
            "GET /images/json#/../../containers/{other}/json HTTP/1.1\r\nHost: docker\r\n\r\n",
            Harmless(200),
        ),
        bare("H02-name", "GET /containers/%7B/json", Refused("")),
    ]
}

#[test]
fn the_broker_and_dockerd_read_a_request_alike() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let form = "application/x-www-form-urlencoded";
    let mut rows: Vec<Row> =
        TARGETS.iter().map(|(id, target)| bare(id, target, Refused(""))).collect();
    rows.extend(framings().into_iter().chain(heads()));
    rows.extend([
        // A name that is one character shorter, or in another form, identifies the same container.
        bare("H02-letter", "GET /%63ontainers/{other}/json", Hidden("")),
        typed("H05-rename", "POST /containers/{own}/rename?name={me}", form, "name=x", Refused("")),
        typed(
            "H05-kill",
            "POST /containers/{own}/kill?signal=HUP",
            form,
            "signal=KILL",
            Refused(""),
        ),
        typed(
            "H05-pull",
            "POST /images/create?fromImage={me}",
            form,
            "fromSrc=http://10.0.0.1/",
            Refused(""),
        ),
        typed("H05-build", "POST /build?t=dev/{me}", form, "networkmode=host", Refused("")),
        typed(
            "H05-multipart",
            "POST /build?t=dev/{me}",
            "multipart/form-data; boundary=x",
            "--x--",
            Refused(""),
        ),
        bare(
            "H06",
            "POST /build?t=dev/{me}&networkmode=host&networkmode=default",
            Denied("host-network"),
        ),
        typed("H21", "GET /containers/{other}/json", "application/json", "{}", Hidden("")),
    ]);
    stage.play(&rows);
    stage.survives();
}
