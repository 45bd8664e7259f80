//! Receipts: the event ids of records that the kernel wrote.
//!
//! Knows the texts that the kernel sends to listeners. The kernel acknowledges even records that it
//! drops. It sends every record that it writes to the multicast group of log readers. There a record
//! carries the id by which `ausearch -a` finds it.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::audit::{Audit, Causes, Texts};
use crate::error::Error;
use crate::netlink::{Listener, copy_error};
use crate::record::Record;
use crate::record_type::RecordType;

/// The time and the number of an event. The records of one event share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// Seconds since 1970.
    pub seconds: u64,
    /// Milliseconds of that second. The kernel's coarse clock advances in steps of 1 to 10.
    pub milliseconds: u16,
    /// The event's number since boot. `ausearch -a` searches for this part.
    pub serial: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, milliseconds, serial } = self;
        write!(formatter, "{seconds}.{milliseconds:03}:{serial}")
    }
}

/// A text is not an event id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event id is written SECONDS.MILLISECONDS:SERIAL, such as 1700000000.123:456")]
pub struct MalformedEventId;

impl FromStr for EventId {
    type Err = MalformedEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = || {
            let (time, serial) = text.split_once(':')?;
            let (seconds, milliseconds) = time.split_once('.')?;
            let id = Self {
                seconds: seconds.parse().ok()?,
                milliseconds: milliseconds.parse().ok()?,
                serial: serial.parse().ok()?,
            };
            (milliseconds.len() == 3).then_some(id)
        };
        parts().ok_or(MalformedEventId)
    }
}

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

/// What may be under way at a time, in bytes: texts, and [`COPY_OVERHEAD_BYTES`] for each. The copies
/// of these texts must fit into the listener's receive buffer with those of other senders' records.
///
/// # Source
/// The kernel may take twice as much memory for a copy. The receive buffer has 212992 bytes
/// (`net.core.rmem_default`).
const BATCH_LIMIT_BYTES: usize = 48 * 1024;

/// # Source
/// `AUDIT_BUFSIZ` in `kernel/audit.c`, the least room of a record, and `struct sk_buff`.
const COPY_OVERHEAD_BYTES: usize = 1024 + 256;

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
    /// - The type is [`USER_TTY`](RecordType::USER_TTY), whose text the kernel rewrites.
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
        let Batch { records, .. } = std::mem::take(batch);
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

/// Records whose copies together fit into the receive buffer.
#[derive(Default)]
struct Batch {
    records: Vec<Texts>,
    bytes: usize,
}

impl Batch {
    fn is_full_with(&self, texts: &Texts) -> bool {
        !self.records.is_empty() && self.bytes + cost_bytes(texts) > BATCH_LIMIT_BYTES
    }

    fn push(&mut self, texts: Texts) {
        self.bytes += cost_bytes(&texts);
        self.records.push(texts);
    }
}

fn cost_bytes(record: &Texts) -> usize {
    record.texts.iter().map(|text| text.len() + COPY_OVERHEAD_BYTES).sum()
}

/// The texts of a batch, and the receipts that have come for them.
struct Pending<'a> {
    texts: Vec<PendingText<'a>>,
    refused: Causes,
    record_count: usize,
}

struct PendingText<'a> {
    record_index: usize,
    record_type: RecordType,
    text: &'a [u8],
    id: Option<EventId>,
}

impl<'a> Pending<'a> {
    fn new(records: &'a [Texts]) -> Self {
        let texts = records.iter().enumerate().flat_map(|(record_index, record)| {
            record.texts.iter().map(move |text| PendingText {
                record_index,
                record_type: record.record_type,
                text,
                id: None,
            })
        });
        Self { texts: texts.collect(), refused: Causes::new(), record_count: records.len() }
    }

    /// The kernel did not take these records, so no copy of them is to come.
    fn forget_refused(&mut self, refused: Causes) {
        self.texts.retain(|text| !refused.contains_key(&text.record_index));
        self.refused = refused;
    }

    fn is_awaiting(&self) -> bool {
        self.texts.iter().any(|text| text.id.is_none())
    }

