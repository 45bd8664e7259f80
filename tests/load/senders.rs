//! Threads that send numbered records while the log is read.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use audit_core::Audit;
use audit_trail::{DEFAULT_LOG, Follower};

use crate::auditd::{BacklogLimit, LostCount};
use crate::tally::{Tally, record};

/// The kernel's default. It is low enough that the senders wait most of the time.
const BACKLOG_LIMIT: u32 = 64;

/// How long no record may arrive before the missing ones count as lost.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How the threads reach the kernel.
#[derive(Clone, Copy)]
pub(crate) enum Handles {
    OneForAll,
    OneEach,
}

/// How many threads send how many records.
#[derive(Clone, Copy)]
pub(crate) struct Senders {
    pub(crate) handles: Handles,
    pub(crate) threads: usize,
    /// Records per thread.
    pub(crate) records: usize,
    /// Pause after each record.
    pub(crate) pause: Duration,
}

/// The result of a run.
pub(crate) struct Load {
    pub(crate) tally: Tally,
    /// Records that the kernel counted as lost during the run.
    pub(crate) lost: u32,
}

/// How many records each thread has sent so far.
pub(crate) struct Progress(Vec<AtomicUsize>);

impl Progress {
    pub(crate) fn sent(&self) -> Vec<usize> {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    pub(crate) fn await_sent(&self, count: usize) {
        while self.sent().iter().sum::<usize>() < count {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The numbers that each thread sent between two moments, and `margin` more at either end.
pub(crate) fn spans(first: &[usize], last: &[usize], margin: usize) -> Vec<Range<usize>> {
    let span = |(first, last): (&usize, &usize)| first.saturating_sub(margin)..last + margin;
    first.iter().zip(last).map(span).collect()
}

impl Senders {
    pub(crate) const FULL: Self =
        Self { handles: Handles::OneEach, threads: 8, records: 25_000, pause: Duration::ZERO };

    /// Sends all records while `disturb` runs. `disturb` can see the progress.
    pub(crate) fn run(self, disturb: impl FnOnce(&Progress) + Send) -> Load {
        let lost_count = LostCount::now();
        let _limit = BacklogLimit::set(BACKLOG_LIMIT);
        let shared = Audit::open().unwrap();
        let mut log = Follower::from_now(Path::new(DEFAULT_LOG)).unwrap();
        let mut tally = Tally::new(self.threads, self.records);
        let tag = tally.tag().to_owned();
        let progress = Progress((0..self.threads).map(|_| AtomicUsize::new(0)).collect());
        thread::scope(|scope| {
            let (shared, tag) = (&shared, &tag);
            let mut threads: Vec<_> = (progress.0.iter().enumerate())
                .map(|(sender, sent)| scope.spawn(move || self.send(shared, tag, sender, sent)))
                .collect();
            threads.push(scope.spawn(|| disturb(&progress)));
            while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
                log.read(|record| tally.count(record)).unwrap();
                thread::sleep(Duration::from_millis(1));
            }
        });
        let mut last_arrival = Instant::now();
        while tally.found() < tally.wanted() && last_arrival.elapsed() < ARRIVAL_TIMEOUT {
            let found_before = tally.found();
            log.read(|record| tally.count(record)).unwrap();
            if tally.found() > found_before {
                last_arrival = Instant::now();
            }
            thread::sleep(Duration::from_millis(10));
        }
        let lost = lost_count.since();
        println!("{} of {} records are in the log, {lost} lost", tally.found(), tally.wanted());
        Load { tally, lost }
    }

    fn send(self, shared: &Audit, tag: &str, sender: usize, sent: &AtomicUsize) {
        let own = Audit::open().unwrap();
        let audit = match self.handles {
            Handles::OneForAll => shared,
            Handles::OneEach => &own,
        };
        for number in 0..self.records {
            audit.send(&record(tag, sender, number)).unwrap();
            sent.store(number + 1, Ordering::Relaxed);
            thread::sleep(self.pause);
        }
    }
}
