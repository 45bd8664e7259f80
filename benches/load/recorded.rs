//! The cost of a recorded call, for single calls and over time.
//!
//! Each call starts a missing container: dockerd answers at once, and the broker records the call like
//! any other. The benchmark also reads the audit log, because lost records would make the broker look
//! faster than it is.

use anyhow::Result;

use crate::ping::report_latency;
use crate::process::Process;
use crate::report::{self, Goal, judge};
use crate::sample::Sample;
use crate::size::Size;
use crate::tally::Tally;
use crate::target::{PerTarget, Sockets, Target, take_turns};

const ADDED_US: f64 = 150.0;

/// How many times as long the last calls may take as the first, apart from the host's own drift.
const SLOWER: f64 = 1.1;

/// How much memory the allocator may add after the first calls, in kB.
const GROWTH_KB: f64 = 1024.0;

/// The number of calls after which to read the log, long before it rotates away.
const CALLS_A_READING: u32 = 500;

pub(crate) fn measure(sockets: &Sockets, size: &Size) -> Result<()> {
    let mut clients = sockets.connect()?;
    let mut times = PerTarget::<Sample>::default();
    let mut tally = Tally::from_now()?;
    let mut unrecorded = 0;
    take_turns(size.rounds, |target, _| {
        for _ in 0..size.calls_a_round {
            let container = if target == Target::Broker {
                tally.next_name()
            } else {
                unrecorded += 1;
                format!("missing-{unrecorded}")
            };
            times.of_mut(target).push_us(clients.of_mut(target).time(&start(&container), 404)?);
        }
        tally.read()?;
        Ok(())
    })?;
    report_latency("recorded", &times, ADDED_US);
    report_records("recorded", &mut tally)
}

/// Compares the time and memory of the last calls with those of the first. Calls to dockerd itself,
/// alternating with the first and last calls, remove the host's own drift.
pub(crate) fn measure_growth(sockets: &Sockets, size: &Size, broker: &Process) -> Result<()> {
    let calls = size.growth_calls;
    let end = calls / 20;
    let mut clients = sockets.connect()?;
    let mut tally = Tally::from_now()?;
    let (mut first, mut last) = (PerTarget::<Sample>::default(), PerTarget::<Sample>::default());
    let mut early_kb = 0.0;
    for call in 0..calls {
        let time = clients.broker.time(&start(&tally.next_name()), 404)?;
        let times = if call < end {
            Some(&mut first)
        } else if call >= calls - end {
            Some(&mut last)
        } else {
            None
        };
        if let Some(times) = times {
            times.broker.push_us(time);
            times.direct.push_us(clients.direct.time(&start("missing"), 404)?);
        }
        if call % CALLS_A_READING == 0 {
            tally.read()?;
        }
        if call == calls / 10 {
            early_kb = broker.resident_kb()?;
        }
    }
    let late_kb = broker.resident_kb()?;
    let (first, last) = (first.map(Sample::median), last.map(Sample::median));
    let slower = (last.broker / first.broker) / (last.direct / first.direct);
    let slower = judge("of the first", slower, 2, Goal::AtMost(SLOWER));
    report::row(&format!("first {end} calls, median us"), &first, 1, "");
    report::row(&format!("last {end} of {calls}, median us"), &last, 1, &slower);
    report::row(&format!("kB after {} calls", calls / 10), &PerTarget::of_broker(early_kb), 0, "");
    let grown = judge("grown by", late_kb - early_kb, 0, Goal::AtMost(GROWTH_KB));
    report::row(&format!("kB after {calls} calls"), &PerTarget::of_broker(late_kb), 0, &grown);
    report_records("growth", &mut tally)
}

fn report_records(part: &str, tally: &mut Tally) -> Result<()> {
    let records = tally.records()?;
    let goal = if records.is_complete() { "each call has the same records  ok" } else { "MISSED" };
    let found = PerTarget::of_broker(f64::from(records.found));
    report::row(&format!("{part}, records of {} calls", records.calls), &found, 0, goal);
    if !records.is_complete() {
        println!("    {} to {} records a call", records.fewest, records.most);
    }
    Ok(())
}

fn start(container: &str) -> Vec<u8> {
    let head = "HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n";
    format!("POST /v1.41/containers/{container}/start {head}").into_bytes()
}
