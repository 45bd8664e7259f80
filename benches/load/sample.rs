//! Repeated measurements and their statistics.

use std::time::Duration;

#[derive(Default)]
pub(crate) struct Sample {
    values: Vec<f64>,
}

impl Sample {
    pub(crate) fn push(&mut self, value: f64) {
        self.values.push(value);
    }

    pub(crate) fn push_us(&mut self, time: Duration) {
        self.push(time.as_secs_f64() * 1e6);
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(50)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.at(99)
    }

    /// The median of the ratios to the other sample, round by round. If the host slows down for a while,
    /// it slows both sides of a ratio.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        let pairs = self.values.iter().zip(&other.values);
        Self { values: pairs.map(|(value, other)| value / other).collect() }.median()
    }

    /// The percentile; NaN if there are no measurements.
    fn at(&self, percent: usize) -> f64 {
        let mut values = self.values.clone();
        values.sort_unstable_by(f64::total_cmp);
        let place = values.len().saturating_sub(1) * percent / 100;
        values.get(place).copied().unwrap_or(f64::NAN)
    }
}
