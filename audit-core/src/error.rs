//! What can go wrong, and what to do about it.
//!
//! Every errno of the audit socket gets its meaning here, once.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::field::FieldProblem;
use crate::record_type::RecordType;

/// Why a record was not written, or the audit system not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no audit: not built in, switched off at boot, or the socket family is blocked.
    #[error(
        "the kernel has no audit system; boot without `audit=0`, and allow AF_NETLINK where a \
         service restricts address families"
    )]
    Unsupported {
        /// What `socket(2)` answered.
        source: io::Error,
    },
    /// The audit socket could not be opened or set up.
    #[error("cannot open the audit socket")]
    Open {
        /// What the system call answered.
        source: io::Error,
    },
    /// The sender lacks the capability to write records.
    #[error(
        "writing audit records needs CAP_AUDIT_WRITE; run it as root, or give the program the \
         capability with `setcap cap_audit_write+ep`"
    )]
    WritePermission,
    /// The sender lacks the capability to read the kernel's audit state.
    #[error(
        "reading the audit status needs CAP_AUDIT_CONTROL in the initial pid namespace; run it as \
         root on the host"
    )]
    ControlPermission,
    /// The sender is not in the initial user namespace, where the kernel takes no records.
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
    /// The kernel did not answer in time; whether it took the record is not known.
    #[error(
        "the kernel did not acknowledge the record within {} ms; look for it with ausearch",
        .deadline.as_millis()
    )]
    TimedOut {
        /// How long the answer was awaited.
        deadline: Duration,
    },
    /// The kernel answered with an error that has no meaning of its own here.
    #[error("the kernel refused the request")]
    Kernel {
        /// The errno of the answer.
        source: io::Error,
    },
    /// `sendto(2)` failed.
    #[error("cannot send to the audit socket")]
    Send {
        /// What the system call answered.
        source: io::Error,
    },
    /// `recvfrom(2)` or `poll(2)` failed.
    #[error("cannot receive from the audit socket")]
    Receive {
        /// What the system call answered.
        source: io::Error,
    },
    /// The kernel's answer could not be read.
    #[error("cannot read the kernel's answer: {description}")]
    Reply {
        /// What the decoder said.
        description: String,
    },
    /// A field cannot be part of a record.
    #[error("field `{}`: {problem}", name.escape_debug())]
    Field {
        /// The field's name as given.
        name: String,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// A record was sent before its outcome was set.
    #[error("the record has no outcome; say success or failed")]
    NoOutcome,
    /// Fields that cannot be continued in a further record fill a whole record.
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
        /// What reading answered.
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

    pub(crate) fn from_record_refusal(errno: i32, record_type: RecordType) -> Self {
        match errno {
            libc::EPERM if record_type == RecordType::USER_TTY => Self::TerminalNotAudited,
            libc::EPERM => Self::WritePermission,
            libc::ECONNREFUSED => Self::Refused,
            libc::EINVAL => Self::RecordTypeRefused { record_type },
            _ => Self::Kernel { source: io::Error::from_raw_os_error(errno) },
        }
    }

    pub(crate) fn from_control_refusal(errno: i32) -> Self {
        match errno {
            libc::EPERM => Self::ControlPermission,
            libc::ECONNREFUSED => Self::Refused,
            _ => Self::Kernel { source: io::Error::from_raw_os_error(errno) },
        }
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
}
