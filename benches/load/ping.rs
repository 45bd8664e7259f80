//! The cost of a call without a record: `GET /_ping` on persistent connections.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::client::Client;
use crate::report::{self, Goal, judge};
use crate::sample::Sample;
use crate::size::Size;
use crate::target::{PerTarget, Sockets, take_turns};

pub(crate) const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";

const ADDED_US: f64 = 60.0;
const CONNECTIONS: usize = 16;

pub(crate) fn measure(sockets: &Sockets, size: &Size) -> Result<()> {
    latency(sockets, size)?;
    throughput(sockets, size)
}

fn latency(sockets: &Sockets, size: &Size) -> Result<()> {
    let mut clients = sockets.connect()?;
    let mut times = PerTarget::<Sample>::default();
    take_turns(size.rounds, |target, _| {
        for _ in 0..size.calls_a_round {
            times.of_mut(target).push_us(clients.of_mut(target).time(PING, 200)?);
        }
        Ok(())
    })?;
    report_latency("ping", &times, ADDED_US);
    Ok(())
}

pub(crate) fn report_latency(part: &str, times: &PerTarget<Sample>, limit_us: f64) {
    let medians = times.map(Sample::median);
    let added = judge("adds", medians.broker - medians.direct, 1, Goal::AtMost(limit_us));
    report::row(&format!("{part}, median us"), &medians, 1, &added);
    report::row(&format!("{part}, 99th percentile us"), &times.map(Sample::p99), 1, "");
}

fn throughput(sockets: &Sockets, size: &Size) -> Result<()> {
    let mut rates = PerTarget::<Sample>::default();
    take_turns(size.slices, |target, _| {
        rates.of_mut(target).push(rate(sockets.of(target), size.slice)?);
        Ok(())
    })?;
    let ratio = rates.broker.ratio_to(&rates.haproxy);
    let ratio = judge("of HAProxy", ratio, 2, Goal::AtLeast(1.0));
    let rates = rates.map(Sample::median);
    report::row(&format!("ping, requests/s on {CONNECTIONS}"), &rates, 0, &ratio);
    Ok(())
}

/// Calls a second on all connections. Each sends the next request as soon as it has an answer.
fn rate(socket: &Path, slice: Duration) -> Result<f64> {
    let ready = Barrier::new(CONNECTIONS + 1);
    let is_over = AtomicBool::new(false);
    let work = || -> Result<u32> {
        let client = Client::connect(socket);
        ready.wait();
        let mut client = client?;
        let mut calls = 0;
        while !is_over.load(Ordering::Relaxed) {
            client.time(PING, 200)?;
            calls += 1;
        }
        Ok(calls)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        ready.wait();
        let start = Instant::now();
        thread::sleep(slice);
        is_over.store(true, Ordering::Relaxed);
        let seconds = start.elapsed().as_secs_f64();
        let mut calls = 0;
        for worker in workers {
            calls += worker.join().ok().context("a client stopped")??;
        }
        Ok(f64::from(calls) / seconds)
    })
}
