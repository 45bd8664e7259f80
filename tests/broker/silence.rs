//! A connection that was silent for a while continues where it was.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::broker::Broker;
use crate::host::{raw, settle, tag, text};

/// Longer than the broker keeps the buffers of a connection that waits.
const SILENCE: Duration = Duration::from_millis(900);

fn connect(broker: &Broker) -> UnixStream {
    let stream = UnixStream::connect(broker.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Reads until the text has come that ends with this.
fn read_until(stream: &mut UnixStream, end: &str) -> String {
    let mut read = Vec::new();
    while !text(&read).contains(end) {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).expect("an answer");
        assert!(count > 0, "{}", text(&read));
        read.extend_from_slice(&piece[..count]);
    }
    text(&read)
}

#[test]
fn the_broker_waits_for_the_second_half_of_a_head() {
    let broker = Broker::start("");
    let mut stream = connect(&broker);
    for (first, second) in [
        ("", "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("GET /_pi", "ng HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("\r\n", "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"),
    ] {
        write!(stream, "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n{first}").unwrap();
        read_until(&mut stream, "\r\n\r\nOK");
        std::thread::sleep(SILENCE);
        stream.write_all(second.as_bytes()).unwrap();
        read_until(&mut stream, "\r\n\r\nOK");
    }
}

/// dockerd answers before the body has come. The client is silent before it sends the rest.
#[test]
fn the_broker_never_reads_a_body_as_a_request() {
    let broker = Broker::start("");
    let tag = tag();
    let mut stream = connect(&broker);
    let head = "POST /images/create?fromImage=127.0.0.1:9/none HTTP/1.1\r\nHost: x\r\n\
        Content-Length: 600000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    read_until(&mut stream, "HTTP/1.1 ");
    std::thread::sleep(SILENCE);
    let inner =
        format!("POST /containers/{tag}/kill HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    // The broker may have closed the connection already.
    let _ = stream.write_all(inner.repeat(20).as_bytes());
    std::thread::sleep(SILENCE);
    settle();
    let records = raw(&["-m", "VIRT_CONTROL"], &tag);
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn a_silent_stream_still_counts_for_the_limit_of_its_uid() {
    let broker = Broker::start("connections_per_uid = 2");
    let streams: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = connect(&broker);
            stream.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            read_until(&mut stream, "\r\n\r\n");
            stream
        })
        .collect();
    std::thread::sleep(SILENCE);
    let refused = broker.connect().answer("GET");
    assert_eq!(refused.status, 503, "{refused:?}");
    drop(streams);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(broker.http(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}
