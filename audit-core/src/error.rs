//! The error type of this crate. Error texts say what to do.
//!
//! This file gives each errno of the audit socket its meaning.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::mem::discriminant;
use std::path::PathBuf;
use std::time::Duration;

use crate::field::FieldProblem;
use crate::identity::Auid;
use crate::record_type::RecordType;

/// Why a record was not written, or why the audit system could not be read.
#[derive(Debug, thiserror::Error)]
#[expect(clippy::error_impl_error, reason = "the crate has one error type")]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no audit system. It is not built in, it was disabled at boot, or a sandbox blocks
    /// the socket family.
    #[error(
        "the kernel has no audit system; boot without `audit=0`, and allow AF_NETLINK if the service \
         restricts address families"
    )]
    Unsupported {
        /// The error from `socket(2)`.
        source: io::Error,
    },
    /// The audit socket could not be opened or set up.
    #[error("cannot open the audit socket")]
    Open {
        /// The error from the system call.
        source: io::Error,
    },
    /// The sender lacks `CAP_AUDIT_WRITE`.
    #[error(
        "writing audit records needs CAP_AUDIT_WRITE; run it as root, or give the program the \
         capability with `setcap cap_audit_write+ep`"
    )]
    WritePermission,
    /// The sender lacks `CAP_AUDIT_CONTROL`, or is outside the initial pid namespace.
    #[error(
        "reading the audit status needs CAP_AUDIT_CONTROL in the initial pid namespace; run it as \
         root on the host"
    )]
    ControlPermission,
    /// The process lacks `CAP_AUDIT_READ`, so it cannot listen to the records that the kernel writes.
    #[error("receipts for audit records need CAP_AUDIT_READ; run it as root on the host")]
    ReadPermission,
    /// The kernel took the record but did not write it in time.
    #[error(
        "the kernel took the record but did not write it within {} ms: audit is off, a rule drops it, \
         or the rate limit is reached; see `auditctl -s` and `auditctl -l`",
        .deadline.as_millis()
    )]
    NoReceipt {
        /// How long the sender waited.
        deadline: Duration,
    },
    /// The process already has a login uid, so it cannot act for another person.
    #[error(
        "the login uid is already set to {auid}; act for others from a service that no login session \
         started"
    )]
    LoginUidSet {
        /// The login uid of the process.
        auid: Auid,
    },
    /// The kernel does not let a thread take this login uid.
    #[error("cannot take the login uid {auid}; it must be a uid of this user namespace")]
    LoginRefused {
        /// The login uid that the thread asked for.
        auid: Auid,
        /// The error from writing the login uid.
        source: io::Error,
    },
    /// The thread that writes records has ended.
    #[error("the thread that writes records has ended; start another")]
    ThreadEnded,
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Thread {
        /// The error from the system call.
        source: io::Error,
    },
    /// The sender is in a user namespace, from which the kernel takes no records.
    #[error(
        "the kernel takes no audit records from inside a user namespace; run it on the host, \
         outside containers and `unshare --user`"
    )]
    Refused,
    /// The kernel refused the record's type.
    #[error("the kernel takes no record of type {record_type}; choose another type")]
    RecordTypeRefused {
        /// The type that was refused.
        record_type: RecordType,
    },
    /// The kernel takes `USER_TTY` only from a process whose terminal is audited.
    #[error(
        "the kernel takes USER_TTY only with CAP_AUDIT_WRITE and where the terminal is audited; \
         see pam_tty_audit(8)"
    )]
    TerminalNotAudited,
    /// The kernel did not take some records of a set. It took all others.
    #[error("the kernel did not take some of the records: {}", list(causes))]
    NotTaken {
        /// The cause for each record that was not taken, by the record's index in the set.
        causes: BTreeMap<usize, Error>,
    },
    /// The kernel did not answer in time. It may or may not have taken a record.
    #[error(
        "the kernel did not answer within {} ms; search with ausearch for the record",
        .deadline.as_millis()
    )]
    TimedOut {
        /// How long the sender waited.
        deadline: Duration,
    },
    /// The kernel answered with an error that no other variant covers.
    #[error("the kernel refused the request")]
    Kernel {
        /// The error in the answer.
        source: io::Error,
    },
    /// `sendto(2)` failed.
    #[error("cannot send to the audit socket")]
    Send {
        /// The error from the system call.
        source: io::Error,
    },
    /// `recvfrom(2)` or `poll(2)` failed.
    #[error("cannot receive from the audit socket")]
    Receive {
        /// The error from the system call.
        source: io::Error,
    },
    /// The kernel's answer could not be read.
    #[error("cannot read the kernel's answer: {description}")]
    Reply {
        /// The error from the decoder.
        description: String,
    },
    /// A field cannot be part of a record.
    #[error("field `{}`: {problem}", name.escape_debug())]
    Field {
        /// The name as given.
        name: String,
        /// The mistake.
        problem: FieldProblem,
    },
    /// The record has no outcome.
    #[error("the record has no outcome; set success or failed")]
    NoOutcome,
    /// The fields that cannot continue in a further record fill a whole record.
    #[error("the fields leave no room in a record of {limit_bytes} bytes; give fewer")]
    TooManyFields {
        /// The longest text of a record, in bytes.
        limit_bytes: usize,
    },
    /// A file below `/proc` could not be read.
    #[error("cannot read `{}`", path.display())]
    Proc {
        /// The file.
        path: PathBuf,
        /// The error from reading it.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn from_socket(source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EINVAL | libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT) => {
                Self::Unsupported { source }
            }
            _ => Self::Open { source },
        }
    }

    pub(crate) fn from_join(source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EPERM) => Self::ReadPermission,
            _ => Self::Open { source },
        }
    }

    pub(crate) fn from_record_refusal(errno: i32, record_type: RecordType) -> Self {
        match errno {
            libc::EPERM if record_type == RecordType::USER_TTY => Self::TerminalNotAudited,
            libc::EPERM => Self::WritePermission,
            libc::ECONNREFUSED => Self::Refused,
            libc::EINVAL => Self::RecordTypeRefused { record_type },
            _ => Self::Kernel { source: io::Error::from_raw_os_error(errno) },
        }
    }

    /// The result for a set of `count` records, from the causes for the records that were not taken.
    ///
    /// The cause is the error itself for a set of one record, and if every record failed for the same
    /// reason that lies with the sender, such as a missing capability.
    pub(crate) fn from_causes(mut causes: BTreeMap<usize, Self>, count: usize) -> Result<(), Self> {
        let all_alike = |first: &Self| {
            let kind = discriminant(first);
            count == 1
                || (first.is_about_sender() && causes.values().all(|e| discriminant(e) == kind))
        };
        let is_one_cause = causes.len() == count && causes.values().next().is_some_and(all_alike);
        match causes.first_entry() {
            None => Ok(()),
            Some(first) if is_one_cause => Err(first.remove()),
            Some(_) => Err(Self::NotTaken { causes }),
        }
    }

    /// Whether any other record would have failed the same way.
    const fn is_about_sender(&self) -> bool {
        matches!(self, Self::WritePermission | Self::Refused | Self::Send { .. })
    }

    pub(crate) fn from_control_refusal(errno: i32) -> Self {
        match errno {
            libc::EPERM => Self::ControlPermission,
            libc::ECONNREFUSED => Self::Refused,
            _ => Self::Kernel { source: io::Error::from_raw_os_error(errno) },
        }
    }
}

