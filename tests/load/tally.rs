//! Counts which of the numbered records arrived with their whole text.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use audit_core::{Field, Outcome, Record, RecordType};

/// The records that should arrive, and those that have arrived.
pub(crate) struct Tally {
    tag: String,
    /// How often each record was seen, by sender and number.
    seen: Vec<Vec<u8>>,
    found: usize,
    /// Lines that differ from what was sent.
    broken: usize,
}

/// A unique record.
pub(crate) fn record(tag: &str, sender: usize, number: usize) -> Record<'_> {
    Record::new(RecordType::TEST)
        .word(Field::OP, tag)
        .number(Field::OPID, sender as u64)
        .number(Field::SEQNO, number as u64)
        .untrusted(Field::CMD, "docker run -it fedora")
        .outcome(Outcome::Success)
}

impl Tally {
    pub(crate) fn new(senders: usize, numbers: usize) -> Self {
        let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let tag = format!("load-{}-{nanoseconds}", std::process::id());
        Self { tag, seen: vec![vec![0; numbers]; senders], found: 0, broken: 0 }
    }

    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    pub(crate) fn wanted(&self) -> usize {
        self.seen.len() * self.seen[0].len()
    }

    /// How many lines were found, duplicates included.
    pub(crate) fn found(&self) -> usize {
        self.found
    }

    /// Counts the record if it is one of this tally.
    pub(crate) fn count(&mut self, found: &audit_trail::Record<'_>) {
        let Some((sender, number)) = self.numbers(found) else { return };
        let text = record(&self.tag, sender, number).texts().unwrap().concat();
        if found.user_text() == Some(&text) && !found.is_truncated() {
            self.seen[sender][number] += 1;
            self.found += 1;
        } else {
            self.broken += 1;
        }
    }

    /// The sender and the number of the record, if it is one of this tally.
    fn numbers(&self, found: &audit_trail::Record<'_>) -> Option<(usize, usize)> {
        let is_of_tag = found.user("op")?.raw() == self.tag.as_bytes();
        let number = |name| found.user(name)?.number::<usize>();
        let (sender, number) = (number("opid")?, number("seqno")?);
        (is_of_tag && self.seen.get(sender)?.len() > number).then_some((sender, number))
    }

    /// Checks that every record arrived complete and once.
    pub(crate) fn assert_complete(&self) {
        self.assert_nothing_twice();
        assert_eq!(self.missing(), 0, "records are missing in the log");
        assert_eq!(self.broken, 0, "records in the log differ from what was sent");
    }

    pub(crate) fn assert_nothing_twice(&self) {
        assert_eq!(self.how_many(|times| times > 1), 0, "records are in the log twice");
    }

    pub(crate) fn missing(&self) -> usize {
        self.how_many(|times| times == 0)
    }

    /// Checks that each missing record is in the range for its sender.
    pub(crate) fn assert_missing_only(&self, numbers: &[Range<usize>]) {
        for (seen, range) in self.seen.iter().zip(numbers) {
            for (number, times) in seen.iter().enumerate() {
                assert!(
                    *times > 0 || range.contains(&number),
                    "{number} is missing and not in {range:?}"
                );
            }
        }
    }

    fn how_many(&self, is_it: impl Fn(u8) -> bool) -> usize {
        self.seen.iter().flatten().filter(|times| is_it(**times)).count()
    }
}