    /// Gives the id of a copy to the first text that it belongs to. The kernel writes in order, so
    /// of equal texts the first gets the first id.
    fn take(&mut self, message_type: u16, written: &[u8], pid: u32) {
        let awaited = self
            .texts
            .iter_mut()
            .filter(|text| text.id.is_none() && text.record_type.number() == message_type);
        for text in awaited {
            if let Some(id) = receipt(written, pid, text.text) {
                text.id = Some(id);
                return;
            }
        }
    }

    /// The answer for each record: all of its ids, or why it has none.
    fn into_answers(
        mut self,
        failure: Option<&io::Error>,
        deadline: Duration,
    ) -> Vec<Result<Vec<EventId>, Error>> {
        let mut answers: Vec<_> = (0..self.record_count)
            .map(|record_index| self.refused.remove(&record_index).map_or(Ok(Vec::new()), Err))
            .collect();
        for text in self.texts {
            let Some(answer) = answers.get_mut(text.record_index) else { continue };
            match (&mut *answer, text.id) {
                (Ok(ids), Some(id)) => ids.push(id),
                (Ok(_), None) => {
                    *answer = Err(match failure {
                        Some(error) => Error::Receive { source: copy_error(error) },
                        None => Error::NoReceipt { deadline },
                    });
                }
                (Err(_), _) => {}
            }
        }
        answers
    }
}

