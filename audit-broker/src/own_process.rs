//! Tests that change their process for good run in one of their own.

use std::env;
use std::fs;
use std::process::Command;

/// Says to the second run of a test that it is the second.
const MARK: &str = "AUDIT_BROKER_TEST_IN_OWN_PROCESS";

/// Whether the calling test is in a process of its own. If not, it is run in one, and must pass
/// there; the caller has nothing left to do then.
///
/// Its directory for temporary files is its own too, and is removed behind it.
///
/// The test's own thread does what the program's main thread does; another thread, which belongs to
/// the test harness, is there too.
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

/// Whether the test has the rights that it needs; says so if not.
pub(crate) fn is_root(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        println!("SKIPPED: {test} needs root");
    }
    is_root
}
