//! Changes auditd and the backlog limit for a while, and restores them.

use std::process::{Command, Stdio};

use audit_core::{Audit, Status};

fn shell(command: &str) {
    let status = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{command}");
}

pub(crate) fn status() -> Status {
    Audit::open().unwrap().status().unwrap()
}

/// Sets the backlog limit, and restores it when dropped.
pub(crate) struct BacklogLimit {
    original: u32,
}

impl BacklogLimit {
    pub(crate) fn set(limit: u32) -> Self {
        let original = status().backlog_limit;
        shell(&format!("auditctl -b {limit}"));
        Self { original }
    }
}

impl Drop for BacklogLimit {
    fn drop(&mut self) {
        shell(&format!("auditctl -b {}", self.original));
    }
}

/// Resets the kernel's count of lost records when dropped, if the count was 0 before: the tests lose
/// records on purpose, and the host's administrator should not see them.
pub(crate) struct LostCount {
    original: u32,
}

impl LostCount {
    pub(crate) fn now() -> Self {
        Self { original: status().lost }
    }

    /// How many records were lost since.
    pub(crate) fn since(&self) -> u32 {
        status().lost - self.original
    }
}

impl Drop for LostCount {
    fn drop(&mut self) {
        if self.original == 0 {
            shell("auditctl --reset-lost");
        }
    }
}

/// Keeps auditd in another state until it is dropped.
pub(crate) struct Auditd {
    restore: String,
}

impl Auditd {
    /// Stops auditd: it reads nothing from the kernel.
    pub(crate) fn stop() -> Self {
        let pid = Self::pid();
        shell(&format!("kill -STOP {pid}"));
        Self { restore: format!("kill -CONT {pid}") }
    }

    /// Kills auditd, so that it cannot tell the kernel. When it starts again, it enables auditing.
    pub(crate) fn kill() -> Self {
        let pid = Self::pid();
        shell(&format!("kill -KILL {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.01; done"));
        let start = "auditd -s enable || exit 1; \
            for i in $(seq 100); do auditctl -s | grep -q '^pid [1-9]' && exit; sleep 0.1; done; \
            exit 1";
        Self { restore: start.to_owned() }
    }

    fn pid() -> u32 {
        status().auditd_pid.expect("auditd does not run")
    }
}

impl Drop for Auditd {
    fn drop(&mut self) {
        shell(&self.restore);
    }
}
