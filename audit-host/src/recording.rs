//! Whether the kernel keeps audit records, and what to do with a call that cannot be recorded.
//!
//! This file must not know how a program asks the kernel: the wrapper asks itself, and the broker asks
//! through a process of its own.

use anyhow::ensure;
use audit_core::Enabled;
use serde::Deserialize;

/// The setting `on_failure`: what to do with a call that cannot be recorded. Only root can set it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "each program must handle every value")]
pub enum OnFailure {
    /// Refuse the call.
    Refuse,
    /// Print or log a warning, and let the call pass.
    Warn,
}

/// Checks that a record which the kernel accepts is stored. The kernel acknowledges records even when
/// it drops them, so a program must ask for the kernel's audit status first.
///
/// `auditd_pid` is the process that stores records; `None` if none does, or if it has ended.
///
/// # Errors
/// If records are not stored, with the remedy.
///
/// # Source
/// `audit_log_start` and `audit_receive_msg` in `kernel/audit.c` of Linux.
pub fn check_that_records_are_kept(
    enabled: Enabled,
    auditd_pid: Option<u32>,
) -> anyhow::Result<()> {
    ensure!(
        auditd_pid.is_some(),
        "auditd does not run, so nothing would store the record; start auditd"
    );
    ensure!(
        enabled != Enabled::Disabled,
        "auditing is disabled, so the kernel would drop the record; run auditctl -e 1"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_why_records_are_lost_has_its_remedy() {
        check_that_records_are_kept(Enabled::Enabled, Some(612)).unwrap();
        check_that_records_are_kept(Enabled::Locked, Some(612)).unwrap();
        for (enabled, auditd_pid, remedy) in [
            (Enabled::Disabled, Some(612), "auditctl -e 1"),
            (Enabled::Enabled, None, "start auditd"),
            (Enabled::Disabled, None, "start auditd"),
        ] {
            let error = check_that_records_are_kept(enabled, auditd_pid).unwrap_err().to_string();
            assert!(error.contains(remedy), "{error}");
        }
    }
}
