//! How the programs run `ausearch`, the search of the audit logs.

use std::process::{Command, Stdio};

/// What to say if [`command`] cannot be started.
pub const NOT_FOUND: &str = "cannot run ausearch; install it with auditd";

/// A command that runs `ausearch` on the audit logs and prints matching records as they were written.
///
/// Add the search terms and call `spawn` or `output`. The command finds `ausearch` in the directories of
/// the system only, and never reads standard input: without `--input-logs`, `ausearch` would read it if
/// it is not a terminal.
///
/// # Source
/// `ausearch(8)`.
#[must_use]
pub fn command() -> Command {
    let mut command = Command::new("ausearch");
    command
        .args(["--input-logs", "--raw"])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}
