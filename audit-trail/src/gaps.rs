//! Finds serial numbers that no record has.

use std::collections::VecDeque;

use crate::record::Record;
use crate::record_type::RecordType;
use crate::time::Time;

/// Serial numbers without a record, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// The host, if the log names it.
    pub node: Option<Vec<u8>>,
    /// The first missing number.
    pub first: u64,
    /// The last missing number.
    pub last: u64,
    /// The time of the record before the gap.
    pub before: Time,
    /// The time of the record after the gap.
    pub after: Time,
}

impl Gap {
    /// How many numbers are missing.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.last - self.first + 1
    }

    /// A gap is never empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// Finds the serial numbers that no record has, for each host.
///
/// The kernel numbers the events since boot, and gives a number only to an event of which it writes a
/// record. So a missing number is a lost event: auditd did not run, the kernel dropped the record, or
/// root removed it from the log. Records may come out of order. A number that is much lower than the
/// last one begins a new boot.
///
/// This holds for whole logs only. In the output of a search, most numbers are missing.
///
/// # Source
/// `audit_log_start` in `kernel/audit.c`: filters are asked before the number is taken.
#[derive(Debug, Default)]
pub struct Gaps {
    hosts: Vec<Host>,
    /// The host of the last record.
    last: usize,
    /// Numbers in gaps that are not listed, because there are too many gaps.
    pub unlisted: u64,
}

#[derive(Debug)]
struct Host {
    node: Option<Vec<u8>>,
    newest: u64,
    time: Time,
    gaps: VecDeque<Gap>,
    /// Gaps of earlier boots.
    settled: Vec<Gap>,
}

/// Most gaps that are listed for each host.
const GAP_LIMIT: usize = 10_000;

/// How far a record may come after younger ones. A lower number begins a new boot.
const REORDER_LIMIT: u64 = 100_000;

/// Most hosts that are told apart. Records of more hosts are not checked.
const HOST_LIMIT: usize = 10_000;

impl Gaps {
    /// No record yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes the serial number of a record.
    pub fn add(&mut self, record: &Record<'_>) {
        if record.record_type().is_of_auditd() {
            return;
        }
        let node = record.node();
        let is_last = |host: &Host| host.node.as_deref() == node;
        if !self.hosts.get(self.last).is_some_and(is_last) {
            match self.hosts.iter().position(is_last) {
                Some(index) => self.last = index,
                None if self.hosts.len() < HOST_LIMIT => {
                    self.last = self.hosts.len();
                    self.hosts.push(Host::new(record));
                    return;
                }
                None => return,
            }
        }
        if let Some(host) = self.hosts.get_mut(self.last) {
            self.unlisted += host.add(record);
        }
    }

    /// The gaps of all hosts. Those of one host are in the order of the log.
    #[must_use]
    pub fn into_gaps(self) -> Vec<Gap> {
        let hosts = self.hosts.into_iter();
        hosts.flat_map(|host| host.settled.into_iter().chain(host.gaps)).collect()
    }
}

impl Host {
    fn new(record: &Record<'_>) -> Self {
        Self {
            node: record.node().map(<[u8]>::to_vec),
            newest: record.stamp().serial,
            time: record.stamp().time,
            gaps: VecDeque::new(),
            settled: Vec::new(),
        }
    }

    /// Returns how many missing numbers could not be listed.
    fn add(&mut self, record: &Record<'_>) -> u64 {
        let stamp = record.stamp();
        if stamp.serial.saturating_add(REORDER_LIMIT) < self.newest && stamp.time >= self.time
            || record.record_type() == RecordType::SYSTEM_BOOT && stamp.serial < self.newest
        {
            self.settled.extend(self.gaps.drain(..));
            (self.newest, self.time) = (stamp.serial, stamp.time);
            return 0;
        }
        let mut unlisted = 0;
        if stamp.serial > self.newest {
            let (first, last) = (self.newest.saturating_add(1), stamp.serial - 1);
            if first <= last && self.settled.len() + self.gaps.len() < GAP_LIMIT {
                let (before, after) = (self.time, stamp.time);
                self.gaps.push_back(Gap { node: self.node.clone(), first, last, before, after });
            } else if first <= last {
                unlisted = last - first + 1;
            }
            self.newest = stamp.serial;
        } else if stamp.serial < self.newest {
            self.fill(stamp.serial);
        }
        self.time = self.time.max(stamp.time);
        unlisted
    }

    /// Removes a number from the gap that has it.
    fn fill(&mut self, serial: u64) {
        let index = self.gaps.partition_point(|gap| gap.last < serial);
        let Some(gap) = self.gaps.get_mut(index).filter(|gap| gap.first <= serial) else { return };
        if gap.first == gap.last {
            self.gaps.remove(index);
        } else if gap.first == serial {
            gap.first += 1;
        } else if gap.last == serial {
            gap.last -= 1;
        } else {
            let after = Gap { first: serial + 1, ..gap.clone() };
            gap.last = serial - 1;
            self.gaps.insert(index + 1, after);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn gaps(lines: &[(&str, u64, u64)]) -> Vec<(Option<Vec<u8>>, u64, u64)> {
        let mut gaps = Gaps::new();
        for (prefix, second, serial) in lines {
            let line = format!("{prefix} msg=audit({second}.000:{serial}): a=b");
            gaps.add(&Record::parse(line.as_bytes()).unwrap());
        }
        gaps.into_gaps().into_iter().map(|gap| (gap.node, gap.first, gap.last)).collect()
    }

    #[test]
    fn missing_numbers_are_found_and_late_records_fill_them() {
        let kind = "type=USER_CMD";
        assert_eq!(gaps(&[(kind, 1, 5), (kind, 1, 6), (kind, 1, 9)]), [(None, 7, 8)]);
        let late = [(kind, 1, 5), (kind, 2, 9), (kind, 1, 7), (kind, 1, 6), (kind, 1, 8)];
        assert_eq!(gaps(&late), []);
        assert_eq!(gaps(&late[..3]), [(None, 6, 6), (None, 8, 8)]);
    }

    #[test]
    fn hosts_and_auditd_count_for_themselves() {
        let (a, b) = ("node=a type=LOGIN", "node=b type=LOGIN");
        let lines =
            [(a, 1, 5), (b, 1, 90), ("node=a type=DAEMON_START", 1, 800), (a, 1, 6), (b, 1, 92)];
        assert_eq!(gaps(&lines), [(Some(b"b".to_vec()), 91, 91)]);
    }

    #[test]
    fn a_new_boot_is_no_gap() {
        let kind = "type=LOGIN";
        assert_eq!(gaps(&[(kind, 1, 900_000), (kind, 2, 3), (kind, 2, 4)]), []);
        let boot = "type=SYSTEM_BOOT";
        assert_eq!(
            gaps(&[(kind, 1, 50), (kind, 1, 52), (boot, 2, 3), (kind, 2, 5)]),
            [(None, 51, 51), (None, 4, 4),]
        );
    }

    proptest! {
        #[test]
        fn the_missing_numbers_are_those_that_no_record_has(
            mut serials in prop::collection::vec(100_u64..160, 1..40),
        ) {
            // The first record begins the log.
            serials.insert(0, 100);
            let lines: Vec<_> = serials.iter().map(|serial| ("type=LOGIN", 1, *serial)).collect();
            let missing: BTreeSet<u64> =
                gaps(&lines).into_iter().flat_map(|(_, first, last)| first..=last).collect();
            let newest = serials.iter().copied().max().unwrap();
            let expected = (100..newest).filter(|serial| !serials.contains(serial));
            prop_assert_eq!(missing, expected.collect());
        }
    }
}
