//! Sends records to the kernel, and notices when the kernel would drop them.

use std::time::Duration;

use anyhow::Context;
use audit_core::{Audit, Auditd, Error, EventId, PendingStatus, Record, Status};
use audit_host::recording::{self, OnFailure};

use crate::report;

/// How long to wait for the kernel's answer: as long as the broker waits by default. The answer comes
/// within a millisecond unless the host is very busy, and a busy host is no reason to refuse a command.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to the kernel that has asked whether the kernel keeps records.
///
/// The kernel starts a thread for its answer, so audit-cli asks first and works meanwhile.
pub(crate) struct Recorder(Result<PendingStatus, Error>);

impl Recorder {
    /// Connects and asks. [`write`](Self::write) reports an error.
    pub(crate) fn begin() -> Self {
        let opened = Audit::open();
        Self(opened.map(|audit| audit.with_deadline(ANSWER_TIMEOUT).begin_status()))
    }

    /// Writes the records, all of them at once.
    ///
    /// With `on_failure = "warn"`, which only root can set, a failure is printed as a warning and is no
    /// error.
    ///
    /// # Errors
    /// If a record is not written, or the kernel would not keep it.
    pub(crate) fn write(self, records: &[Record<'_>], on_failure: OnFailure) -> anyhow::Result<()> {
        let written = self.send(records).context("it cannot be recorded");
        match (written, on_failure) {
            (Err(error), OnFailure::Warn) => {
                report::line(&error);
                Ok(())
            }
            (written, _) => written,
        }
    }

    fn send(self, records: &[Record<'_>]) -> anyhow::Result<()> {
        let (audit, status) = self.0?.finish();
        check_that_records_are_kept(status)?;
        audit.send_all(records)?;
        Ok(())
    }
}

/// Writes the records; see [`Recorder::write`].
///
/// # Errors
/// As [`Recorder::write`].
pub(crate) fn write(records: &[Record<'_>], on_failure: OnFailure) -> anyhow::Result<()> {
    Recorder::begin().write(records, on_failure)
}

/// Writes the record and waits until the kernel has written it. Returns one event id for each part
/// of the record.
///
/// # Errors
/// If the record is not written, for any reason.
pub(crate) fn write_with_receipt(record: &Record<'_>) -> anyhow::Result<Vec<EventId>> {
    let audit = Audit::open()?;
    Ok(audit.receipts()?.send(record, ANSWER_TIMEOUT)?)
}

/// The kernel acknowledges records even when it drops them, so audit-cli asks for its status first.
/// The kernel answers only root. A caller whose audit-cli has just the file capability to write
/// records must rely on `audit-cli doctor`.
fn check_that_records_are_kept(status: Result<Status, Error>) -> anyhow::Result<()> {
    let status = match status {
        Ok(status) => status,
        Err(Error::ControlPermission) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let auditd_pid = Auditd::default().living(status.auditd_pid);
    recording::check_that_records_are_kept(status.enabled, auditd_pid)
}
