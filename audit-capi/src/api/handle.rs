//! The handle to the kernel's audit system.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::mem::MaybeUninit;

use audit_core::Audit;

use crate::api::error::{AuditCoreCode, Failure, answer};
use crate::api::record::AuditCoreRecord;

/// An open handle to the kernel's audit system. Threads may share it.
#[derive(Debug)]
pub struct AuditCoreHandle {
    audit: Audit,
}

/// Opens a handle and stores it in `*handle`. Opening needs no privilege. Sending needs
/// `CAP_AUDIT_WRITE`.
///
/// After an error, `*handle` is unchanged.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_open(
    handle: Option<&mut MaybeUninit<Box<AuditCoreHandle>>>,
) -> AuditCoreCode {
    answer(open(handle))
}

fn open(handle: Option<&mut MaybeUninit<Box<AuditCoreHandle>>>) -> Result<(), Failure> {
    let handle = handle.ok_or_else(|| Failure::argument("the pointer to the handle is NULL"))?;
    handle.write(Box::new(AuditCoreHandle { audit: Audit::open()? }));
    Ok(())
}

/// Closes a handle. No thread may use the handle afterwards. Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_close(handle: Option<Box<AuditCoreHandle>>) {
    drop(handle);
}

/// Writes the record, in several parts if it is long. Adds the program and the terminal of the
/// calling thread. The record does not change and may be sent again.
///
/// `AUDIT_CORE_CODE_OK` says that the kernel took the record. It does not say that the record is
/// stored: the kernel also takes records while audit is disabled or a rule drops them.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_send(
    handle: Option<&AuditCoreHandle>,
    record: Option<&AuditCoreRecord>,
) -> AuditCoreCode {
    answer(send(handle, record))
}

fn send(handle: Option<&AuditCoreHandle>, record: Option<&AuditCoreRecord>) -> Result<(), Failure> {
    let handle = handle.ok_or_else(|| Failure::argument("the handle is NULL"))?;
    let record = record.ok_or_else(|| Failure::argument("the record is NULL"))?;
    record.with_record(|record| handle.audit.send(&record))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_an_error() {
        assert_eq!(audit_core_open(None), AuditCoreCode::Argument);
        assert_eq!(audit_core_send(None, None), AuditCoreCode::Argument);
        audit_core_close(None);
    }
}
