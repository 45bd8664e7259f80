//! The cost of the most expensive requests, up to the broker's decision. The policies deny every call,
//! so dockerd creates nothing.

use std::path::Path;

use anyhow::Result;

use crate::bodies::{WorstRequest, worst_requests};
use crate::client::Client;
use crate::process::Process;
use crate::report::{Goal, judge, row};
use crate::size::Size;
use crate::target::PerTarget;

/// Goals for each request.
const TIME_LIMIT_MS: f64 = 50.0;
const MEMORY_LIMIT_MB: f64 = 32.0;

/// How many requests to report: those that take longest.
const REPORTED: usize = 10;

struct Cost {
    name: &'static str,
    status: u16,
    /// CPU time of all threads, in milliseconds: the minimum of all rounds.
    time_ms: f64,
    /// How much the broker's memory grew, in MB: the maximum of all rounds.
    memory_mb: f64,
}

pub(crate) fn measure(broker: &Path, size: &Size, process: &Process) -> Result<()> {
    let costs: Result<Vec<Cost>> =
        worst_requests().iter().map(|worst| cost(worst, broker, size, process)).collect();
    let mut costs = costs?;
    costs.sort_by(|one, other| other.time_ms.total_cmp(&one.time_ms));
    for Cost { name, status, time_ms, memory_mb } in costs.into_iter().take(REPORTED) {
        let time = judge("ms", time_ms, 1, Goal::AtMost(TIME_LIMIT_MS));
        let memory = judge("MB", memory_mb, 1, Goal::AtMost(MEMORY_LIMIT_MB));
        let what = format!("{status} {name}");
        row(&what, &PerTarget::of_broker(time_ms), 1, &format!("{time}; {memory}"));
    }
    Ok(())
}

fn cost(worst: &WorstRequest, broker: &Path, size: &Size, process: &Process) -> Result<Cost> {
    let request = request(worst);
    let mut cost = Cost { name: worst.name, status: 0, time_ms: f64::INFINITY, memory_mb: 0.0 };
    for _ in 0..size.worst_rounds {
        process.reset_peak()?;
        let (memory_kb, began) = (process.resident_kb()?, process.cpu_ms()?);
        let mut client = Client::connect(broker)?;
        client.send(&request)?;
        cost.status = client.status()?;
        drop(client);
        // The threads that write records are idle after that.
        Process::settle();
        cost.time_ms = cost.time_ms.min(process.cpu_ms()? - began);
        let grown_mb = (process.peak_kb()? - memory_kb) / 1024.0;
        cost.memory_mb = cost.memory_mb.max(grown_mb);
    }
    Ok(cost)
}

fn request(worst: &WorstRequest) -> Vec<u8> {
    let head = format!("{} HTTP/1.1\r\nHost: docker\r\n", worst.target);
    let body = &worst.body;
    if body.is_empty() {
        return format!("{head}\r\n").into_bytes();
    }
    let length = body.len();
    format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}
