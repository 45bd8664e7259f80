//! Memory, CPU time and descriptors of the broker, from `/proc`.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

const TIMEOUT: Duration = Duration::from_secs(20);

/// How long the process may take to free memory and close descriptors.
const SETTLE: Duration = Duration::from_millis(500);

pub(crate) struct Process {
    pid: u32,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Resident memory, in kB.
    ///
    /// # Source
    /// `VmRSS` and `VmHWM` in `proc_pid_status(5)`.
    pub(crate) fn resident_kb(&self) -> Result<f64> {
        self.memory_kb("VmRSS:")
    }

    /// The most resident memory since [`Self::reset_peak`], in kB.
    pub(crate) fn peak_kb(&self) -> Result<f64> {
        self.memory_kb("VmHWM:")
    }

    /// Resets the peak of the resident memory.
    ///
    /// # Source
    /// `clear_refs` in `proc_pid_clear_refs(5)`: 5 resets the peak.
    pub(crate) fn reset_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.pid);
        fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
    }

    fn memory_kb(&self, name: &str) -> Result<f64> {
        let path = format!("/proc/{}/status", self.pid);
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.with_context(|| format!("no {name}"))?.parse()?)
    }

    /// CPU time of all threads, in milliseconds.
    ///
    /// # Source
    /// `Documentation/scheduler/sched-stats.rst` of Linux.
    pub(crate) fn cpu_ms(&self) -> Result<f64> {
        let mut total_ns = 0.0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid))? {
            // The thread may have ended.
            let Ok(stat) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            total_ns += stat.split(' ').next().context("no time")?.parse::<f64>()?;
        }
        Ok(total_ns / 1e6)
    }

    pub(crate) fn descriptors(&self) -> Result<usize> {
        let path = format!("/proc/{}/fd", self.pid);
        Ok(fs::read_dir(&path).with_context(|| format!("cannot read {path}"))?.count())
    }

    /// Waits until the number of open descriptors is as wanted: then the broker has accepted or closed
    /// every connection.
    pub(crate) fn await_descriptors(&self, wanted: impl Fn(usize) -> bool) -> Result<()> {
        let start = Instant::now();
        while !wanted(self.descriptors()?) {
            let descriptors = self.descriptors()?;
            ensure!(start.elapsed() < TIMEOUT, "the broker stays at {descriptors} descriptors");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self::settle();
        Ok(())
    }

    pub(crate) fn settle() {
        std::thread::sleep(SETTLE);
    }
}
