//! The messages between the broker and the status process, as bytes.
//!
//! A question is a sequence number. An answer is that number, the kind of the answer, and either the
//! status or the reason why there is none. Numbers are in the byte order of the host, because the
//! same program is at both ends. This file does no I/O.

use std::fmt::Display;

use audit_core::Enabled;
use audit_host::recording;

/// Longest answer, in bytes: enough for the numbers of a status, or for a sentence.
pub(crate) const ANSWER_LIMIT_BYTES: usize = 256;

const STATUS: u32 = 0;
const FAILURE: u32 = 1;

/// The part of the kernel's audit status that the broker needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) enabled: Enabled,
    /// The process that stores records, normally auditd.
    pub(crate) auditd_pid: Option<u32>,
    /// Records lost since boot, or since `auditctl --reset-lost`.
    pub(crate) lost: u32,
    /// Records that wait in the kernel for auditd.
    pub(crate) backlog: u32,
    /// The backlog at which the kernel makes senders wait.
    pub(crate) backlog_limit: u32,
}

impl Status {
    /// Checks that records which the kernel accepts are stored.
    ///
    /// # Errors
    /// If they are not. The error says what to do.
    pub(crate) fn check_that_records_are_kept(self) -> anyhow::Result<()> {
        recording::check_that_records_are_kept(self.enabled, self.auditd_pid)
    }
}

impl From<&audit_core::Status> for Status {
    fn from(status: &audit_core::Status) -> Self {
        Self {
            enabled: status.enabled,
            auditd_pid: status.auditd_pid,
            lost: status.lost,
            backlog: status.backlog,
            backlog_limit: status.backlog_limit,
        }
    }
}

/// An answer of the status process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StatusAnswer {
    Status(Status),
    /// Why there is no status, in words.
    Failure(String),
}

impl StatusAnswer {
    /// The answer for the kernel's status, or for the error of reading it.
    pub(crate) fn new(status: Result<&audit_core::Status, &dyn Display>) -> Self {
        match status {
            Ok(status) => Self::Status(status.into()),
            Err(error) => Self::Failure(error.to_string()),
        }
    }

    pub(crate) fn to_bytes(&self, sequence: u32) -> Vec<u8> {
        let mut bytes = sequence.to_ne_bytes().to_vec();
        match self {
            Self::Status(status) => {
                let enabled = match status.enabled {
                    Enabled::Disabled => 0,
                    Enabled::Enabled => 1,
                    Enabled::Locked => 2,
                };
                let Status { auditd_pid, lost, backlog, backlog_limit, .. } = *status;
                let auditd = auditd_pid.unwrap_or(0);
                for number in [STATUS, enabled, auditd, lost, backlog, backlog_limit] {
                    bytes.extend_from_slice(&number.to_ne_bytes());
                }
            }
            Self::Failure(text) => {
                bytes.extend_from_slice(&FAILURE.to_ne_bytes());
                bytes.extend_from_slice(text.as_bytes());
                bytes.truncate(ANSWER_LIMIT_BYTES);
            }
        }
        bytes
    }

    /// The sequence number of the question, and the answer; `None` if the bytes are malformed.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(u32, Self)> {
        let (sequence, rest) = number(bytes)?;
        let (kind, rest) = number(rest)?;
        let answer = match kind {
            STATUS => Self::Status(parse_status(rest)?),
            FAILURE => Self::Failure(String::from_utf8_lossy(rest).into_owned()),
            _ => return None,
        };
        Some((sequence, answer))
    }
}

fn parse_status(bytes: &[u8]) -> Option<Status> {
    let (enabled, rest) = number(bytes)?;
    let (auditd, rest) = number(rest)?;
    let (lost, rest) = number(rest)?;
    let (backlog, rest) = number(rest)?;
    let (backlog_limit, rest) = number(rest)?;
    let enabled = match enabled {
        0 => Enabled::Disabled,
        1 => Enabled::Enabled,
        2 => Enabled::Locked,
        _ => return None,
    };
    let auditd_pid = (auditd != 0).then_some(auditd);
    let status = Status { enabled, auditd_pid, lost, backlog, backlog_limit };
    rest.is_empty().then_some(status)
}

/// The first number of a message, and the rest of the message.
pub(crate) fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_ne_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPS_RECORDS: Status = Status {
        enabled: Enabled::Enabled,
        auditd_pid: Some(612),
        lost: 3,
        backlog: 5,
        backlog_limit: 8192,
    };

    #[test]
    fn an_answer_is_parsed_as_it_was_written() {
        for enabled in [Enabled::Disabled, Enabled::Enabled, Enabled::Locked] {
            for auditd_pid in [None, Some(612)] {
                let answer = StatusAnswer::Status(Status { enabled, auditd_pid, ..KEEPS_RECORDS });
                assert_eq!(StatusAnswer::parse(&answer.to_bytes(7)), Some((7, answer)));
            }
        }
        let failure = StatusAnswer::new(Err(&"no answer"));
        assert_eq!(StatusAnswer::parse(&failure.to_bytes(u32::MAX)), Some((u32::MAX, failure)));
    }

    #[test]
    fn a_long_reason_is_cut_and_malformed_answers_are_rejected() {
        let long = StatusAnswer::Failure("é".repeat(400)).to_bytes(1);
        assert_eq!(long.len(), ANSWER_LIMIT_BYTES);
        assert!(matches!(StatusAnswer::parse(&long), Some((1, StatusAnswer::Failure(_)))));
        let mut bytes = StatusAnswer::Status(KEEPS_RECORDS).to_bytes(1);
        for len in 0..bytes.len() {
            assert_eq!(StatusAnswer::parse(&bytes[..len]), None);
        }
        bytes.push(0);
        assert_eq!(StatusAnswer::parse(&bytes), None);
        assert_eq!(StatusAnswer::parse(&[2; 28]), None);
    }

    #[test]
    fn the_error_says_how_to_make_the_kernel_keep_records() {
        KEEPS_RECORDS.check_that_records_are_kept().unwrap();
        Status { enabled: Enabled::Locked, ..KEEPS_RECORDS }.check_that_records_are_kept().unwrap();
        let disabled = Status { enabled: Enabled::Disabled, ..KEEPS_RECORDS };
        let error = disabled.check_that_records_are_kept().unwrap_err().to_string();
        assert!(error.contains("auditctl -e 1"), "{error}");
        let without_auditd = Status { auditd_pid: None, ..KEEPS_RECORDS };
        let error = without_auditd.check_that_records_are_kept().unwrap_err().to_string();
        assert!(error.contains("start auditd"), "{error}");
    }
}
