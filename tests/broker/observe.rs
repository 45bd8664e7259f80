//! What a test can observe of the broker from outside: records, metrics and memory.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::host;
use crate::http::{Answer, Connection};

/// The record types that the broker writes. sudo and the kernel write others about the same call.
const TYPES: &str = "VIRT_CONTROL,VIRT_RESOURCE,SOFTWARE_UPDATE,USER_ROLE_CHANGE";

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the condition holds, and fails after a timeout.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The raw records that contain the tag. Waits for this many, since the broker writes an outcome
/// shortly after the client has the response.
pub(crate) fn records(tag: &str, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let found = host::raw(&["-m", TYPES], tag);
        if found.len() >= count || start.elapsed() > PATIENCE {
            assert_eq!(found.len(), count, "{found:#?}");
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The only record that contains the tag.
pub(crate) fn record(tag: &str) -> String {
    records(tag, 1).remove(0)
}

/// The type of a raw record.
pub(crate) fn kind_of(record: &str) -> &str {
    record.strip_prefix("type=").unwrap().split(' ').next().unwrap()
}

/// The type, operation and outcome of a record.
pub(crate) fn gist(record: &str) -> String {
    let field = |name| host::field(record, name).unwrap_or("-");
    format!("{} {} {}", kind_of(record), field("op"), field("res"))
}

/// A call that changes nothing and leaves one record, since no container has this name.
pub(crate) fn harmless(tag: &str) -> String {
    format!("POST /containers/{tag}/start HTTP/1.1\r\nHost: docker\r\n\r\n")
}

/// Adds the same call as arguments of curl.
pub(crate) fn harmless_by_curl(command: &mut Command, broker: &Broker, tag: &str) {
    command.args(["curl", "-s", "--max-time", "20", "-X", "POST", "--unix-socket"]);
    command.arg(broker.socket()).arg(format!("http://docker/containers/{tag}/start"));
}

impl Broker {
    pub(crate) fn metrics(&self) -> Answer {
        let socket = self.socket().with_file_name("metrics.sock");
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
        Connection::over(stream).answer("GET")
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> i64 {
        let text = self.metrics().text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        assert!(value.is_some(), "{name} is not in {text}");
        value.unwrap().parse().unwrap()
    }

    pub(crate) fn connections(&self) -> i64 {
        self.metric("audit_broker_connections")
    }

    /// The memory that the broker uses, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid().unwrap())).unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        size.split_whitespace().next().unwrap().parse().unwrap()
    }
}
