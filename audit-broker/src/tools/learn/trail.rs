//! The records of the audit trail that the broker itself has written.
//!
//! Knows how they are told from those of others. Whoever has `CAP_AUDIT_WRITE`, as containers of
//! docker have by default, may write records of any content; but the kernel puts pid and uid in
//! front. So only the records of a process count that has the broker's uid and is shown, by the
//! record of its start, to be the service. A process that takes on the broker's uid and writes such
//! a record too is not told apart: it would have to be root in a container, or on the host.

use std::collections::HashMap;
use std::io::{self, BufRead};

use super::record::{self, Reading, Record, RecordKind, Time};

/// What has been read.
#[derive(Debug, Default)]
pub(super) struct Trail {
    records: Vec<Record>,
    /// The lives of each process that says that it is the service.
    lives: HashMap<u32, Vec<Life>>,
    half: usize,
}

/// From when to when a process was the service.
#[derive(Debug)]
struct Life {
    began: Time,
    ended: Option<Time>,
}

/// What is learnt from.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) records: Vec<Record>,
    /// How many look like the broker's and are not.
    pub(super) foreign: usize,
    /// How many break off.
    pub(super) half: usize,
}

/// The name of the service in the records of its start and end.
const UNIT: &str = "audit-broker";

impl Trail {
    /// Reads lines to their end; `uid` is the one that the service has.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub(super) fn add(&mut self, input: &mut dyn BufRead, uid: u32) -> io::Result<()> {
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line)? > 0 {
            match record::read(line.trim_ascii_end()) {
                Reading::Record(record) => self.add_record(record, uid),
                Reading::Half => self.half += 1,
                Reading::Other => {}
            }
            line.clear();
        }
        Ok(())
    }

    fn add_record(&mut self, record: Record, uid: u32) {
        let is_service = record.sender.uid == uid && record.word("unit") == Some(UNIT);
        let lives = self.lives.entry(record.sender.pid);
        match record.kind {
            RecordKind::ServiceStart if is_service => {
                lives.or_default().push(Life { began: record.time, ended: None });
            }
            RecordKind::ServiceStop if is_service => {
                let last = lives.or_default().iter_mut().rev().find(|life| life.ended.is_none());
                if let Some(life) = last.filter(|life| life.began <= record.time) {
                    life.ended = Some(record.time);
                }
            }
            RecordKind::RecordedCall if record.word("virt") == Some("docker") => {
                self.records.push(record);
            }
            RecordKind::RoleChange => self.records.push(record),
            _ => {}
        }
    }

    /// The broker's own.
    pub(super) fn own(self, uid: u32) -> Own {
        let Self { records, lives, half } = self;
        let is_own = |record: &Record| {
            let lives = lives.get(&record.sender.pid).into_iter().flatten();
            record.sender.uid == uid && lives.into_iter().any(|life| life.holds(record.time))
        };
        let (records, others): (Vec<_>, Vec<_>) = records.into_iter().partition(is_own);
        // The ways to the host that audit-cli records are nobody's forgery.
        let foreign =
            others.iter().filter(|record| record.kind == RecordKind::RecordedCall).count();
        Own { records, foreign, half }
    }
}

impl Life {
    fn holds(&self, time: Time) -> bool {
        self.began <= time && self.ended.is_none_or(|ended| time <= ended)
    }
}
