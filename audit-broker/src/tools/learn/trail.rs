//! Selects the records that the broker itself has written.
//!
//! A process with `CAP_AUDIT_WRITE` can write records of any content, and docker's containers have that
//! capability by default. But the kernel adds the pid and uid of the sender. So a record counts only if
//! its sender has the broker's uid, and if a record of the broker's start shows that its pid was the
//! broker's. A process can forge both if it takes the broker's uid. It must be root in a container or on
//! the host for that.

use std::collections::HashMap;

use audit_trail::Time;

use super::record::{self, FoundRecord, Record, RecordKind};

/// All records that may be the broker's.
#[derive(Debug, Default)]
pub(super) struct Trail {
    records: Vec<Record>,
    /// The times during which each pid was the broker's.
    lifetimes: HashMap<u32, Vec<Lifetime>>,
    truncated: usize,
}

/// The time from the start of a broker to its end.
#[derive(Debug)]
struct Lifetime {
    began: Time,
    ended: Option<Time>,
}

/// The broker's own records.
#[derive(Debug)]
pub(super) struct OwnRecords {
    pub(super) records: Vec<Record>,
    /// How many other records look like the broker's.
    pub(super) foreign: usize,
    /// How many records are truncated.
    pub(super) truncated: usize,
}

/// The name of the service in the records of its start and end.
const UNIT: &str = "audit-broker";

impl Trail {
    /// Adds a record. `uid` is the broker's.
    pub(super) fn add(&mut self, record: &audit_trail::Record<'_>, uid: u32) {
        match record::find(record) {
            FoundRecord::Record(record) => self.add_record(record, uid),
            FoundRecord::Truncated => self.truncated += 1,
            FoundRecord::Other => {}
        }
    }

    fn add_record(&mut self, record: Record, uid: u32) {
        let is_service = record.sender.uid == uid && record.word("unit") == Some(UNIT);
        let lifetimes = self.lifetimes.entry(record.sender.pid);
        match record.kind {
            RecordKind::ServiceStart if is_service => {
                lifetimes.or_default().push(Lifetime { began: record.time, ended: None });
            }
            RecordKind::ServiceStop if is_service => {
                let mut open = lifetimes.or_default().iter_mut().rev();
                let last = open.find(|lifetime| lifetime.ended.is_none());
                if let Some(lifetime) = last.filter(|lifetime| lifetime.began <= record.time) {
                    lifetime.ended = Some(record.time);
                }
            }
            RecordKind::RecordedCall if record.word("virt") == Some("docker") => {
                self.records.push(record);
            }
            RecordKind::RoleChange => self.records.push(record),
            RecordKind::RecordedCall | RecordKind::ServiceStart | RecordKind::ServiceStop => {}
        }
    }

    /// The broker's own records.
    pub(super) fn own(self, uid: u32) -> OwnRecords {
        let Self { records, lifetimes, truncated } = self;
        let is_own = |record: &Record| {
            let mut lifetimes = lifetimes.get(&record.sender.pid).into_iter().flatten();
            record.sender.uid == uid && lifetimes.any(|lifetime| lifetime.contains(record.time))
        };
        let (records, others): (Vec<_>, Vec<_>) = records.into_iter().partition(is_own);
        // audit-cli also records ways to the host, so such records are not suspicious.
        let foreign =
            others.iter().filter(|record| record.kind == RecordKind::RecordedCall).count();
        OwnRecords { records, foreign, truncated }
    }
}

impl Lifetime {
    fn contains(&self, time: Time) -> bool {
        self.began <= time && self.ended.is_none_or(|ended| time <= ended)
    }
}
