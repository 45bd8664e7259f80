//! Receipts: the event ids of records that the kernel wrote.
//!
//! This file knows the texts that the kernel sends to listeners. The kernel acknowledges even records
//! that it drops. It sends every record that it writes to the multicast group of log readers. There a
//! record carries the id by which `ausearch -a` finds it.

mod batch;

use std::io;
use std::time::{Duration, Instant};

use crate::audit::{Audit, Texts};
use crate::error::Error;
use crate::event_id::EventId;
use crate::netlink::Listener;
use crate::record::Record;

#[cfg(fuzzing)]
pub(crate) use batch::receipt;
use batch::{Batch, Pending};

/// Sends records and waits until the kernel returns their event ids.
///
/// The kernel writes an `EVENT_LISTENER` record when this is opened and when it is dropped. While it
/// is open, it receives a copy of every record of the host. So it suits tests, and daemons that keep
/// it open, but not a command that runs often.
///
/// # Example
/// ```no_run
/// use std::time::Duration;
/// use audit_core::{Audit, Field, Outcome, Record, RecordType};
///
/// let audit = Audit::open()?;
/// let mut receipts = audit.receipts()?;
/// let record = Record::new(RecordType::TEST).word(Field::OP, "proof").outcome(Outcome::Success);
/// for id in receipts.send(&record, Duration::from_secs(1))? {
///     println!("ausearch -a {}", id.serial);
/// }
/// # Ok::<(), audit_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Receipts<'a> {
    audit: &'a Audit,
    listener: Listener,
}

impl Audit {
    /// Starts listening to the records that the kernel writes, to get receipts for records.
    ///
    /// # Errors
    /// [`Error::ReadPermission`] without `CAP_AUDIT_READ`, [`Error::Unsupported`] and
    /// [`Error::Open`] as [`Audit::open`].
    ///
    /// # Source
    /// `audit_multicast_bind` and `kauditd_send_multicast_skb` in `kernel/audit.c`.
    pub fn receipts(&self) -> Result<Receipts<'_>, Error> {
        Ok(Receipts { audit: self, listener: Listener::join()? })
    }
}

impl Receipts<'_> {
    /// Writes one record and returns the id of its event, or one id for each part of a long record.
    ///
    /// A receipt says that the kernel wrote the record and is about to pass it to auditd. It does not
    /// say that auditd runs, keeps up or has room: `auditd_pid` and `lost` of [`Audit::status`] show
    /// the first two.
    ///
    /// The record is recognised by its type, its text and the pid. If another thread of this process
    /// sends the same text at the same time, the two ids may be swapped.
    ///
    /// # Errors
    /// [`Error::NoReceipt`] if the kernel took the record but did not write it within the deadline:
    /// - Audit is disabled, a rule of the `exclude` or `user` list drops the record, or the rate limit
    ///   is reached.
    /// - The process is outside the initial network or pid namespace, where the kernel sends no
    ///   copies, or another pid.
    /// - The type is [`USER_TTY`](crate::RecordType::USER_TTY), whose text the kernel rewrites.
    ///
    /// [`Error::Receive`] with ENOBUFS if the host wrote more records than this process could read in
    /// that time: the record may or may not have been written. Otherwise as [`Audit::send`].
    pub fn send(&mut self, record: &Record<'_>, deadline: Duration) -> Result<Vec<EventId>, Error> {
        self.send_all(std::slice::from_ref(record), deadline)
            .pop()
            .unwrap_or(Err(Error::NoReceipt { deadline }))
    }

    /// Writes several records, then collects the receipts for all of them.
    ///
    /// The result has one entry for each record, in order, with what [`send`](Self::send) returns for
    /// it. A record that is wrong, refused or dropped does not affect the others.
    ///
    /// About 35 short records are under way at a time, so that their copies fit into the receive
    /// buffer. A larger set goes in batches. The deadline starts again with each batch, and only a
    /// batch of which the kernel drops a record uses all of it.
    ///
    /// # Example
    /// ```no_run
    /// use std::time::Duration;
    /// use audit_core::{Audit, Field, Outcome, Record, RecordType};
    ///
    /// let audit = Audit::open()?;
    /// let mut receipts = audit.receipts()?;
    /// let record = |op| Record::new(RecordType::TEST).word(Field::OP, op).outcome(Outcome::Success);
    /// let records = [record("one"), record("two")];
    /// let answers = receipts.send_all(&records, Duration::from_secs(1));
    /// for (record, answer) in records.iter().zip(answers) {
    ///     match answer {
    ///         Ok(ids) => println!("{} is in the audit trail: {ids:?}", record.record_type()),
    ///         Err(error) => println!("{} is not: {error}", record.record_type()),
    ///     }
    /// }
    /// # Ok::<(), audit_core::Error>(())
    /// ```
    #[must_use = "an entry may be an error"]
    pub fn send_all(
        &mut self,
        records: &[Record<'_>],
        deadline: Duration,
    ) -> Vec<Result<Vec<EventId>, Error>> {
        let mut answers = Vec::with_capacity(records.len());
        let mut batch = Batch::default();
        for record in records {
            match Texts::of(record) {
                Ok(texts) => {
                    if batch.is_full_with(&texts) {
                        self.send_batch(&mut batch, deadline, &mut answers);
                    }
                    batch.push(texts);
                }
                Err(mistake) => {
                    // Answers keep the order of the records.
                    self.send_batch(&mut batch, deadline, &mut answers);
                    answers.push(Err(mistake));
                }
            }
        }
        self.send_batch(&mut batch, deadline, &mut answers);
        answers
    }

    /// Sends the batch, appends the answer for each of its records and empties it.
    fn send_batch(
        &mut self,
        batch: &mut Batch,
        deadline: Duration,
        answers: &mut Vec<Result<Vec<EventId>, Error>>,
    ) {
        let records = std::mem::take(batch).into_records();
        if records.is_empty() {
            return;
        }
        // Copies that are queued already may have the same text.
        let mut pending = Pending::new(&records);
        let mut failure = self.listener.discard_queued().err();
        if failure.is_none() {
            let end = Instant::now().checked_add(deadline);
            pending.forget_refused(self.audit.send_each(&records));
            failure = self.collect(&mut pending, end).err();
        }
        answers.extend(pending.into_answers(failure.as_ref(), deadline));
    }

    /// Takes copies until each pending text has its id, or until the end.
    fn collect(&mut self, pending: &mut Pending<'_>, end: Option<Instant>) -> io::Result<()> {
        let pid = std::process::id();
        while pending.is_awaiting() {
            let Some((message_type, written)) = self.listener.next(end)? else { break };
            pending.take(message_type, written, pid);
        }
        Ok(())
    }
}
