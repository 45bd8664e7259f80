//! What each step of a recorded call costs.
//!
//! The same call goes to dockerd, and to brokers that leave out one step more each: one that does
//! everything, one that does not ask the kernel whether it keeps records, and one that does not record
//! the call. All take turns within one run, so each difference is the cost of a step.

use std::path::PathBuf;

use anyhow::Result;

use crate::client::Client;
use crate::report;
use crate::sample::Sample;
use crate::size::Size;
use crate::target::PerTarget;

/// dockerd responds at once, so that the steps of the broker are not lost in its noise.
const REQUEST: &[u8] = b"GET /v1.41/containers/missing/json HTTP/1.1\r\nHost: docker\r\n\r\n";

/// Each socket, from the one that does least.
pub(crate) struct Steps {
    pub(crate) direct: PathBuf,
    pub(crate) without_record: PathBuf,
    pub(crate) without_question: PathBuf,
    pub(crate) broker: PathBuf,
}

const NAMES: [&str; 4] =
    ["dockerd itself", "+ the broker, no record", "+ the record", "+ the kernel's status"];

pub(crate) fn measure(steps: &Steps, size: &Size) -> Result<()> {
    let sockets = [&steps.direct, &steps.without_record, &steps.without_question, &steps.broker];
    let mut targets = sockets
        .map(|socket| Ok((Client::connect(socket)?, Sample::default())))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    for round in 0..size.rounds {
        let first = usize::try_from(round)? % targets.len();
        let (late, early) = targets.split_at_mut(first);
        for (client, times) in early.iter_mut().chain(late) {
            for _ in 0..size.calls_a_round {
                times.push_us(client.time(REQUEST, 404)?);
            }
        }
    }
    let mut before = 0.0;
    for (name, (_, times)) in NAMES.iter().zip(&targets) {
        let median = times.median();
        let adds = format!("adds {:.1}", median - before);
        report::row(&format!("{name}, median us"), &PerTarget::of_broker(median), 1, &adds);
        before = median;
    }
    Ok(())
}
