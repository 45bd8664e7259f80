//! Writing records, or knowing that they would be lost.

use std::time::Duration;

use anyhow::{Context, ensure};
use audit_core::{Audit, Auditd, Enabled, Error, EventId, Record};

use crate::report;
use crate::settings::OnFailure;

/// How long a receipt is awaited. It comes within a millisecond unless the host is very busy.
const RECEIPT_DEADLINE: Duration = Duration::from_secs(2);

/// Writes the records, all of them at once. Only root can set that a command may go unrecorded:
/// then a warning is all that is left.
///
/// # Errors
/// If a record is not written, or would not be kept.
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

/// Writes the record and waits until the kernel has written it. Gives the id of each part's event.
///
/// # Errors
/// If the record is not written, whatever the cause.
pub(crate) fn write_with_receipt(record: &Record<'_>) -> anyhow::Result<Vec<EventId>> {
    let audit = Audit::open()?;
    Ok(audit.receipts()?.send(record, RECEIPT_DEADLINE)?)
}

fn send(records: &[Record<'_>]) -> anyhow::Result<()> {
    let audit = Audit::open()?;
    check_that_records_are_kept(&audit)?;
    audit.send_all(records)?;
    Ok(())
}

/// The kernel acknowledges records also when it drops them, so it is asked first. It answers root
/// only: who is lent the capability to write records has to rely on `audit-cli doctor`.
fn check_that_records_are_kept(audit: &Audit) -> anyhow::Result<()> {
    let status = match audit.status() {
        Ok(status) => status,
        Err(Error::ControlPermission) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    ensure!(
        Auditd::default().living(status.auditd_pid).is_some(),
        "auditd does not run and nobody would store the record; start auditd"
    );
    ensure!(
        status.enabled != Enabled::Disabled,
        "auditing is disabled and the kernel would drop the record; run auditctl -e 1"
    );
    Ok(())
}
