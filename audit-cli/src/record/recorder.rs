//! Sends records to the kernel, and notices when the kernel would drop them.

use std::time::Duration;

use anyhow::Context;
use audit_core::{Audit, Auditd, Error, EventId, Record};
use audit_host::recording::{self, OnFailure};

use crate::report;

/// How long to wait for a receipt. It comes within a millisecond unless the host is very busy.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(2);

/// Writes the records, all of them at once.
///
/// With `on_failure = "warn"`, which only root can set, a failure is printed as a warning and is no
/// error.
///
/// # Errors
/// If a record is not written, or the kernel would not keep it.
pub(crate) fn write(records: &[Record<'_>], on_failure: OnFailure) -> anyhow::Result<()> {
    let written = send(records).context("it cannot be recorded");
    match (written, on_failure) {
        (Err(error), OnFailure::Warn) => {
            report::line(&error);
            Ok(())
        }
        (written, _) => written,
    }
}

/// Writes the record and waits until the kernel has written it. Returns one event id for each part
/// of the record.
///
/// # Errors
/// If the record is not written, for any reason.
pub(crate) fn write_with_receipt(record: &Record<'_>) -> anyhow::Result<Vec<EventId>> {
    let audit = Audit::open()?;
    Ok(audit.receipts()?.send(record, RECEIPT_TIMEOUT)?)
}

fn send(records: &[Record<'_>]) -> anyhow::Result<()> {
    let audit = Audit::open()?;
    ask_whether_records_are_kept(&audit)?;
    audit.send_all(records)?;
    Ok(())
}

/// The kernel acknowledges records even when it drops them, so audit-cli asks for its status first.
/// The kernel answers only root. A caller whose audit-cli has just the file capability to write
/// records must rely on `audit-cli doctor`.
fn ask_whether_records_are_kept(audit: &Audit) -> anyhow::Result<()> {
    let status = match audit.status() {
        Ok(status) => status,
        Err(Error::ControlPermission) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let auditd_pid = Auditd::default().living(status.auditd_pid);
    recording::check_that_records_are_kept(status.enabled, auditd_pid)
}
