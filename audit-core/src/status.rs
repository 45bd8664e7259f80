//! What the kernel says of its audit system.
//!
//! Knows the numbers that `auditctl -s` prints. Changes nothing.

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
    /// Whether records are written at all.
    pub enabled: Enabled,
    /// What the kernel does about a lost record.
    pub failure_mode: FailureMode,
    /// The process that stores records, normally auditd; `None` if there is none.
    pub auditd_pid: Option<u32>,
    /// Records for each second beyond which further ones are lost; 0 is no limit.
    pub rate_limit: u32,
    /// Records that may wait before senders have to.
    pub backlog_limit: u32,
    /// Records that wait to be stored.
    pub backlog: u32,
    /// Records lost since boot, or since `auditctl --reset-lost`.
    pub lost: u32,
    /// How long a sender waits while the backlog is full, in clock ticks of the kernel.
    pub backlog_wait_time_ticks: u32,
}

/// Whether audit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enabled {
    /// Off: the kernel takes user records, acknowledges them and drops them.
    Disabled,
    /// On.
    Enabled,
    /// On, and the configuration is locked until the next boot.
    Locked,
}

/// What the kernel does about a lost record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureMode {
    /// Nothing.
    Silent,
    /// A line in the kernel log.
    Printk,
    /// The host halts.
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
        let mut status = Err(Error::Reply { description: "no status in it".to_owned() });
        self.query(AUDIT_GET, |message_type, content| {
            if message_type != AUDIT_GET {
                return Progress::More;
            }
            status = parse(content);
            Progress::Last
        })?;
        status
    }

    /// Asks the kernel, and gives each answer's type and content to `take`.
    pub(crate) fn query(
        &self,
        request_type: u16,
        take: impl FnMut(u16, &[u8]) -> Progress,
    ) -> Result<(), Error> {
        self.with_connection(|connection, datagram, deadline| {
            datagram.reset();
            datagram.push_binary(request_type, &[]);
            connection.query(datagram, deadline, take).map_err(|failure| match failure {
                Failure::Refused { errno } => Error::from_control_refusal(errno),
                failure => failure.to_error(deadline),
            })
        })
    }
}

/// Reads the content of an answer as the message that netlink-packet-audit knows.
pub(crate) fn parse_message(message_type: u16, content: &[u8]) -> Result<AuditMessage, Error> {
    let mut header = NetlinkHeader::default();
    header.message_type = message_type;
    AuditMessage::deserialize(&header, content)
        .map_err(|error| Error::Reply { description: error.to_string() })
}

pub(crate) fn parse(content: &[u8]) -> Result<Status, Error> {
    match parse_message(AUDIT_GET, content)? {
        AuditMessage::GetStatus(Some(message)) => Ok(Status::from(message)),
        _ => Err(Error::Reply { description: "no status in it".to_owned() }),
    }
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
    fn the_kernels_answer_is_read() {
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
