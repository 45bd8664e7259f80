//! dockerd ends or hangs, and clients disconnect: the other side gets a clear response, and the
//! broker keeps nothing open.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::fake::{Fake, ID, Reply};
use crate::host::tag;
use crate::http::Connection;
use crate::observe::{gist, records, wait_until};

const LOGS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\
                    Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
const UPGRADED: &str = "HTTP/1.1 101 UPGRADED\r\nContent-Type: \
                        application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\n\
                        Upgrade: tcp\r\n\r\nhello";

/// A dockerd whose streams begin with `hello`, and that never answers a stop.
fn streaming(request: &str) -> Option<Reply> {
    match request {
        _ if request.ends_with("/logs") => Some(Reply::Begin(LOGS)),
        _ if request.ends_with("/attach") => Some(Reply::Begin(UPGRADED)),
        _ if request.ends_with("/stop") => Some(Reply::Silence),
        _ => None,
    }
}

fn logs(tag: &str) -> String {
    format!("GET /containers/{tag}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n\r\n")
}

fn attach(tag: &str) -> String {
    format!(
        "POST /containers/{tag}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n\
         Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    )
}

fn call(tag: &str, op: &str) -> String {
    format!("POST /containers/{tag}/{op} HTTP/1.1\r\nHost: docker\r\n\r\n")
}

/// Sends a request and reads until the response ends with this.
fn begin(broker: &Broker, request: &str, ends: &str) -> UnixStream {
    let mut stream = UnixStream::connect(broker.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).trim_end().ends_with(ends) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&read));
        read.push(byte[0]);
    }
    stream
}

/// Reads until the other side ends the connection, with or without an error.
fn rest(mut stream: UnixStream) -> String {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    String::from_utf8_lossy(&rest).trim_start().to_owned()
}

#[test]
fn clients_get_a_clear_response_when_dockerd_ends_and_returns() {
    let mut fake = Fake::start(streaming);
    let broker = Broker::before(&fake.socket(), "");
    let tag = tag();
    let followed = begin(&broker, &logs(&tag), "hello");
    let attached = begin(&broker, &attach(&tag), "hello");
    let mut asked = broker.connect();
    asked.send(call(&tag, "stop").as_bytes());
    let stop = format!("POST /containers/{ID}/stop");
    wait_until("the call", || fake.times_asked(&stop) == 1);

    fake.end();
    assert_eq!(rest(followed), "", "a stream that breaks off must not look complete");
    assert_eq!(rest(attached), "");
    let answer = asked.answer("POST");
    assert_eq!(answer.status, 503);
    assert!(answer.text().starts_with("{\"message\":\"dockerd gave no answer"), "{answer:?}");
    assert_eq!(fake.times_asked(&stop), 1, "a call is not made twice");
    let answer = broker.http(call(&tag, "start").as_bytes());
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("is it running"), "{answer:?}");
    let gists: Vec<String> = records(&tag, 6).iter().map(|record| gist(record)).collect();
    for expected in [
        "VIRT_CONTROL logs-request success",
        "VIRT_CONTROL attach-request success",
        "VIRT_CONTROL attach success",
        "VIRT_CONTROL stop-request success",
        "VIRT_CONTROL stop failed",
    ] {
        assert!(gists.iter().any(|gist| gist == expected), "{expected} is not in {gists:?}");
    }

    drop(asked);
    fake.go_on();
    for _ in 0..10 {
        assert_eq!(broker.http(call(&tag, "start").as_bytes()).status, 204);
    }
    wait_until("the end of all connections", || broker.connections() == 0);
}

#[test]
fn a_clients_connection_survives_a_restart_of_dockerd() {
    let mut fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let tag = tag();
    let mut kept = broker.connect();
    for _ in 0..3 {
        kept.send(call(&tag, "start").as_bytes());
        assert_eq!(kept.answer("POST").status, 204);
        fake.end();
        fake.go_on();
    }
    assert_eq!(fake.times_asked(&format!("POST /containers/{ID}/start")), 3);
}

#[test]
fn a_dockerd_that_hangs_for_some_calls_does_not_delay_others() {
    let fake = Fake::start(streaming);
    let broker = Broker::before(&fake.socket(), "");
    let tag = tag();
    let mut waiting: Vec<Connection> = (0..50).map(|_| broker.connect()).collect();
    for connection in &mut waiting {
        connection.send(call(&tag, "stop").as_bytes());
    }
    wait_until("the calls", || fake.times_asked(&format!("POST /containers/{ID}/stop")) == 50);
    let start = Instant::now();
    assert_eq!(broker.http(call(&tag, "start").as_bytes()).status, 204);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    // All clients have disconnected, and the broker does not wait for dockerd in their place.
    drop(waiting);
    wait_until("the end of all connections", || broker.connections() == 0);
    let outcomes = records(&tag, 102);
    let failed = outcomes.iter().filter(|record| gist(record).ends_with("stop failed"));
    assert_eq!(failed.count(), 50);
}

