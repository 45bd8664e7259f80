//! Bytes that follow a request on its connection.

use std::os::unix::net::UnixStream;

use super::sender::{create, exchange, send};
use super::stage::{Stage, policies};
use crate::broker::{Broker, DOCKERD};
use crate::docker::Lines;
use crate::host::{PERSON, raw, settle, text};
use crate::http::Connection;

/// A container command that echoes its input, and ends when the input ends.
const ECHO: &str = r#"{"Image":"fedora","OpenStdin":true,"StdinOnce":true,"AttachStdin":true,
    "Cmd":["sh","-c","cat; echo all"]}"#;

fn request(target: &str, headers: &str) -> String {
    format!("{target} HTTP/1.1\r\nHost: docker\r\n{headers}\r\n")
}

/// The status of each response in these bytes.
fn statuses(told: &str) -> Vec<&str> {
    told.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}

/// The broker judges each request on a connection by itself, whatever it permitted before.
#[test]
fn h17_the_broker_judges_each_of_several_pipelined_requests() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let privileged = r#"{"Image":"fedora","HostConfig":{"Privileged":true}}"#;
    let length =
        format!("Content-Type: application/json\r\nContent-Length: {}\r\n", privileged.len());
    let requests = [
        request("GET /_ping", ""),
        request("GET /containers/{other}/json", ""),
        request("GET /containers/{own}/json", ""),
        request("POST /containers/create?name={all}-r", &length) + privileged,
        request("DELETE /containers/{other}?force=1", ""),
        request("GET /_ping", ""),
    ];
    let told = exchange(broker.socket(), &stage.fill(&requests.concat()));
    assert_eq!(statuses(&told), ["200", "404", "200", "403", "404", "200"], "{told}");
    stage.survives();
}

/// H23, H31, H32: after docker has taken over a connection, the rest is input, even if the caller
/// did not ask for an upgrade. The broker relays responses and the end of the input unchanged.
#[test]
fn h23_the_broker_relays_requests_in_a_stream_as_input() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let behind = request(&stage.fill("DELETE /containers/{other}?force=1"), "");
    for (number, headers) in ["", "Connection: Upgrade\r\nUpgrade: tcp\r\n"].iter().enumerate() {
        let attach = |name: &str| {
            let target = format!("POST /containers/{name}/attach?stream=1&stdin=1&stdout=1");
            request(&target, headers) + &behind
        };
        let made = |name: &str| {
            let start = request(&format!("POST /containers/{name}/start"), "");
            [create(name, ECHO), start.into_bytes()]
        };
        let name = format!("{}-own{number}", lines.name());
        let told = send(broker.socket(), &made(&name));
        assert!(told.iter().all(|told| told.status < 300), "{told:?}");
        let told = exchange(broker.socket(), &attach(&name));
        assert!(told.contains(&behind) && told.ends_with("all\n"), "{told:?}");

        let of_root = format!("{}-root{number}", lines.name());
        let mut docker = Connection::over(UnixStream::connect(DOCKERD).unwrap());
        for request in made(&of_root) {
            docker.send(&request);
            docker.answer("POST");
        }
        docker.send(attach(&of_root).as_bytes());
        docker.end_sending();
        let status = |told: &str| told.lines().next().unwrap().to_owned();
        assert_eq!(status(&told), status(&text(&docker.rest())));
        settle();
        let found = raw(&["-m", "VIRT_CONTROL", "-ul", PERSON], &name);
        assert!(found.iter().any(|record| record.contains("op=attach")), "{found:?}");
    }
    stage.survives();
}
