//! The records of a process in the audit log.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A record without the parts that always differ: pid, time and serial.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Logged {
    /// `type=` and the kernel's `uid=`, `auid=`, `ses=` and, if any, `subj=`.
    pub(crate) header: String,
    /// The text from the program, between `msg='` and `'`.
    pub(crate) text: String,
}

impl std::fmt::Debug for Logged {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: String = self.text.chars().take(300).collect();
        let len = self.text.len();
        write!(formatter, "\n  {} [{len} bytes] {}", self.header, start.escape_debug())
    }
}

/// The records of the process, in order, once `complete` says that none is missing.
pub(crate) fn wait_for(pid: u32, complete: impl Fn(&[Logged]) -> bool) -> Vec<Logged> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let records = search(pid);
        if complete(&records) {
            return records;
        }
        assert!(Instant::now() < deadline, "records of {pid} are missing: {records:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn search(pid: u32) -> Vec<Logged> {
    let output = Command::new("ausearch")
        .args(["--input-logs", "--raw", "-ts", "recent", "-p", &pid.to_string()])
        .output()
        .unwrap();
    // Each byte becomes one character, so bytes that are not UTF-8 are kept.
    let text: String = output.stdout.iter().map(|byte| char::from(*byte)).collect();
    text.lines().filter_map(|line| read(line, pid)).collect()
}

fn read(line: &str, pid: u32) -> Option<Logged> {
    let (record_type, rest) = line.split_once(" msg=audit(")?;
    let (_, rest) = rest.split_once(": ")?;
    let ids = rest.strip_prefix(&format!("pid={pid} "))?;
    let (ids, message) = ids.split_once(" msg='")?;
    // After the text, auditd adds an 0x1d and the names of ids.
    let text = message.rsplit_once('\u{1d}').map_or(message, |(text, _)| text);
    let text = text.strip_suffix('\'').unwrap_or(text);
    Some(Logged { header: format!("{record_type} {ids}"), text: text.to_owned() })
}