/// The event's id, if the copy holds this text of this process.
///
/// # Source
/// `audit_log_start` and `audit_log_common_recv_msg` in `kernel/audit.c`:
/// `audit(1700000000.123:456): pid=1 uid=0 auid=0 ses=1[ subj=LABEL] msg='TEXT'`. The kernel pads the
/// message to four bytes with leftover bytes. The length in its header may or may not include the
/// header.
pub(crate) fn receipt(written: &[u8], pid: u32, text: &[u8]) -> Option<EventId> {
    let written = written.strip_prefix(b"audit(")?;
    let id_len = written.iter().position(|byte| *byte == b')')?;
    let (id, written) = written.split_at_checked(id_len)?;
    let written = written.strip_prefix(b"): pid=")?;
    let written = written.strip_prefix(pid.to_string().as_bytes())?.strip_prefix(b" uid=")?;
    // The kernel's own fields contain no `'`, so the first one opens the text.
    let opening = written.iter().position(|byte| *byte == b'\'')?;
    let (fields, quoted) = written.split_at_checked(opening + 1)?;
    let rest = quoted.strip_prefix(text)?.strip_prefix(b"'")?;
    let is_whole = fields.ends_with(b" msg='") && rest.iter().all(|byte| *byte == 0);
    std::str::from_utf8(id).ok().filter(|_| is_whole)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &[u8] = b"audit(1700000000.023:456): pid=7 uid=0 auid=1000 ses=3 subj=a:b:c \
        msg='op=x exe=\"?\" hostname=? addr=? terminal=? res=success'\0";
    const TEXT: &[u8] = b"op=x exe=\"?\" hostname=? addr=? terminal=? res=success";

    #[test]
    fn our_own_record_has_its_id() {
        let id = receipt(WRITTEN, 7, TEXT).unwrap();
        assert_eq!(id, EventId { seconds: 1_700_000_000, milliseconds: 23, serial: 456 });
        assert_eq!(id.to_string(), "1700000000.023:456");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn records_of_other_processes_have_none() {
        assert_eq!(receipt(WRITTEN, 8, TEXT), None);
        assert_eq!(receipt(WRITTEN, 70, TEXT), None);
        assert_eq!(receipt(WRITTEN, 7, b"op=x"), None);
        assert_eq!(receipt(WRITTEN, 7, b"op=y exe=\"?\""), None);
        assert_eq!(receipt(&[WRITTEN, b"x"].concat(), 7, TEXT), None);
        for len in 0..WRITTEN.len() - 1 {
            assert_eq!(receipt(&WRITTEN[..len], 7, TEXT), None, "{len}");
        }
    }

    #[test]
    fn a_text_that_imitates_a_header_has_none() {
        let inner = b"op=x msg='op=x'";
        let written = b"audit(1.000:2): pid=7 uid=0 auid=0 ses=1 msg='op=x msg='op=x''";
        assert!(receipt(written, 7, inner).is_some());
        assert_eq!(receipt(written, 7, b"op=x'"), None);
        assert_eq!(receipt(written, 7, b"op=x"), None);
    }

    #[test]
    fn event_ids_are_parsed_strictly() {
        for text in ["", "1", "1.1:2", "1.0000:2", "1.000:", "a.000:1", ".000:1", "1.000:1 "] {
            assert_eq!(text.parse::<EventId>(), Err(MalformedEventId), "{text}");
        }
    }

    fn texts(record_type: RecordType, texts: &[&str]) -> Texts {
        Texts { record_type, texts: texts.iter().map(|text| text.as_bytes().to_vec()).collect() }
    }

    fn copy(serial: u64, text: &str) -> Vec<u8> {
        format!("audit(1.000:{serial}): pid=7 uid=0 auid=0 ses=1 msg='{text}'\0").into_bytes()
    }

    const DEADLINE: Duration = Duration::from_secs(1);

    /// The serials for each record, or the error's text.
    fn answers(pending: Pending<'_>, failure: Option<&io::Error>) -> Vec<Result<Vec<u64>, String>> {
        let answers = pending.into_answers(failure, DEADLINE);
        let serials = |ids: Vec<EventId>| ids.into_iter().map(|id| id.serial).collect();
        answers
            .into_iter()
            .map(|answer| answer.map(serials).map_err(|error| format!("{error:?}")))
            .collect()
    }

    #[test]
    fn each_record_of_a_batch_has_its_own_answer() {
        let records = [
            texts(RecordType::TEST, &["op=a", "op=b"]),
            texts(RecordType::USER_TTY, &["op=c"]),
            texts(RecordType::TEST, &["op=d"]),
            texts(RecordType::USER_CMD, &["op=e"]),
            texts(RecordType::TEST, &["op=e"]),
        ];
        let mut pending = Pending::new(&records);
        pending.forget_refused([(1, Error::TerminalNotAudited)].into());
        for (message_type, serial, text) in
            [(1120, 3, "op=a"), (1120, 4, "op=x"), (1120, 5, "op=b"), (1120, 6, "op=e")]
        {
            pending.take(message_type, &copy(serial, text), 7);
        }
        pending.take(1120, &copy(8, "op=d"), 8);
        assert!(pending.is_awaiting());
        let no_receipt = || Err(format!("{:?}", Error::NoReceipt { deadline: DEADLINE }));
        assert_eq!(
            answers(pending, None),
            [
                Ok(vec![3, 5]),
                Err("TerminalNotAudited".to_owned()),
                no_receipt(),
                no_receipt(),
                Ok(vec![6]),
            ]
        );
    }

    #[test]
    fn equal_texts_get_their_ids_in_order() {
        let records = [texts(RecordType::TEST, &["op=a"]), texts(RecordType::TEST, &["op=a"])];
        let mut pending = Pending::new(&records);
        pending.take(1120, &copy(3, "op=a"), 7);
        assert!(pending.is_awaiting());
        pending.take(1120, &copy(4, "op=a"), 7);
        assert!(!pending.is_awaiting());
        assert_eq!(answers(pending, None), [Ok(vec![3]), Ok(vec![4])]);
    }

    #[test]
    fn a_failure_to_receive_is_the_answer_for_what_is_still_awaited() {
        let records = [texts(RecordType::TEST, &["op=a"]), texts(RecordType::TEST, &["op=b"])];
        let mut pending = Pending::new(&records);
        pending.take(1120, &copy(3, "op=a"), 7);
        let failure = io::Error::from_raw_os_error(libc::ENOBUFS);
        let answers = answers(pending, Some(&failure));
        assert_eq!(answers[0], Ok(vec![3]));
        let source = io::Error::from_raw_os_error(libc::ENOBUFS);
        assert_eq!(answers[1], Err(format!("{:?}", Error::Receive { source })));
    }

    #[test]
    fn a_batch_fits_into_the_receive_buffer() {
        let short = || texts(RecordType::TEST, &["op=a"]);
        let mut batch = Batch::default();
        while !batch.is_full_with(&short()) {
            batch.push(short());
        }
        assert!((30..40).contains(&batch.records.len()), "{}", batch.records.len());
        // A record that is longer than a batch goes alone.
        let long = "x".repeat(BATCH_LIMIT_BYTES);
        assert!(!Batch::default().is_full_with(&texts(RecordType::TEST, &[&long])));
    }
}
