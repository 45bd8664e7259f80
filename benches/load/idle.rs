//! The memory of idle connections: those that follow a log, silent ones, and those after a call.
//!
//! The kind with the fewest connections comes first, and all are compared with the memory at the
//! beginning. The allocator keeps freed memory, so a figure can be too high but never too low.

use std::path::Path;

use anyhow::Result;

use crate::client::Client;
use crate::ping::PING;
use crate::process::Process;
use crate::report::{self, Goal, judge};
use crate::size::Size;
use crate::target::PerTarget;

const GOAL_KB: f64 = 12.0;

/// Calls that make code and pools resident before the measurement.
const WARM_UP_CALLS: u32 = 2000;

pub(crate) fn measure(socket: &Path, size: &Size, broker: &Process, container: &str) -> Result<()> {
    warm_up(socket, container)?;
    Process::settle();
    let start_kb = broker.resident_kb()?;
    let hold = |kind: &str, count: u32, open: &dyn Fn() -> Result<Client>| -> Result<()> {
        let before = broker.descriptors()?;
        let mut clients = (0..count).map(|_| open()).collect::<Result<Vec<_>>>()?;
        broker.await_descriptors(|now| now >= before + clients.len())?;
        clients.iter_mut().try_for_each(Client::check_open)?;
        let each_kb = (broker.resident_kb()? - start_kb) / f64::from(count);
        let goal = judge("each", each_kb, 1, Goal::AtMost(GOAL_KB));
        report::row(&format!("{count} {kind}, kB each"), &PerTarget::of_broker(each_kb), 1, &goal);
        let most = before + clients.len() / 10;
        drop(clients);
        broker.await_descriptors(|now| now <= most)
    };
    hold("that follow a log", size.followed_logs, &|| follow(socket, container))?;
    hold("silent", size.idle_connections, &|| Client::connect_small(socket))?;
    hold("after a ping", size.idle_connections, &|| {
        let mut client = Client::connect_small(socket)?;
        client.time(PING, 200)?;
        Ok(client)
    })
}

fn warm_up(socket: &Path, container: &str) -> Result<()> {
    let mut client = Client::connect(socket)?;
    for _ in 0..WARM_UP_CALLS {
        client.time(PING, 200)?;
    }
    follow(socket, container).map(drop)
}

/// Opens a connection and waits until the log begins to arrive.
fn follow(socket: &Path, container: &str) -> Result<Client> {
    let mut client = Client::connect_small(socket)?;
    let path = format!("/v1.41/containers/{container}/logs?follow=1&stdout=1");
    client.send(format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").as_bytes())?;
    client.head(200)?;
    client.await_body()?;
    Ok(client)
}
