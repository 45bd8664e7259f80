//! The records that are under way at one time, and the copies that came back for them.
//!
//! This file knows how to match a copy with the record that it belongs to. It does no I/O.

use std::io;
use std::time::Duration;

use crate::audit::{Causes, Texts};
use crate::error::Error;
use crate::event_id::EventId;
use crate::netlink::copy_error;
use crate::record_type::RecordType;

/// Size of the largest batch, in bytes: its texts, and [`COPY_OVERHEAD_BYTES`] for each of them. The copies
/// of these texts must fit into the listener's receive buffer, beside copies of other senders' records.
///
/// # Source
/// The kernel may take twice as much memory for a copy. The receive buffer has 212992 bytes
/// (`net.core.rmem_default`).
const BATCH_LIMIT_BYTES: usize = 48 * 1024;

/// Memory that the kernel needs for a copy in addition to its text, in bytes.
///
/// # Source
/// `AUDIT_BUFSIZ` in `kernel/audit.c`, the least room of a record, and `struct sk_buff`.
const COPY_OVERHEAD_BYTES: usize = 1024 + 256;

/// Records whose copies together fit into the receive buffer.
#[derive(Default)]
pub(super) struct Batch {
    records: Vec<Texts>,
    bytes: usize,
}

impl Batch {
    pub(super) fn is_full_with(&self, texts: &Texts) -> bool {
        !self.records.is_empty() && self.bytes + cost_bytes(texts) > BATCH_LIMIT_BYTES
    }

    pub(super) fn push(&mut self, texts: Texts) {
        self.bytes += cost_bytes(&texts);
        self.records.push(texts);
    }

    pub(super) fn into_records(self) -> Vec<Texts> {
        self.records
    }
}

fn cost_bytes(record: &Texts) -> usize {
    record.texts.iter().map(|text| text.len() + COPY_OVERHEAD_BYTES).sum()
}

/// The texts of a batch, and the receipts that have come for them.
pub(super) struct Pending<'a> {
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
    pub(super) fn new(records: &'a [Texts]) -> Self {
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

    /// Stops waiting for copies of these records: the kernel did not take them.
    pub(super) fn forget_refused(&mut self, refused: Causes) {
        self.texts.retain(|text| !refused.contains_key(&text.record_index));
        self.refused = refused;
    }

    pub(super) fn is_awaiting(&self) -> bool {
        self.texts.iter().any(|text| text.id.is_none())
    }

    /// Gives the id of a copy to the first text that it belongs to. The kernel writes in order, so
    /// of equal texts the first gets the first id.
    pub(super) fn take(&mut self, message_type: u16, written: &[u8], pid: u32) {
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
    pub(super) fn into_answers(
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
