//! The sizes of a full and of a short run.

use std::time::Duration;

pub(crate) struct Size {
    /// Turns of each target when timing single calls.
    pub(crate) rounds: u32,
    pub(crate) calls_a_round: u32,
    /// Turns of each target when counting calls a second.
    pub(crate) slices: u32,
    pub(crate) slice: Duration,
    /// Turns of each target when saving or loading an image.
    pub(crate) transfers: u32,
    pub(crate) idle_connections: u32,
    pub(crate) followed_logs: u32,
    pub(crate) growth_calls: u32,
    /// How often to send each of the most expensive requests.
    pub(crate) worst_rounds: u32,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        rounds: 40,
        calls_a_round: 250,
        slices: 10,
        slice: Duration::from_millis(500),
        transfers: 5,
        idle_connections: 10_000,
        followed_logs: 1000,
        growth_calls: 100_000,
        worst_rounds: 5,
    };

    pub(crate) const SHORT: Self = Self {
        rounds: 10,
        calls_a_round: 100,
        slices: 3,
        slice: Duration::from_millis(300),
        transfers: 3,
        idle_connections: 1000,
        followed_logs: 100,
        growth_calls: 5000,
        worst_rounds: 1,
    };
}
