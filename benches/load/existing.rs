//! The cost of calls about a container that exists: to start one that already runs, and to inspect it.
//!
//! dockerd changes nothing for either call. The broker asks dockerd about the container, decides and
//! records, as for any other call.

use anyhow::Result;

use crate::ping::report_latency;
use crate::sample::Sample;
use crate::size::Size;
use crate::target::{PerTarget, Sockets, take_turns};

/// The most that the broker may add. It asks dockerd about the container once and writes a record, or two.
const START_ADDED_US: f64 = 400.0;
const INSPECT_ADDED_US: f64 = 300.0;

pub(crate) fn measure(sockets: &Sockets, size: &Size, container: &str) -> Result<()> {
    let start = format!(
        "POST /v1.41/containers/{container}/start HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"
    );
    let inspect =
        format!("GET /v1.41/containers/{container}/json HTTP/1.1\r\nHost: docker\r\n\r\n");
    let mut clients = sockets.connect()?;
    for (part, request, status, limit_us) in
        [("start", start, 304, START_ADDED_US), ("inspect", inspect, 200, INSPECT_ADDED_US)]
    {
        let mut times = PerTarget::<Sample>::default();
        take_turns(size.rounds, |target, _| {
            for _ in 0..size.calls_a_round {
                let time = clients.of_mut(target).time(request.as_bytes(), status)?;
                times.of_mut(target).push_us(time);
            }
            Ok(())
        })?;
        report_latency(part, &times, limit_us);
    }
    Ok(())
}
