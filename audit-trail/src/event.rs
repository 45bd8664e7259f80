//! Groups records into events.

use crate::record::Record;
use crate::time::{Stamp, Time};

/// The records of one event: they have the same host, time and serial number.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    first: Record<'a>,
    /// The lines of the other records, each with its newline.
    rest: &'a [u8],
}

/// Groups records into events, also if the records of several events are mixed.
///
/// An event ends with its last record (`EOE` or `PROCTITLE`), at once if records of its type are whole
/// events, or when a record of the same host is more than two seconds younger. An event is passed on when
/// it ends, so a later one may come first. A record that comes after the end of its event is an event of
/// its own.
///
/// Whole events are not copied. The other records are held until their event ends: at most 8 MiB and
/// 1024 events. Beyond that, the oldest events end early.
///
/// # Source
/// `src/ausearch-lol.c` of audit-userspace 3.0.9, and `end_of_event_timeout` in `auditd.conf(5)` for the
/// two seconds.
///
/// # Example
/// ```
/// use audit_trail::{Events, Record};
///
/// let lines = [
///     "type=SYSCALL msg=audit(1.000:7): pid=1 auid=1001",
///     "type=USER msg=audit(1.000:8): pid=2 msg='op=x res=success'",
///     "type=PROCTITLE msg=audit(1.000:7): proctitle=\"sh\"",
/// ];
/// let mut found = Vec::new();
/// let mut events = Events::new();
/// for line in lines {
///     let record = Record::parse(line.as_bytes())?;
///     events.add(&record, |event| found.push((event.stamp().serial, event.records().count())));
/// }
/// events.finish(|_| unreachable!());
/// assert_eq!(found, [(8, 1), (7, 2)]);
/// # Ok::<(), audit_trail::Malformed>(())
/// ```
#[derive(Debug, Default)]
pub struct Events {
    open: Vec<OpenEvent>,
    held_bytes: usize,
    /// Buffers of ended events, for the next ones.
    spare: Vec<Vec<u8>>,
    /// No open event can end by time before this time.
    next_expiry: Time,
}

#[derive(Debug)]
struct OpenEvent {
    stamp: Stamp,
    node_len: usize,
    /// The lines, each with its newline. The first begins with `node=` if the log names hosts.
    lines: Vec<u8>,
}

/// How much younger another record must be so that an event ends.
const TIMEOUT_MILLIS: u64 = 2000;

const OPEN_LIMIT: usize = 1024;

const HELD_LIMIT_BYTES: usize = 8 << 20;

/// Buffers that are kept for the next events.
const SPARE_LIMIT: usize = 16;

impl<'a> Event<'a> {
    /// The event of one record.
    #[must_use]
    pub const fn of(record: Record<'a>) -> Self {
        Self { first: record, rest: b"" }
    }

    /// The first record.
    #[must_use]
    pub const fn first(&self) -> &Record<'a> {
        &self.first
    }

    /// All records, in the order of the log.
    pub fn records(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let others =
            self.rest.split(|byte| *byte == b'\n').filter_map(|line| Record::parse(line).ok());
        std::iter::once(self.first).chain(others)
    }

    /// Time and serial number.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.first.stamp()
    }

    /// The host, if the log names it.
    #[must_use]
    pub const fn node(&self) -> Option<&'a [u8]> {
        self.first.node()
    }
}

impl Events {
    /// No event yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record and passes on each event that ends.
    pub fn add(&mut self, record: &Record<'_>, mut ended: impl FnMut(&Event<'_>)) {
        let stamp = record.stamp();
        if !self.open.is_empty() && stamp.time >= self.next_expiry {
            self.end_old(record, &mut ended);
        }
        if record.record_type().is_whole_event() {
            ended(&Event::of(*record));
            return;
        }
        let node = record.node().unwrap_or_default();
        let is_it = |event: &OpenEvent| event.stamp == stamp && event.node() == node;
        let index = self.open.iter().rposition(is_it).unwrap_or_else(|| {
            let lines = self.spare.pop().unwrap_or_default();
            self.open.push(OpenEvent { stamp, node_len: node.len(), lines });
            self.open.len() - 1
        });
        if let Some(event) = self.open.get_mut(index) {
            event.lines.extend_from_slice(record.line());
            event.lines.push(b'\n');
            self.held_bytes += record.line().len() + 1;
        }
        if self.open.len() == 1 {
            self.next_expiry = expiry(stamp);
        }
        if record.record_type().ends_event() {
            self.end(index, &mut ended);
        }
        while self.open.len() > OPEN_LIMIT || self.held_bytes > HELD_LIMIT_BYTES {
            self.end(0, &mut ended);
        }
    }

    /// Passes on the events that have not ended, at the end of the trail.
    pub fn finish(&mut self, mut ended: impl FnMut(&Event<'_>)) {
        while !self.open.is_empty() {
            self.end(0, &mut ended);
        }
    }

    /// Ends the events of the record's host that are too old to get more records.
    fn end_old(&mut self, record: &Record<'_>, ended: &mut impl FnMut(&Event<'_>)) {
        let now = record.stamp().time;
        let node = record.node().unwrap_or_default();
        let is_old = |event: &OpenEvent| expiry(event.stamp) <= now && event.node() == node;
        while let Some(index) = self.open.iter().position(is_old) {
            self.end(index, ended);
        }
        let expiries = self.open.iter().map(|event| expiry(event.stamp));
        // Events of other hosts, whose clocks may differ, must not cause a search for each record.
        let earliest = expiries.min().unwrap_or_default();
        self.next_expiry = earliest.max(Time::from_millis(now.millis().saturating_add(1)));
    }

    fn end(&mut self, index: usize, ended: &mut impl FnMut(&Event<'_>)) {
        let OpenEvent { mut lines, .. } = self.open.remove(index);
        self.held_bytes -= lines.len();
        let end = memchr::memchr(b'\n', &lines).unwrap_or(lines.len());
        let rest = lines.get(end + 1..).unwrap_or_default();
        if let Some(Ok(first)) = lines.get(..end).map(Record::parse) {
            ended(&Event { first, rest });
        }
        if self.spare.len() < SPARE_LIMIT {
            lines.clear();
            self.spare.push(lines);
        }
    }
}

