//! What a call that is recorded costs, one by one and over time.
//!
//! A container that is not there is started: dockerd says so at once, and the broker has to record
//! it like any other. The audit log is read along, since speed that is bought by lost records is
//! none.

use anyhow::Result;

use crate::ping::report_latency;
use crate::process::Process;
use crate::report::{self, Goal, judge};
use crate::sample::Sample;
use crate::size::Size;
use crate::tally::Tally;
use crate::target::{Each, Sockets, Target, take_turns};

const ADDED_US: f64 = 150.0;

/// How far the median at the end may be above that at the beginning, the host's drift apart.
const SLOWER: f64 = 1.1;

/// What the allocator may take later than the first calls, in kB.
const GROWTH_KB: f64 = 1024.0;

/// The log is read after this many calls, long before it has rotated away.
const CALLS_A_READING: u32 = 500;

pub(crate) fn measure(sockets: &Sockets, size: &Size) -> Result<()> {
    let mut clients = sockets.connect()?;
    let mut times = Each::<Sample>::default();
    let mut tally = Tally::from_now();
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
        tally.read();
        Ok(())
    })?;
    report_latency("recorded", &times, ADDED_US);
    report_records("recorded", &mut tally);
    Ok(())
}

/// Whether the last calls take as long, and the broker as much memory, as the first. The host's own
/// drift is taken out by calls to dockerd itself, in turn with the first and with the last.
pub(crate) fn measure_growth(sockets: &Sockets, size: &Size, broker: &Process) -> Result<()> {
    let calls = size.growth_calls;
    let end = calls / 20;
    let mut clients = sockets.connect()?;
    let mut tally = Tally::from_now();
    let (mut first, mut last) = (Each::<Sample>::default(), Each::<Sample>::default());
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
            tally.read();
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
    report::row(&format!("kB after {} calls", calls / 10), &Each::of_broker(early_kb), 0, "");
    let grown = judge("grown by", late_kb - early_kb, 0, Goal::AtMost(GROWTH_KB));
    report::row(&format!("kB after {calls} calls"), &Each::of_broker(late_kb), 0, &grown);
    report_records("growth", &mut tally);
    Ok(())
}

fn report_records(part: &str, tally: &mut Tally) {
    let records = tally.records();
    let goal = if records.is_complete() { "each call recorded alike  ok" } else { "MISSED" };
    let found = Each::of_broker(f64::from(records.found));
    report::row(&format!("{part}, records of {} calls", records.calls), &found, 0, goal);
    if !records.is_complete() {
        println!("    {} to {} records a call", records.fewest, records.most);
    }
}

fn start(container: &str) -> Vec<u8> {
    let head = "HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n";
    format!("POST /v1.41/containers/{container}/start {head}").into_bytes()
}
