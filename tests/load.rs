//! Many senders at once, a full backlog, and an auditd that stands still or dies.
//!
//! Needs root and a running auditd; `tests/run.sh` provides them. Each test writes some 50 MB of
//! records and so rotates the log, which is read along. auditd is stopped and started again, so
//! the tests run one after the other.
//!
//! What no sender can prevent: an auditd that takes nothing for half a second under load makes the
//! kernel drop what it cannot hand over, and without auditd it drops everything, in both cases
//! unless the host was booted with `audit=1`. The tests show how much, and that it is told.
//!
//! # Source
//! `kauditd_send_queue`, `kauditd_retry_skb` and `kauditd_hold_skb` in `kernel/audit.c`: each
//! hand-over waits 100 ms, five times; then `if (!audit_default) goto drop`.

#![cfg(test)]

#[path = "load/auditd.rs"]
mod auditd;
#[path = "load/senders.rs"]
mod senders;
#[path = "load/tally.rs"]
mod tally;
#[path = "trail.rs"]
mod trail;

use std::thread;
use std::time::{Duration, Instant};

use auditd::Auditd;
use senders::{Handles, Senders};

/// What is on its way when auditd stops: in its socket, in the kernel's queues, in its own buffer.
const ON_THE_WAY: usize = 2000;

const STILL: Duration = Duration::from_secs(2);
/// In which auditd has caught up, under full load. Until then it may fall behind again.
const CATCH_UP: Duration = Duration::from_secs(2);
const DEAD: Duration = Duration::from_secs(1);

#[test]
fn one_handle_for_all_threads() {
    let load = Senders { handles: Handles::OneForAll, ..Senders::FULL }.run(|_| ());
    load.tally.assert_complete();
    assert_eq!(load.lost, 0);
}

#[test]
fn a_handle_for_each_thread() {
    let load = Senders::FULL.run(|_| ());
    load.tally.assert_complete();
    assert_eq!(load.lost, 0);
}

/// A person at a terminal, or a service that writes some records a second, loses nothing.
#[test]
fn auditd_stands_still_under_a_light_load() {
    let senders = Senders { records: 20, pause: Duration::from_millis(200), ..Senders::FULL };
    let load = senders.run(|progress| {
        progress.await_sent(8);
        let stopped = Auditd::stop();
        thread::sleep(STILL);
        drop(stopped);
    });
    load.tally.assert_complete();
    assert_eq!(load.lost, 0);
}

#[test]
fn auditd_stands_still_under_a_full_load() {
    let mut at_stop = Vec::new();
    let mut at_end = Vec::new();
    let load = Senders::FULL.run(|progress| {
        progress.await_sent(50_000);
        let start = Instant::now();
        at_stop = progress.sent();
        let stopped = Auditd::stop();
        thread::sleep(STILL);
        let during = progress.sent().iter().sum::<usize>() - at_stop.iter().sum::<usize>();
        println!("{during} records were taken in {} ms", start.elapsed().as_millis());
        // At full speed it would be some 300,000.
        assert!(during < ON_THE_WAY, "the senders do not wait: {during}");
        drop(stopped);
        thread::sleep(CATCH_UP);
        at_end = progress.sent();
    });
    load.tally.assert_nothing_twice();
    load.tally.assert_missing_only(&senders::spans(&at_stop, &at_end, ON_THE_WAY));
    assert!(load.tally.missing() < ON_THE_WAY, "{} are missing", load.tally.missing());
    assert!(load.tally.missing() == 0 || load.lost > 0, "the kernel tells of no loss");
}

#[test]
fn auditd_is_killed_and_started_again() {
    let mut at_death = Vec::new();
    let mut at_start = Vec::new();
    let load = Senders::FULL.run(|progress| {
        progress.await_sent(50_000);
        at_death = progress.sent();
        let killed = Auditd::kill();
        // The kernel notices when it next hands something over, and says so to who asks.
        let start = Instant::now();
        while auditd::status().auditd_pid.is_some() {
            assert!(start.elapsed() < DEAD, "the kernel believes that auditd runs");
        }
        thread::sleep(DEAD);
        drop(killed);
        at_start = progress.sent();
    });
    load.tally.assert_nothing_twice();
    load.tally.assert_missing_only(&senders::spans(&at_death, &at_start, ON_THE_WAY));
}
