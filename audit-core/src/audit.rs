//! The handle to the kernel's audit system.
//!
//! This file knows how records become datagrams. Every program that writes the audit trail uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::netlink::{Connection, Datagram};
use crate::part;
use crate::record::Record;
use crate::record_type::RecordType;

/// Most messages in one datagram. The kernel may refuse each of them, and the receive buffer holds
/// about 256 refusals.
///
/// # Source
/// Measured on 6.18 with the default `net.core.rmem_default` of 212992.
const MESSAGES_LIMIT: usize = 128;

/// An open handle to the kernel's audit system.
///
/// Threads may share it; one exchange with the kernel runs at a time. The kernel adds the `pid`, `uid`,
/// `auid` and session of the sending thread to each record.
///
/// # Example
/// ```no_run
/// use audit_core::{Audit, Field, Outcome, Record, RecordType, Subject};
///
/// let audit = Audit::open()?;
/// let subject = Subject::current()?;
/// let record = Record::new(RecordType::USER_CMD)
///     .untrusted(Field::CWD, "/home/dwalsh")
///     .untrusted(Field::CMD, "docker ps")
///     .subject(&subject)
///     .outcome(Outcome::Success);
/// audit.send(&record)?;
/// # Ok::<(), audit_core::Error>(())
/// ```
pub struct Audit {
    exchange: Mutex<Exchange>,
    deadline: Duration,
}

/// The socket and the buffers of an exchange with the kernel. The next exchange reuses them.
struct Exchange {
    connection: Connection,
    datagram: Datagram,
    /// The record that each message in the datagram belongs to.
    parts: Vec<Part>,
    text: Vec<u8>,
}

/// Which record of the set a message belongs to.
#[derive(Clone, Copy)]
struct Part {
    record_index: usize,
    record_type: RecordType,
}

/// The texts of a record. Unlike the record, they borrow nothing.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) record_type: RecordType,
    pub(crate) texts: Vec<Vec<u8>>,
}

impl Texts {
    pub(crate) fn of(record: &Record<'_>) -> Result<Self, Error> {
        Ok(Self { record_type: record.record_type(), texts: record.texts()? })
    }
}

/// Why the kernel did not take records of a set, by their index in the set.
pub(crate) type Causes = BTreeMap<usize, Error>;

impl Audit {
    /// How long [`Audit::status`] and other requests wait for the kernel's answer, unless
    /// [`Audit::with_deadline`] sets another time.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

    /// Opens a socket to the kernel's audit system. Opening needs no privilege; sending does.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the kernel has no audit system, [`Error::Open`] for any other cause,
    /// such as no free descriptor.
    ///
    /// # Source
    /// `audit(7)`; `audit_net_init` in `kernel/audit.c`.
    pub fn open() -> Result<Self, Error> {
        let exchange = Exchange {
            connection: Connection::open().map_err(Error::from_socket)?,
            datagram: Datagram::default(),
            parts: Vec::new(),
            text: Vec::new(),
        };
        Ok(Self { exchange: Mutex::new(exchange), deadline: Self::DEFAULT_DEADLINE })
    }

    /// Sets how long requests such as [`Audit::status`] wait for the kernel's answer.
    ///
    /// Sending a record does not wait for an answer: when `sendto(2)` returns, the kernel has taken or
    /// refused the record. While its backlog is full, the kernel blocks a sender for up to
    /// `backlog_wait_time` (see `auditctl(8)`). No deadline shortens that.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Writes one record, in several parts if it is long.
    ///
    /// Success says that the kernel took the record. It does not say that the record is stored:
    ///
    /// - The kernel also takes records while audit is disabled or a rule drops them.
    ///   [`Audit::receipts`] detects both.
    /// - Unless the host was booted with `audit=1`, the kernel drops records while auditd does not run,
    ///   or when auditd reads nothing for half a second under load. `auditd_pid` and `lost` of
    ///   [`Audit::status`] show it.
    ///
    /// Sending takes two system calls. It allocates memory only if the record is longer than all
    /// records before it, or is sent in parts.
    ///
    /// # Errors
    /// [`Error::WritePermission`] without `CAP_AUDIT_WRITE`, [`Error::Refused`] in a user
    /// namespace, [`Error::RecordTypeRefused`], and the errors of [`Record::texts`] for a wrong
    /// record. [`Error::Send`], [`Error::Receive`], [`Error::TimedOut`] and [`Error::Kernel`] for
    /// anything else. After [`Error::Receive`] and [`Error::TimedOut`] the kernel may or may not have
    /// taken the record.
    pub fn send(&self, record: &Record<'_>) -> Result<(), Error> {
        self.send_all(std::slice::from_ref(record))
    }

