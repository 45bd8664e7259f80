//! Many senders at once, a full backlog, and an auditd that stops or dies.
//!
//! These tests need root and a running auditd; `tests/run.sh` provides them. Each test writes about 50 MB
//! of records, so auditd rotates the log. The test reads the log meanwhile. Some tests stop auditd and
//! start it again, so the tests run one at a time.
//!
//! No sender can prevent these losses, unless the host was booted with `audit=1`: if auditd reads nothing
//! for half a second under load, the kernel drops the records that it cannot pass on, and without auditd
//! it drops every record. The tests show how many records are lost, and that the kernel reports it.
//!
//! # Source
//! `kauditd_send_queue`, `kauditd_retry_skb` and `kauditd_hold_skb` in `kernel/audit.c`: the kernel tries
//! five times to pass a record on, and waits 100 ms each time; then `if (!audit_default) goto drop`.

#![cfg(test)]

#[path = "load/auditd.rs"]
mod auditd;
#[path = "load/senders.rs"]
mod senders;
#[path = "load/tally.rs"]
mod tally;

use std::thread;
use std::time::{Duration, Instant};

use auditd::Auditd;
use senders::{Handles, Senders};

/// Most records that are in transit when auditd stops: in its socket, in the kernel's queues and in
/// auditd's own buffer.
const IN_TRANSIT: usize = 2000;

const STILL: Duration = Duration::from_secs(2);
/// How long auditd needs to catch up under full load. Until then records may pile up again.
const CATCH_UP: Duration = Duration::from_secs(2);
const DEAD: Duration = Duration::from_secs(1);

#[test]
fn all_threads_may_share_one_handle() {
    let load = Senders { handles: Handles::OneForAll, ..Senders::FULL }.run(|_| ());
    load.tally.assert_complete();
    assert_eq!(load.lost, 0);
}

#[test]
fn each_thread_may_have_its_own_handle() {
    let load = Senders::FULL.run(|_| ());
    load.tally.assert_complete();
    assert_eq!(load.lost, 0);
}

/// A person at a terminal, or a service that writes a few records per second, loses nothing.
#[test]
fn nothing_is_lost_while_auditd_stops_under_a_light_load() {
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
fn losses_are_few_and_reported_while_auditd_stops_under_a_full_load() {
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
        // At full speed, about 300,000 records would be taken.
        assert!(during < IN_TRANSIT, "the senders do not wait: {during}");
        drop(stopped);
        thread::sleep(CATCH_UP);
        at_end = progress.sent();
    });
    load.tally.assert_nothing_twice();
    load.tally.assert_missing_only(&senders::spans(&at_stop, &at_end, IN_TRANSIT));
    assert!(load.tally.missing() < IN_TRANSIT, "{} are missing", load.tally.missing());
    assert!(load.tally.missing() == 0 || load.lost > 0, "the kernel reports no loss");
}

#[test]
fn nothing_is_doubled_when_auditd_is_killed_and_started_again() {
    let mut at_death = Vec::new();
    let mut at_start = Vec::new();
    let load = Senders::FULL.run(|progress| {
        progress.await_sent(50_000);
        at_death = progress.sent();
        let killed = Auditd::kill();
        // The kernel notices the death when it next passes a record on. Then its status shows it.
        let start = Instant::now();
        while auditd::status().auditd_pid.is_some() {
            assert!(start.elapsed() < DEAD, "the kernel believes that auditd runs");
        }
        thread::sleep(DEAD);
        drop(killed);
        at_start = progress.sent();
    });
    load.tally.assert_nothing_twice();
    load.tally.assert_missing_only(&senders::spans(&at_death, &at_start, IN_TRANSIT));
}
