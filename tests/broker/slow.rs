//! Slow clients, and clients that send too much: they cost little, and others are served.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::fake::Fake;
use crate::host::{PERSON, login, tag, text};
use crate::http::Answer;
use crate::observe::{record, wait_until};

const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";

/// The memory that the broker may use for all connections of one of these tests, in KiB.
const MEMORY_KIB: u64 = 32 << 10;

fn connect(broker: &Broker, count: usize, begin_with: &[u8]) -> Vec<UnixStream> {
    let one = |_| {
        let mut stream = UnixStream::connect(broker.socket()).unwrap();
        stream.write_all(begin_with).unwrap();
        stream
    };
    (0..count).map(one).collect()
}

fn ping_of(broker: &Broker, user: &str) -> String {
    let mut command = login(user);
    command.args(["curl", "-s", "--max-time", "10", "--unix-socket"]);
    command.arg(broker.socket()).arg("http://docker/_ping");
    text(&command.output().unwrap().stdout)
}

#[test]
fn a_thousand_silent_connections_cost_the_broker_little() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "connections_per_uid = 1200");
    let before = broker.memory_kib();
    let silent = connect(&broker, 1000, b"");
    wait_until("all connections", || broker.connections() == 1000);
    let grown = broker.memory_kib().saturating_sub(before);
    assert!(grown < 8 << 10, "{grown} KiB for connections that say nothing");
    let start = Instant::now();
    assert_eq!(broker.http(PING).status, 200);
    assert_eq!(ping_of(&broker, PERSON), "OK");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    drop(silent);
    wait_until("the end of all connections", || broker.connections() == 0);
}

#[test]
fn the_broker_ends_a_thousand_connections_with_unfinished_heads() {
    let fake = Fake::start(|_| None);
    let broker =
        Broker::before(&fake.socket(), "connections_per_uid = 1200\nhead_timeout_seconds = 2");
    let before = broker.memory_kib();
    let mut slow = connect(&broker, 1000, b"GET /_ping HTTP/1.1\r\nHost: ");
    wait_until("all connections", || broker.connections() > 900);
    let grown = broker.memory_kib().saturating_sub(before);
    assert!(grown < MEMORY_KIB, "{grown} KiB");
    assert_eq!(ping_of(&broker, PERSON), "OK");
    let last = slow.last_mut().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = last.read(&mut [0; 1]).expect("the broker ends it");
    wait_until("the end of all connections", || broker.connections() == 0);
}

#[test]
fn a_client_cannot_keep_a_connection_by_sending_a_byte_a_second() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "head_timeout_seconds = 2");
    let mut stream = UnixStream::connect(broker.socket()).unwrap();
    let start = Instant::now();
    for byte in PING.iter().cycle() {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "it may go on for ever");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    // Between two requests the client may take its time.
    let mut idle = broker.connect();
    for _ in 0..2 {
        idle.send(PING);
        assert_eq!(idle.answer("GET").status, 200);
        std::thread::sleep(Duration::from_millis(2500));
    }
}

/// Sends as much as the broker takes, and reads the response.
fn answer_to_much(broker: &Broker, head: &[u8], filler: &[u8]) -> Answer {
    let mut stream = UnixStream::connect(broker.socket()).unwrap();
    let _ = stream.write_all(head).and_then(|()| stream.write_all(filler));
    crate::http::Connection::over(stream).answer("POST")
}

#[test]
fn the_broker_refuses_a_megabyte_of_headers() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let before = broker.memory_kib();
    let head = b"POST /containers/x/start HTTP/1.1\r\nHost: docker\r\n";
    for filler in [
        [b"User-Agent: ".to_vec(), vec![b'x'; 1 << 20]].concat(),
        b"User-Agent: x\r\n".repeat(70_000),
    ] {
        for _ in 0..20 {
            let answer = answer_to_much(&broker, head, &filler);
            assert_eq!(answer.status, 431, "{answer:?}");
        }
    }
    let answer = answer_to_much(&broker, b"POST /", &vec![b'x'; 1 << 20]);
    assert!([414, 431].contains(&answer.status), "{answer:?}");
    assert_eq!(fake.times_asked("GET /containers/x/json"), 0);
    let grown = broker.memory_kib().saturating_sub(before);
    assert!(grown < MEMORY_KIB, "{grown} KiB");
}

#[test]
fn the_broker_refuses_a_body_that_is_too_long() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let before = broker.memory_kib();
    let tag = tag();
    let head = format!(
        "POST /containers/{tag}/exec HTTP/1.1\r\nHost: docker\r\n\
         Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
    );
    let answer = answer_to_much(&broker, head.as_bytes(), &vec![b' '; 40 << 20]);
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(record(&tag).contains("reason=not-understood"));
    assert_eq!(fake.times_asked(&format!("POST /containers/{tag}/exec")), 0);
    let grown = broker.memory_kib().saturating_sub(before);
    assert!(grown < 2 * MEMORY_KIB, "{grown} KiB");
}

/// A client that sends the whole body before it reads still learns why the broker refuses it.
#[test]
fn a_client_that_is_still_sending_gets_the_refusal() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let body = vec![b'x'; 8 << 20];
    for head in ["Content-Length: 8388608\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n800000\r\n"]
    {
        let head = format!("POST /nosuch HTTP/1.1\r\nHost: docker\r\n{head}");
        let answer = broker.http(&[head.as_bytes(), &body].concat());
        assert_eq!(answer.status, 404, "{answer:?}");
    }
}

#[test]
fn each_uid_has_its_own_limit_of_connections() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "connections_per_uid = 3");
    wait_until("rest", || broker.connections() == 0);
    let mut held = connect(&broker, 3, b"");
    wait_until("the connections", || broker.connections() == 3);
    // The response comes without a request.
    let answer = broker.connect().answer("GET");
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("the connection quota of uid 0 is used up (3)"), "{answer:?}");
    assert_eq!(ping_of(&broker, PERSON), "OK");
    held.pop();
    wait_until("a free place", || broker.connections() == 2);
    assert_eq!(broker.http(PING).status, 200);
}

/// Each piece would need many times its size if the broker kept it as it came.
#[test]
fn s30_a_body_in_chunks_of_one_byte_needs_no_more_memory() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let before = broker.memory_kib();
    let head = b"POST /containers/create HTTP/1.1\r\nHost: docker\r\n\
                 Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    // The body consists of spaces and does not end.
    let mut stream = UnixStream::connect(broker.socket()).unwrap();
    let pieces = b"1\r\n \r\n".repeat(2_000_000);
    stream.write_all(head).and_then(|()| stream.write_all(&pieces)).unwrap();
    // By now the broker has read everything except what the socket holds.
    let grown = broker.memory_kib().saturating_sub(before);
    assert!(grown < MEMORY_KIB, "{grown} KiB");
}
