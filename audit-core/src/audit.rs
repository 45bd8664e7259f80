//! The handle to the kernel's audit system.
//!
//! Knows how records become datagrams. Called by every program that writes the trail.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::netlink::{Connection, Datagram};
use crate::part;
use crate::record::Record;
use crate::record_type::RecordType;

/// How long the kernel's answer is awaited unless [`Audit::with_deadline`] says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// Most messages in one datagram. The receive buffer holds some 256 refusals, and every one of
/// the messages may be refused.
///
/// # Source
/// Measured on 6.18 with the default `net.core.rmem_default` of 212992.
const MESSAGES_LIMIT: usize = 128;

/// An open handle to the kernel's audit system.
///
/// It may be shared between threads; each exchange with the kernel has it for itself. The kernel
/// notes the `pid`, `uid`, `auid` and session of the thread that sends.
///
/// # Example
/// ```no_run
/// use audit_core::{Audit, Outcome, Record, RecordType, Subject};
///
/// let audit = Audit::open()?;
/// let subject = Subject::current()?;
/// let record = Record::new(RecordType::USER_CMD)
///     .untrusted("cwd", "/home/dwalsh")
///     .untrusted("cmd", "docker ps")
///     .subject(&subject)
///     .outcome(Outcome::Success);
/// audit.send(&record)?;
/// # Ok::<(), audit_core::Error>(())
/// ```
pub struct Audit {
    exchange: Mutex<Exchange>,
    deadline: Duration,
}

/// What one exchange with the kernel uses, kept for the next one.
struct Exchange {
    connection: Connection,
    datagram: Datagram,
    /// What each message in the datagram is part of.
    parts: Vec<Part>,
    text: Vec<u8>,
}

/// A message as part of a record of the set.
#[derive(Clone, Copy)]
struct Part {
    record_index: usize,
    record_type: RecordType,
}

/// A record that is laid out already, and so outlives what it borrowed.
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

/// Why records of a set were not taken, by their index in the set.
type Causes = BTreeMap<usize, Error>;

impl Audit {
    /// Opens a socket to the kernel's audit system. This needs no privilege; sending does.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the kernel has no audit, [`Error::Open`] for any other cause,
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
        Ok(Self { exchange: Mutex::new(exchange), deadline: DEFAULT_DEADLINE })
    }

    /// Sets how long an answer to a request such as [`Audit::status`] is awaited.
    ///
    /// A record needs no such time: the kernel has taken or refused it when `sendto(2)` returns.
    /// What no deadline can shorten is the time that the kernel itself makes a sender wait when its
    /// backlog is full, at most `backlog_wait_time` (see `auditctl(8)`).
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Writes one record, in several parts if it is long.
    ///
    /// Success says that the kernel took the record. It does not say that it is stored: the kernel
    /// also takes records when audit is disabled or a filter drops them; [`Audit::receipts`] tells.
    /// It drops them too where auditd does not run, or takes nothing for half a second under load,
    /// unless the host was booted with `audit=1`; `auditd_pid` and `lost` of [`Audit::status`]
    /// tell.
    ///
    /// Two system calls; no memory is allocated unless the record is longer than any before it or
    /// is sent in parts.
    ///
    /// # Errors
    /// [`Error::WritePermission`] without `CAP_AUDIT_WRITE`, [`Error::Refused`] in a user
    /// namespace, [`Error::RecordTypeRefused`], and what [`Record::texts`] says of a wrong record.
    /// [`Error::Send`], [`Error::Receive`], [`Error::TimedOut`] and [`Error::Kernel`] for anything
    /// else; after [`Error::Receive`] and [`Error::TimedOut`] it is not known whether the kernel
    /// took the record.
    pub fn send(&self, record: &Record<'_>) -> Result<(), Error> {
        self.send_all(std::slice::from_ref(record))
    }

    /// Writes several records in one datagram, so that no other sender's come between them.
    ///
    /// A set that is too large for the send buffer (212 kB unless the host allows more) or has
    /// more than 128 parts goes in several datagrams, in order. Each record stands for itself: one
    /// that is wrong or refused does not keep the others back.
    ///
    /// # Errors
    /// [`Error::NotTaken`] names each record that was not taken and why; the others were. A cause
    /// that no record of the set escapes, such as [`Error::WritePermission`], is the error itself,
    /// and so is the cause of a set of one. The causes are those of [`Audit::send`].
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

    /// Writes the texts that records gave.
    pub(crate) fn send_texts(&self, records: &[Texts]) -> Result<(), Error> {
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
        Error::from_causes(causes, records.len())
    }

    /// The connection, for requests that are not records.
    pub(crate) fn with_connection<T>(
        &self,
        request: impl FnOnce(&mut Connection, &mut Datagram, Duration) -> T,
    ) -> T {
        let mut exchange = self.exchange();
        let Exchange { connection, datagram, .. } = &mut *exchange;
        request(connection, datagram, self.deadline)
    }

    /// A thread that panicked in here left nothing half-sent: datagrams go whole.
    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange {
    /// Drops what an earlier call that failed may have left.
    fn clear(&mut self) {
        self.datagram.reset();
        self.parts.clear();
    }

    /// Appends the record's texts to the datagram, and sends it as often as it is full.
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
            // Twice as much at once, so that a long record asks only a few times.
            self.connection.make_room(2 * len);
        }
        if len > self.connection.send_limit_bytes() || self.parts.len() >= MESSAGES_LIMIT {
            self.flush(deadline, causes);
        }
        self.datagram.push(part.record_type.number(), text);
        self.parts.push(part);
    }

    /// Sends the datagram. A record of which one part is refused is not taken; the first cause
    /// counts.
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
