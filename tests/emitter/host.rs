//! Helpers of these tests: the auditor's search, and children with fewer rights.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use audit_core::{Field, Outcome, Record, RecordType};

/// How long a record may take from the kernel to the log.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Set in a child that runs one test by itself.
const CHILD: &str = "AUDIT_CORE_TEST_CHILD";

/// A word that no other test uses.
pub(crate) fn tag() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("tag{}x{nanoseconds}x{count}", std::process::id())
}

/// A record that a search for the tag finds.
pub(crate) fn record(record_type: RecordType, tag: &str) -> Record<'_> {
    Record::new(record_type).word(Field::OP, tag).outcome(Outcome::Success)
}

/// Runs a shell command that must succeed, and returns its output.
pub(crate) fn shell(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the command when dropped, so that a failed test restores the host too.
pub(crate) struct Finally(pub(crate) String);

impl Drop for Finally {
    fn drop(&mut self) {
        let _ = Command::new("sh").args(["-c", &self.0]).stdin(Stdio::null()).status();
    }
}

/// The lines with the tag that `ausearch` finds, once there are at least `count`.
pub(crate) fn search(options: &str, tag: &str, count: usize) -> Vec<String> {
    let start = Instant::now();
    loop {
        let command = format!("ausearch --input-logs --raw -ts recent {options}");
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<_> =
            found.lines().filter(|line| line.contains(tag)).map(str::to_owned).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(start.elapsed() < ARRIVAL_TIMEOUT, "{command} finds {} of {count}", lines.len());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether this is the child that [`in_child`] started.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the test by itself in a child, started through a command such as `setpriv`.
pub(crate) fn in_child(name: &str, through: &[&str]) {
    let output = Command::new(through[0])
        .args(&through[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
}