/// A phase of a call, and a client that disconnects in it.
type Phase = (&'static str, fn(&Broker, &str));

const PHASES: [Phase; 9] = [
    ("connected", |broker, _| drop(UnixStream::connect(broker.socket()).unwrap())),
    ("in the request line", |broker, _| broker.connect().send(b"POST /contai")),
    ("in the head", |broker, tag| {
        broker.connect().send(call(tag, "start").strip_suffix("\r\n").unwrap().as_bytes());
    }),
    ("in the body", |broker, tag| {
        let head = format!(
            "POST /containers/create?name={tag} HTTP/1.1\r\nHost: docker\r\n\
             Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"Image\":"
        );
        broker.connect().send(head.as_bytes());
    }),
    ("in the stream that it sends", |broker, tag| {
        let head = format!(
            "PUT /containers/{tag}/archive?path=/ HTTP/1.1\r\nHost: docker\r\n\
             Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        );
        broker.connect().send(head.as_bytes());
    }),
    ("before the answer", |broker, tag| broker.connect().send(call(tag, "stop").as_bytes())),
    ("before it is known", |broker, tag| broker.connect().send(call(tag, "start").as_bytes())),
    ("in the answer", |broker, tag| drop(begin(broker, &logs(tag), "hello"))),
    ("in a raw stream", |broker, tag| drop(begin(broker, &attach(tag), "hello"))),
];

#[test]
fn the_broker_keeps_nothing_open_for_clients_that_disconnect() {
    let fake = Fake::start(streaming);
    let broker = Broker::before(&fake.socket(), "");
    // By now the broker has opened what it keeps open.
    for _ in 0..20 {
        assert_eq!(broker.http(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n").status, 200);
    }
    wait_until("rest", || broker.connections() == 0);
    let files = broker.open_files().unwrap();
    for (phase, vanish) in PHASES {
        let tag = tag();
        for _ in 0..10 {
            vanish(&broker, &tag);
        }
        let start = Instant::now();
        while broker.connections() > 0 {
            let left = broker.connections();
            assert!(start.elapsed() < Duration::from_secs(15), "{phase}: {left} connections stay");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(broker.metric("audit_broker_streams"), 0, "{phase}");
    }
    // Each worker may keep some connections to dockerd.
    let more = broker.open_files().unwrap().saturating_sub(files);
    assert!(more < 30, "{more} files stay open");
    assert!(!broker.said().contains("panicked"), "{}", broker.said());
}

/// The full id of the container with this number.
fn id_of(number: usize) -> String {
    format!("{number:064x}")
}

/// A dockerd that lists many containers, but lets only one of them be inspected.
fn locked(request: &str) -> Option<Reply> {
    if request == "GET /containers/json" {
        let listed: Vec<String> = (0..40).map(|n| format!(r#"{{"Id":"{}"}}"#, id_of(n))).collect();
        return Some(Reply::Document(200, format!("[{}]", listed.join(","))));
    }
    let is_asked = |number| request == format!("GET /containers/{}/json", id_of(number));
    if is_asked(39) {
        return Some(Reply::Document(200, format!(r#"{{"Id":"{}"}}"#, id_of(39))));
    }
    request.ends_with("/json").then_some(Reply::Silence)
}

#[test]
fn s33_the_broker_stops_waiting_for_dockerd_after_the_timeout() {
    let fake = Fake::start(locked);
    let broker = Broker::before(&fake.socket(), "dockerd_timeout_seconds = 1");
    let answer = broker.http(call("any", "start").as_bytes());
    assert_eq!(answer.status, 504);
    assert!(answer.text().contains("dockerd did not answer"), "{answer:?}");
    let list = b"GET /containers/json?all=1 HTTP/1.1\r\nHost: docker\r\n\r\n";
    let asked = || {
        let times = |number| fake.times_asked(&format!("GET /containers/{}/json", id_of(number)));
        (0..40).map(times).max().unwrap()
    };
    // The broker needs several calls until it has tried each container.
    for _ in 0..10 {
        let answer = broker.http(list);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text().contains(&id_of(39)), "{answer:?}");
    }
    assert_eq!(asked(), 1, "one that did not answer is left alone for a while");
}