    /// Writes several records in one datagram, so that no other sender's records come between them.
    ///
    /// A set that does not fit into the send buffer (212 kB unless the host allows more), or has
    /// more than 128 parts, goes in several datagrams, in order. A wrong or refused record does not
    /// affect the others.
    ///
    /// # Errors
    /// [`Error::NotTaken`] lists the records that the kernel did not take, with the cause for each. It
    /// took all others. A cause that affects every record of the set, such as
    /// [`Error::WritePermission`], is returned itself, and so is the cause for a set of one record.
    /// The causes are those of [`Audit::send`].
    pub fn send_all(&self, records: &[Record<'_>]) -> Result<(), Error> {
        let mut causes = Causes::new();
        let mut exchange = self.exchange();
        exchange.clear();
        for (record_index, record) in records.iter().enumerate() {
            exchange.push(record_index, record, self.deadline, &mut causes);
        }
        exchange.flush(self.deadline, &mut causes);
        Error::from_causes(causes, records.len())
    }

    /// As [`send_all`](Self::send_all), for records that are already texts.
    pub(crate) fn send_texts(&self, records: &[Texts]) -> Result<(), Error> {
        Error::from_causes(self.send_each(records), records.len())
    }

    /// Writes the texts of records, and gives the cause for each record that was not taken.
    pub(crate) fn send_each(&self, records: &[Texts]) -> Causes {
        let mut causes = Causes::new();
        let mut exchange = self.exchange();
        exchange.clear();
        for (record_index, Texts { record_type, texts }) in records.iter().enumerate() {
            let part = Part { record_index, record_type: *record_type };
            for text in texts {
                exchange.push_text(part, text, self.deadline, &mut causes);
            }
        }
        exchange.flush(self.deadline, &mut causes);
        causes
    }

    /// Makes a request that is not a record.
    pub(crate) fn with_connection<T>(
        &self,
        request: impl FnOnce(&mut Connection, &mut Datagram, Duration) -> T,
    ) -> T {
        let mut exchange = self.exchange();
        let Exchange { connection, datagram, .. } = &mut *exchange;
        request(connection, datagram, self.deadline)
    }

    /// A poisoned lock is safe to use: a thread that panicked left no datagram half sent.
    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// Discards what an earlier call that failed may have left.
    fn clear(&mut self) {
        self.datagram.reset();
        self.parts.clear();
    }

    /// Appends the record's texts to the datagram, and sends the datagram whenever it is full.
    fn push(
        &mut self,
        record_index: usize,
        record: &Record<'_>,
        deadline: Duration,
        causes: &mut Causes,
    ) {
        let part = Part { record_index, record_type: record.record_type() };
        let mut text = std::mem::take(&mut self.text);
        let laid_out = part::for_each_text(record, &mut text, |text| {
            self.push_text(part, text, deadline, causes);
        });
        self.text = text;
        if let Err(mistake) = laid_out {
            causes.insert(record_index, mistake);
        }
    }

    fn push_text(&mut self, part: Part, text: &[u8], deadline: Duration, causes: &mut Causes) {
        let len = self.datagram.len() + Datagram::message_len(text);
        if len > self.connection.send_limit_bytes() {
            // Twice as much as needed, so that a long record asks only a few times.
            self.connection.make_room(2 * len);
        }
        if len > self.connection.send_limit_bytes() || self.parts.len() >= MESSAGES_LIMIT {
            self.flush(deadline, causes);
        }
        self.datagram.push(part.record_type.number(), text);
        self.parts.push(part);
    }

    /// Sends the datagram. If the kernel refuses one part of a record, the record counts as not taken,
    /// with the first cause.
    fn flush(&mut self, deadline: Duration, causes: &mut Causes) {
        if self.datagram.is_empty() {
            return;
        }
        let Self { connection, datagram, parts, .. } = self;
        let submitted = connection.submit(datagram, deadline, |index, errno| {
            if let Some(part) = parts.get(index as usize) {
                let cause = Error::from_record_refusal(errno, part.record_type);
                causes.entry(part.record_index).or_insert(cause);
            }
        });
        if let Err(failure) = submitted {
            for part in parts.iter() {
                let cause = || failure.to_error(deadline);
                causes.entry(part.record_index).or_insert_with(cause);
            }
        }
        parts.clear();
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Audit").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
