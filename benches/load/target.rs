//! The three ways to dockerd, and how they take turns.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::client::Client;

/// Something for each of the three.
#[derive(Default)]
pub(crate) struct Each<T> {
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

impl Each<f64> {
    /// A figure that the others were not asked for.
    pub(crate) fn of_broker(broker: f64) -> Self {
        Self { direct: f64::NAN, broker, haproxy: f64::NAN }
    }
}

impl<T> Each<T> {
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

    pub(crate) fn map<U>(&self, mut change: impl FnMut(&T) -> U) -> Each<U> {
        Each {
            direct: change(&self.direct),
            broker: change(&self.broker),
            haproxy: change(&self.haproxy),
        }
    }
}

pub(crate) type Sockets = Each<PathBuf>;

impl Sockets {
    pub(crate) fn connect(&self) -> Result<Each<Client>> {
        let connect = |socket: &Path| Client::connect(socket);
        Ok(Each {
            direct: connect(&self.direct)?,
            broker: connect(&self.broker)?,
            haproxy: connect(&self.haproxy)?,
        })
    }
}

/// Calls `turn` for every target in every round. Each round begins with another target, so that
/// what disturbs the host, and what one leaves behind, meets all of them.
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
