//! The codes that functions return, and the text of the thread's last error.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::cell::RefCell;
use std::error::Error as _;
use std::ffi::{CString, c_char};

use audit_core::Error;

/// What a function returns. Every code but `AUDIT_CORE_CODE_OK`, which is 0, is an error.
/// `audit_core_error_text()` explains it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "C sees numbers, and may meet new ones")]
pub enum AuditCoreCode {
    /// Success. After `audit_core_send()`: the kernel took the record, which does not say that the
    /// record is stored.
    Ok = 0,
    /// An argument is NULL, has an impossible length, or is a name that is not UTF-8.
    Argument = 1,
    /// The kernel has no audit system.
    Unsupported = 2,
    /// Writing records needs `CAP_AUDIT_WRITE`.
    Permission = 3,
    /// The kernel takes no records from inside a user namespace, such as a rootless container.
    Refused = 4,
    /// The record type does not exist, or the kernel refused it.
    RecordType = 5,
    /// A field cannot be part of the record, or the record has no outcome.
    Record = 6,
    /// The kernel did not answer in time. It may or may not have taken the record.
    TimedOut = 7,
    /// A system call failed.
    System = 8,
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Why the calling thread's last call failed, as one line in English. Empty after a success.
///
/// Each thread has its own text. It is valid until the thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_error_text() -> *const c_char {
    LAST.try_with(|last| last.try_borrow().map(|text| text.as_ptr()).ok())
        .ok()
        .flatten()
        .unwrap_or(c"".as_ptr())
}

/// Stores the text for the calling thread, and returns the code.
pub(crate) fn answer(result: Result<(), Failure>) -> AuditCoreCode {
    let (code, text) = match result {
        Ok(()) => (AuditCoreCode::Ok, String::new()),
        Err(Failure { code, text }) => (code, text),
    };
    // While the thread ends, or without memory, the caller gets only the code.
    let _ = LAST.try_with(|last| {
        last.try_borrow_mut().map(|mut last| *last = CString::new(text).unwrap_or_default())
    });
    code
}

/// An error that C is about to receive.
#[derive(Debug)]
pub(crate) struct Failure {
    code: AuditCoreCode,
    text: String,
}

impl Failure {
    pub(crate) fn argument(text: &str) -> Self {
        Self { code: AuditCoreCode::Argument, text: text.to_owned() }
    }

    pub(crate) fn record_type(error: &audit_core::UnknownRecordType) -> Self {
        Self { code: AuditCoreCode::RecordType, text: error.to_string() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::Unsupported { .. } => AuditCoreCode::Unsupported,
            Error::WritePermission | Error::ControlPermission => AuditCoreCode::Permission,
            Error::Refused => AuditCoreCode::Refused,
            Error::RecordTypeRefused { .. } => AuditCoreCode::RecordType,
            Error::Field { .. } | Error::NoOutcome | Error::TooManyFields { .. } => {
                AuditCoreCode::Record
            }
            Error::TimedOut { .. } => AuditCoreCode::TimedOut,
            Error::Open { .. }
            | Error::ReadPermission
            | Error::NoReceipt { .. }
            | Error::LoginUidSet { .. }
            | Error::LoginRefused { .. }
            | Error::ThreadEnded
            | Error::Thread { .. }
            | Error::TerminalNotAudited
            | Error::NotTaken { .. }
            | Error::Kernel { .. }
            | Error::Send { .. }
            | Error::Receive { .. }
            | Error::Reply { .. }
            | Error::Proc { .. }
            | _ => AuditCoreCode::System,
        };
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { code, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> String {
        LAST.with(|last| last.borrow().to_str().unwrap().to_owned())
    }

    #[test]
    fn each_thread_has_its_own_text() {
        assert_eq!(answer(Err(Error::NoOutcome.into())), AuditCoreCode::Record);
        assert_eq!(last(), "the record has no outcome; set success or failed");
        std::thread::spawn(|| assert_eq!(last(), "")).join().unwrap();
        assert_eq!(answer(Ok(())), AuditCoreCode::Ok);
        assert_eq!(last(), "");
    }

    #[test]
    fn the_text_includes_the_causes() {
        let source = std::io::Error::from_raw_os_error(libc::EMFILE);
        assert_eq!(answer(Err(Error::Open { source }.into())), AuditCoreCode::System);
        assert!(last().starts_with("cannot open the audit socket: Too many open files"));
    }
}
