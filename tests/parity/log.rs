//! The records of a process in the audit log.

use std::process::Command;
use std::sync::OnceLock;
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

/// The date and time from which `ausearch` reads: before the first record of this process. Other tests
/// fill the log with many records, and `ausearch` skips a log that ended earlier.
static START: OnceLock<[String; 2]> = OnceLock::new();

fn a_minute_ago() -> [String; 2] {
    let mut date = Command::new("date");
    let output = date.env("LC_ALL", "C").args(["-d", "1 minute ago", "+%x %X"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (date, time) = text.trim().split_once(' ').unwrap();
    [date.to_owned(), time.to_owned()]
}

fn search(pid: u32) -> Vec<Logged> {
    let [date, time] = START.get_or_init(a_minute_ago);
    let output = Command::new("ausearch")
        .env("LC_ALL", "C")
        .args(["--input-logs", "--raw", "-ts", date, time, "-p", &pid.to_string()])
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