/// Most causes that the text of [`Error::NotTaken`] lists.
const LISTED: usize = 3;

fn list(causes: &BTreeMap<usize, Error>) -> String {
    let mut text = String::new();
    for (position, (index, cause)) in causes.iter().take(LISTED).enumerate() {
        let separator = if position == 0 { "" } else { "; " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}record[{index}]: {cause}");
        if let Some(source) = std::error::Error::source(cause) {
            let _ = write!(text, ": {source}");
        }
    }
    match causes.len().saturating_sub(LISTED) {
        0 => text,
        more => text + &format!("; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_meaning() {
        let refusal = |errno| Error::from_record_refusal(errno, RecordType::USER_CMD);
        assert!(matches!(refusal(libc::EPERM), Error::WritePermission));
        assert!(matches!(refusal(libc::ECONNREFUSED), Error::Refused));
        assert!(matches!(refusal(libc::EINVAL), Error::RecordTypeRefused { .. }));
        assert!(matches!(refusal(libc::ENOMEM), Error::Kernel { .. }));
        assert!(matches!(Error::from_control_refusal(libc::EPERM), Error::ControlPermission));
    }

    #[test]
    fn a_missing_audit_system_is_not_a_failure_to_open() {
        for errno in [libc::EINVAL, libc::EPROTONOSUPPORT, libc::EAFNOSUPPORT] {
            let error = Error::from_socket(io::Error::from_raw_os_error(errno));
            assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        }
        let error = Error::from_socket(io::Error::from_raw_os_error(libc::EMFILE));
        assert!(matches!(error, Error::Open { .. }), "{error}");
    }

    #[test]
    fn one_cause_for_all_is_the_error_itself() {
        let outcome = |causes: Vec<(usize, Error)>, count| {
            Error::from_causes(causes.into_iter().collect(), count)
        };
        assert!(outcome(vec![], 2).is_ok());
        let denied = vec![(0, Error::WritePermission), (1, Error::WritePermission)];
        assert!(matches!(outcome(denied, 2), Err(Error::WritePermission)));
        assert!(matches!(outcome(vec![(0, Error::NoOutcome)], 1), Err(Error::NoOutcome)));
        let nameless = vec![(0, Error::NoOutcome), (1, Error::NoOutcome)];
        assert!(
            matches!(outcome(nameless, 2), Err(Error::NotTaken { causes }) if causes.len() == 2)
        );
        let differ = vec![(0, Error::WritePermission), (1, Error::Refused)];
        assert!(matches!(outcome(differ, 2), Err(Error::NotTaken { .. })));
    }

    #[test]
    fn records_that_were_not_taken_are_listed() {
        let cause = || Error::Kernel { source: io::Error::from_raw_os_error(libc::ENOMEM) };
        let causes =
            [(1, Error::NoOutcome), (3, cause()), (4, cause()), (7, cause()), (9, cause())];
        let error = Error::from_causes(causes.into_iter().collect(), 10).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(
            "the kernel did not take some of the records: record[1]: the record has no outcome"
        ));
        assert!(text.contains("record[3]: the kernel refused the request: Cannot allocate memory"));
        assert!(text.ends_with("; and 2 more"), "{text}");
    }
}
