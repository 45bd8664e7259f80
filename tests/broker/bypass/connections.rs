//! Section 5.7: what follows a request on its connection.

use std::os::unix::net::UnixStream;

use super::sender::{create, exchange, send};
use super::stage::{Stage, policies};
use crate::broker::{Broker, DOCKERD};
use crate::docker::Lines;
use crate::host::{PERSON, raw, settle, text};
use crate::http::Connection;

/// It gives back what it is given, and ends with it.
const ECHO: &str = r#"{"Image":"fedora","OpenStdin":true,"StdinOnce":true,"AttachStdin":true,
    "Cmd":["sh","-c","cat; echo all"]}"#;

fn request(target: &str, headers: &str) -> String {
    format!("{target} HTTP/1.1\r\nHost: docker\r\n{headers}\r\n")
}

/// The status of each answer in what came back.
fn statuses(told: &str) -> Vec<&str> {
    told.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}

/// Each request of a connection is judged by itself, whatever was allowed before.
#[test]
fn h17_requests_that_wait_for_no_answer() {
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

/// H23, H31, H32: what follows on a connection that docker takes over is input, also when nobody
/// asked for an upgrade; its answers and the end of the input are relayed as they are.
#[test]
fn h23_requests_in_a_stream() {
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
