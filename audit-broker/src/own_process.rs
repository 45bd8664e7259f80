//! Runs a unit test in a process of its own.
//!
//! Some tests change their process for good: they give up root or confine it.

use std::env;
use std::fs;
use std::process::Command;

/// The environment variable that marks the process started for one test.
const MARK: &str = "AUDIT_BROKER_TEST_IN_OWN_PROCESS";

/// Whether the calling test runs in a process of its own. If not, this function runs the test in one
/// and fails if it fails there; the caller returns at once.
///
/// That process has its own directory for temporary files, which is removed afterwards. It has two
/// threads: the one of the test, which stands for the main thread of the program, and the one of the
/// test harness.
pub(crate) fn is_here(test: &str) -> bool {
    if env::var_os(MARK).is_some() {
        return true;
    }
    let name = test.rsplit("::").next().unwrap();
    let directory = env::temp_dir().join(format!("{name}-{}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(MARK, "1")
        .env("TMPDIR", &directory)
        .output()
        .unwrap();
    fs::remove_dir_all(&directory).unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("1 passed"), "{shown}{errors}");
    false
}

/// Whether the test runs as root; if not, prints that it is skipped.
pub(crate) fn is_root(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        println!("SKIPPED: {test} needs root");
    }
    is_root
}
