//! The three targets to measure, and the order of their turns.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::client::Client;

/// One value for each target.
#[derive(Default)]
pub(crate) struct PerTarget<T> {
    pub(crate) direct: T,
    pub(crate) broker: T,
    pub(crate) haproxy: T,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Direct,
    Broker,
    Haproxy,
}

impl PerTarget<f64> {
    /// A figure that was measured for the broker only.
    pub(crate) fn of_broker(broker: f64) -> Self {
        Self { direct: f64::NAN, broker, haproxy: f64::NAN }
    }
}

impl<T> PerTarget<T> {
    pub(crate) fn of(&self, target: Target) -> &T {
        match target {
            Target::Direct => &self.direct,
            Target::Broker => &self.broker,
            Target::Haproxy => &self.haproxy,
        }
    }

    pub(crate) fn of_mut(&mut self, target: Target) -> &mut T {
        match target {
            Target::Direct => &mut self.direct,
            Target::Broker => &mut self.broker,
            Target::Haproxy => &mut self.haproxy,
        }
    }

    pub(crate) fn map<U>(&self, mut change: impl FnMut(&T) -> U) -> PerTarget<U> {
        PerTarget {
            direct: change(&self.direct),
            broker: change(&self.broker),
            haproxy: change(&self.haproxy),
        }
    }
}

pub(crate) type Sockets = PerTarget<PathBuf>;

impl Sockets {
    pub(crate) fn connect(&self) -> Result<PerTarget<Client>> {
        let connect = |socket: &Path| Client::connect(socket);
        Ok(PerTarget {
            direct: connect(&self.direct)?,
            broker: connect(&self.broker)?,
            haproxy: connect(&self.haproxy)?,
        })
    }
}

/// Calls `turn` for every target in every round. Each round begins with another target, so that
/// disturbances of the host, and after-effects of one target, affect all of them.
pub(crate) fn take_turns(
    rounds: u32,
    mut turn: impl FnMut(Target, u32) -> Result<()>,
) -> Result<()> {
    let mut order = [Target::Direct, Target::Broker, Target::Haproxy];
    for round in 0..rounds {
        for target in order {
            turn(target, round)?;
        }
        order.rotate_left(1);
    }
    Ok(())
}
