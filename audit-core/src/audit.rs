//! The handle to the kernel's audit system.
//!
//! Knows how records become datagrams. Called by every program that writes the trail.

use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::netlink::{Connection, Datagram, Failure};
use crate::part;
use crate::record::Record;
use crate::record_type::RecordType;

/// How long the kernel's answer is awaited unless [`Audit::with_deadline`] says otherwise.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// Most messages in one datagram. The receive buffer holds some 256 answers, and every one of
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
    /// The record type of each message in the datagram.
    record_types: Vec<RecordType>,
    text: Vec<u8>,
}

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
            record_types: Vec::new(),
            text: Vec::new(),
        };
        Ok(Self { exchange: Mutex::new(exchange), deadline: DEFAULT_DEADLINE })
    }

    /// Sets how long the kernel's answer is awaited.
    ///
    /// The answer is normally there when the kernel has taken the record. What no deadline can
    /// shorten is the time that the kernel itself makes a sender wait when its backlog is full,
    /// at most `backlog_wait_time` (see `auditctl(8)`).
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Writes one record, in several parts if it is long.
    ///
    /// Success says that the kernel took the record. It does not say that it is stored: the kernel
    /// also takes records when audit is disabled or a filter drops them.
    ///
    /// # Errors
    /// [`Error::WritePermission`] without `CAP_AUDIT_WRITE`, [`Error::Refused`] in a user
    /// namespace, [`Error::RecordTypeRefused`], [`Error::TimedOut`], and what
    /// [`Record::texts`] says of a wrong record. [`Error::Send`], [`Error::Receive`] and
    /// [`Error::Kernel`] for anything else.
    pub fn send(&self, record: &Record<'_>) -> Result<(), Error> {
        self.send_all(std::slice::from_ref(record))
    }

    /// Writes several records in one datagram, so that no other sender's come between them.
    ///
    /// A set that is too large for the send buffer (212 kB unless the host allows more) or has
    /// more than 128 parts goes in several datagrams, in order. If one is refused, those behind
    /// it are not sent.
    ///
    /// # Errors
    /// As [`Audit::send`]. A mistake in a record is found before anything is sent.
    pub fn send_all(&self, records: &[Record<'_>]) -> Result<(), Error> {
        records.iter().try_for_each(|record| record.check().map(drop))?;
        let mut exchange = self.exchange();
        exchange.clear();
        for record in records {
            exchange.push(record, self.deadline)?;
        }
        exchange.flush(self.deadline)
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
        self.record_types.clear();
    }

    /// Appends the record's texts to the datagram, and sends it as often as it is full.
    fn push(&mut self, record: &Record<'_>, deadline: Duration) -> Result<(), Error> {
        let mut text = std::mem::take(&mut self.text);
        let mut sent = Ok(());
        let laid_out = part::for_each_text(record, &mut text, |text| {
            if sent.is_ok() {
                sent = self.push_text(record.record_type(), text, deadline);
            }
        });
        self.text = text;
        laid_out.and(sent)
    }

    fn push_text(
        &mut self,
        record_type: RecordType,
        text: &[u8],
        deadline: Duration,
    ) -> Result<(), Error> {
        let len = self.datagram.len() + Datagram::message_len(text);
        if len > self.connection.send_limit_bytes() {
            // Twice as much at once, so that a long record asks only a few times.
            self.connection.make_room(2 * len).map_err(|source| Error::Open { source })?;
        }
        let is_full =
            len > self.connection.send_limit_bytes() || self.record_types.len() >= MESSAGES_LIMIT;
        if is_full {
            self.flush(deadline)?;
        }
        self.datagram.push(record_type.number(), text);
        self.record_types.push(record_type);
        Ok(())
    }

    fn flush(&mut self, deadline: Duration) -> Result<(), Error> {
        if self.datagram.is_empty() {
            return Ok(());
        }
        let result = self.connection.exchange(&mut self.datagram, deadline);
        let result = result.map_err(|failure| self.error(failure, deadline));
        self.record_types.clear();
        result
    }

    fn error(&self, failure: Failure, deadline: Duration) -> Error {
        match failure {
            Failure::Send(source) => Error::Send { source },
            Failure::Receive(source) => Error::Receive { source },
            Failure::TimedOut => Error::TimedOut { deadline },
            Failure::Refused { index, errno } => match self.record_types.get(index as usize) {
                Some(record_type) => Error::from_record_refusal(errno, *record_type),
                None => Error::Kernel { source: io::Error::from_raw_os_error(errno) },
            },
        }
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Audit").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
