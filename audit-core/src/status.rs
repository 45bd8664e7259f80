//! The state of the kernel's audit system.
//!
//! This file knows the numbers that `auditctl -s` prints. It changes nothing.

use std::time::Duration;

use netlink_packet_audit::{AuditMessage, StatusMessage};
use netlink_packet_core::{NetlinkDeserializable, NetlinkHeader};

use crate::audit::Audit;
use crate::error::Error;
use crate::netlink::{Failure, Progress};

/// The kernel's audit state, as `auditctl -s` prints it.
///
/// # Source
/// `struct audit_status` in `include/uapi/linux/audit.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether the kernel writes records at all.
    pub enabled: Enabled,
    /// What the kernel does when it loses a record.
    pub failure_mode: FailureMode,
    /// The pid of the process that stores records, normally auditd; `None` without such a process.
    pub auditd_pid: Option<u32>,
    /// Most records per second; the kernel loses further ones. 0 means no limit.
    pub rate_limit: u32,
    /// How many records may wait to be stored before the kernel makes senders wait.
    pub backlog_limit: u32,
    /// How many records wait to be stored.
    pub backlog: u32,
    /// How many records the kernel lost since boot, or since `auditctl --reset-lost`.
    pub lost: u32,
    /// How long the kernel makes a sender wait while the backlog is full, in clock ticks of the kernel.
    pub backlog_wait_time_ticks: u32,
}

/// Whether audit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the kernel knows these three states")]
pub enum Enabled {
    /// Off: the kernel acknowledges the records of programs, then drops them.
    Disabled,
    /// On.
    Enabled,
    /// On, and the configuration cannot change until the next boot.
    Locked,
}

/// What the kernel does when it loses a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the kernel knows these three modes")]
pub enum FailureMode {
    /// Nothing.
    Silent,
    /// It writes a line to the kernel log.
    Printk,
    /// It halts the host.
    Panic,
}

/// Message type of the request and of its answer.
///
/// # Source
/// `AUDIT_GET` in `include/uapi/linux/audit.h`.
const AUDIT_GET: u16 = 1000;

impl Audit {
    /// Reads the kernel's audit state.
    ///
    /// # Errors
    /// [`Error::ControlPermission`] without `CAP_AUDIT_CONTROL` in the initial pid namespace,
    /// [`Error::Refused`] in a user namespace, [`Error::TimedOut`], and [`Error::Reply`] for an
    /// answer that cannot be read.
    pub fn status(&self) -> Result<Status, Error> {
        let mut status = no_status();
        self.query(AUDIT_GET, |message_type, content| {
            take_status(message_type, content, &mut status)
        })?;
        status
    }

    /// Sends a request for the kernel's audit state, so that the program can work until the answer is
    /// there. The kernel starts a thread for each answer, which takes longer than most other requests.
    ///
    /// [`PendingStatus::finish`] returns this handle: until then, it must not read another answer.
    #[must_use]
    pub fn begin_status(self) -> PendingStatus {
        let sent = self.with_connection(|connection, datagram, deadline| {
            datagram.reset();
            datagram.push_binary(AUDIT_GET, &[]);
            connection.request(datagram).map_err(|failure| failure.to_error(deadline))
        });
        PendingStatus { audit: self, sent }
    }

    /// Sends a request to the kernel, and passes the type and content of each answer to `take`.
    pub(crate) fn query(
        &self,
        request_type: u16,
        take: impl FnMut(u16, &[u8]) -> Progress,
    ) -> Result<(), Error> {
        self.with_connection(|connection, datagram, deadline| {
            datagram.reset();
            datagram.push_binary(request_type, &[]);
            connection
                .query(datagram, deadline, take)
                .map_err(|failure| explain(&failure, deadline))
        })
    }
}

/// A request for the kernel's audit state whose answer has not been read.
#[derive(Debug)]
pub struct PendingStatus {
    audit: Audit,
    /// Whether the request has reached the kernel.
    sent: Result<(), Error>,
}

impl PendingStatus {
    /// Waits for the answer, and returns the handle for other requests.
    ///
    /// # Errors
    /// The second value has those of [`Audit::status`].
    pub fn finish(self) -> (Audit, Result<Status, Error>) {
        let Self { audit, sent } = self;
        let status = sent.and_then(|()| {
            let mut status = no_status();
            audit.with_connection(|connection, datagram, deadline| {
                let take =
                    |message_type, content: &[u8]| take_status(message_type, content, &mut status);
                let answered = connection.answers(datagram, deadline, take);
                answered.map_err(|failure| explain(&failure, deadline))
            })?;
            status
        });
        (audit, status)
    }
}

/// The status, until an answer has it.
fn no_status() -> Result<Status, Error> {
    Err(Error::Reply { description: "it has no status".to_owned() })
}

fn take_status(message_type: u16, content: &[u8], status: &mut Result<Status, Error>) -> Progress {
    if message_type != AUDIT_GET {
        return Progress::More;
    }
    *status = parse(content);
    Progress::Last
}

fn explain(failure: &Failure, deadline: Duration) -> Error {
    match failure {
        Failure::Refused { errno } => Error::from_control_refusal(*errno),
        Failure::Send(_) | Failure::Receive(_) | Failure::TimedOut => failure.to_error(deadline),
    }
}

/// Decodes the content of an answer with netlink-packet-audit.
pub(crate) fn parse_message(message_type: u16, content: &[u8]) -> Result<AuditMessage, Error> {
    let mut header = NetlinkHeader::default();
    header.message_type = message_type;
    AuditMessage::deserialize(&header, content)
        .map_err(|error| Error::Reply { description: error.to_string() })
}

pub(crate) fn parse(content: &[u8]) -> Result<Status, Error> {
    let AuditMessage::GetStatus(Some(message)) = parse_message(AUDIT_GET, content)? else {
        return Err(Error::Reply { description: "it has no status".to_owned() });
    };
    Ok(Status::from(message))
}

impl From<StatusMessage> for Status {
    fn from(message: StatusMessage) -> Self {
        Self {
            enabled: match message.enabled {
                0 => Enabled::Disabled,
                1 => Enabled::Enabled,
                _ => Enabled::Locked,
            },
            failure_mode: match message.failure {
                0 => FailureMode::Silent,
                1 => FailureMode::Printk,
                _ => FailureMode::Panic,
            },
            auditd_pid: (message.pid != 0).then_some(message.pid),
            rate_limit: message.rate_limiting,
            backlog_limit: message.backlog_limit,
            backlog: message.backlog,
            lost: message.lost,
            backlog_wait_time_ticks: message.backlog_wait_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_answer_is_decoded() {
        // mask, enabled, failure, pid, rate limit, backlog limit, lost, backlog, features, wait
        // time, actual wait time: the 44 bytes of kernel 6.18.
        let numbers: [u32; 11] = [0, 2, 1, 612, 100, 64, 3, 5, 0x7F, 15000, 0];
        let content: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        let status = parse(&content).unwrap();
        let expected = Status {
            enabled: Enabled::Locked,
            failure_mode: FailureMode::Printk,
            auditd_pid: Some(612),
            rate_limit: 100,
            backlog_limit: 64,
            backlog: 5,
            lost: 3,
            backlog_wait_time_ticks: 15000,
        };
        assert_eq!(status, expected);
    }

    #[test]
    fn a_short_answer_is_an_error() {
        assert!(matches!(parse(&[0; 20]), Err(Error::Reply { .. })));
        assert!(matches!(parse(&[]), Err(Error::Reply { .. })));
    }
}
