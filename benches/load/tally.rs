//! Counts how often each call occurs in the audit log.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use audit_trail::{Follower, configured_log};

/// How long auditd may take to write the records that the kernel has.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The log is complete if no record has arrived for this long.
const QUIET_PERIOD: Duration = Duration::from_secs(1);

/// The calls of one run. Each names a container of its own, by which the log identifies it.
pub(crate) struct Tally {
    log: Follower,
    tag: String,
    /// The number of records of each call.
    seen: Vec<u32>,
}

pub(crate) struct Records {
    pub(crate) calls: usize,
    pub(crate) found: u32,
    pub(crate) fewest: u32,
    pub(crate) most: u32,
}

impl Records {
    /// Whether every call has records, and all have the same number.
    pub(crate) fn is_complete(&self) -> bool {
        self.fewest > 0 && self.fewest == self.most
    }
}

impl Tally {
    pub(crate) fn from_now() -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let tag = format!("load-{}-{}-", std::process::id(), now.as_millis());
        let log = Follower::from_now(&configured_log()).context("cannot read the audit log")?;
        Ok(Self { log, tag, seen: Vec::new() })
    }

    /// A name that no container has and no other call uses. It ends with a dot.
    pub(crate) fn next_name(&mut self) -> String {
        let name = format!("{}{}.", self.tag, self.seen.len());
        self.seen.push(0);
        name
    }

    /// Counts the records since the last call of this function.
    pub(crate) fn read(&mut self) -> Result<()> {
        let Self { log, tag, seen } = self;
        let read = log.read(|record| {
            let line = String::from_utf8_lossy(record.line());
            let number = line.split_once(tag.as_str()).and_then(|(_, rest)| rest.split_once('.'));
            let call = number.and_then(|(number, _)| number.parse::<usize>().ok());
            if let Some(times) = call.and_then(|call| seen.get_mut(call)) {
                *times += 1;
            }
        });
        read.map(|_| ()).context("cannot read the audit log")
    }

    /// Waits until auditd has written everything, and returns the counts.
    pub(crate) fn records(&mut self) -> Result<Records> {
        let start = Instant::now();
        let mut found = 0;
        let mut changed = start;
        while changed.elapsed() < QUIET_PERIOD && start.elapsed() < TIMEOUT {
            std::thread::sleep(Duration::from_millis(20));
            self.read()?;
            let now: u32 = self.seen.iter().sum();
            if now != found {
                found = now;
                changed = Instant::now();
            }
        }
        Ok(Records {
            calls: self.seen.len(),
            found,
            fewest: self.seen.iter().min().copied().unwrap_or(0),
            most: self.seen.iter().max().copied().unwrap_or(0),
        })
    }
}