impl OpenEvent {
    fn node(&self) -> &[u8] {
        let start = "node=".len();
        self.lines.get(start..start + self.node_len).unwrap_or_default()
    }
}

fn expiry(stamp: Stamp) -> Time {
    Time::from_millis(stamp.time.millis().saturating_add(TIMEOUT_MILLIS + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Found = Vec<(String, u64, usize)>;

    fn events(lines: &[String]) -> Found {
        let mut found = Vec::new();
        let mut add = |event: &Event<'_>| {
            let node = String::from_utf8_lossy(event.node().unwrap_or_default()).into_owned();
            let stamps = event.records().map(|record| (record.stamp(), record.node()));
            assert!(stamps.into_iter().all(|it| it == (event.stamp(), event.node())));
            found.push((node, event.stamp().serial, event.records().count()));
        };
        let mut events = Events::new();
        for line in lines {
            events.add(&Record::parse(line.as_bytes()).unwrap(), &mut add);
        }
        events.finish(&mut add);
        assert_eq!((events.held_bytes, events.open.len()), (0, 0));
        found
    }

    fn line(node: &str, kind: &str, second: u32, serial: u32) -> String {
        let node = if node.is_empty() { String::new() } else { format!("node={node} ") };
        format!("{node}type={kind} msg=audit({second}.000:{serial}): a=b")
    }

    #[test]
    fn records_of_mixed_events_are_put_together() {
        let lines = [
            line("", "SYSCALL", 1, 1),
            line("", "SYSCALL", 1, 2),
            line("", "PATH", 1, 1),
            line("", "USER_CMD", 1, 3),
            line("", "EOE", 1, 2),
            line("", "PROCTITLE", 1, 1),
        ];
        let expected = [(3, 1), (2, 2), (1, 3)];
        assert_eq!(events(&lines), expected.map(|(serial, count)| (String::new(), serial, count)));
    }

    #[test]
    fn events_of_different_hosts_are_different() {
        let lines = [
            line("a", "SYSCALL", 1, 1),
            line("b", "SYSCALL", 1, 1),
            line("", "SYSCALL", 1, 1),
            line("a", "PROCTITLE", 1, 1),
        ];
        let expected = [("a".to_owned(), 1, 2), ("b".to_owned(), 1, 1), (String::new(), 1, 1)];
        assert_eq!(events(&lines), expected);
    }

    #[test]
    fn an_event_ends_two_seconds_later_on_its_host() {
        let mut lines = vec![line("a", "SYSCALL", 1, 1), line("b", "SYSCALL", 1, 2)];
        lines.push(line("a", "SYSCALL", 3, 3));
        lines.push(line("a", "PATH", 1, 1));
        lines.push(line("a", "CWD", 4, 4));
        lines.push(line("b", "PATH", 1, 2));
        let found: Vec<_> = events(&lines).into_iter().map(|(_, it, count)| (it, count)).collect();
        assert_eq!(found, [(1, 2), (2, 2), (3, 1), (4, 1)]);
    }

    #[test]
    fn many_open_events_hold_little_memory() {
        let long = "x".repeat(8000);
        let mut events = Events::new();
        let mut count = 0;
        for serial in 0..5000_u32 {
            let line = format!("{}{long}", line("", "SYSCALL", 1, serial));
            events.add(&Record::parse(line.as_bytes()).unwrap(), |_| count += 1);
            assert!(events.open.len() <= OPEN_LIMIT && events.held_bytes <= HELD_LIMIT_BYTES);
        }
        events.finish(|_| count += 1);
        assert_eq!(count, 5000);
    }

    proptest! {
        /// No record is lost and none is doubled, whatever the order and the times.
        #[test]
        fn each_record_is_in_one_event(
            choices in prop::collection::vec((0..3_usize, 0..4_usize, 0..9_u32, 0..4_u32), 0..60),
        ) {
            let lines: Vec<_> = choices.iter().map(|(node, kind, second, serial)| {
                let kind = ["SYSCALL", "PATH", "PROCTITLE", "USER_CMD"][*kind];
                line(["", "a", "b"][*node], kind, *second, *serial)
            }).collect();
            let count: usize = events(&lines).iter().map(|(_, _, count)| count).sum();
            prop_assert_eq!(count, lines.len());
        }
    }
}
