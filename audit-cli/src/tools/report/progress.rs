//! Shows on standard error how far a long run is.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// The progress of a run. Shows nothing in the first second, or if standard error is no terminal.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    next: Duration,
    read_bytes: u64,
    total_bytes: Option<u64>,
    is_terminal: bool,
    /// Whether a bar is on the screen.
    is_shown: bool,
    /// Records until the clock is read again.
    countdown: u32,
}

/// How long a run is silent.
const SILENT: Duration = Duration::from_secs(1);

const INTERVAL: Duration = Duration::from_millis(200);

/// How many records are read between two looks at the clock, about 2 ms.
const RECORDS: u32 = 4096;

/// The width of the bar, in columns.
const WIDTH: u64 = 30;

impl Progress {
    /// A run over so many bytes, if that is known.
    pub(super) fn new(total_bytes: Option<u64>) -> Self {
        Self {
            started: Instant::now(),
            next: SILENT,
            read_bytes: 0,
            total_bytes: total_bytes.filter(|total| *total > 0),
            is_terminal: io::stderr().is_terminal(),
            is_shown: false,
            countdown: RECORDS,
        }
    }

    /// Adds a record of so many bytes.
    pub(super) fn add(&mut self, bytes: usize) {
        self.read_bytes += bytes as u64 + 1;
        self.countdown -= 1;
        if self.countdown > 0 {
            return;
        }
        self.countdown = RECORDS;
        if self.is_terminal && self.started.elapsed() >= self.next {
            self.next = self.started.elapsed() + INTERVAL;
            self.is_shown = true;
            // A bar that cannot be shown is no reason to end.
            let _ = write!(io::stderr(), "\r{}\u{1b}[K", bar(self.read_bytes, self.total_bytes));
        }
    }

    /// Removes the bar.
    pub(super) fn finish(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// `[#####.....] 50 %, 120 MB`; without the total, only the last part.
fn bar(read_bytes: u64, total_bytes: Option<u64>) -> String {
    let megabytes = read_bytes / 1_000_000;
    let Some(total) = total_bytes else { return format!("{megabytes} MB read") };
    let read = read_bytes.min(total);
    let full = usize::try_from(read * WIDTH / total).unwrap_or_default();
    let empty = usize::try_from(WIDTH).unwrap_or_default().saturating_sub(full);
    let percent = read * 100 / total;
    format!("[{}{}] {percent:>3} %, {megabytes} MB", "#".repeat(full), ".".repeat(empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills() {
        let half = format!("[{}{}]  50 %, 1 MB", "#".repeat(15), ".".repeat(15));
        assert_eq!(bar(1_500_000, Some(3_000_000)), half);
        assert_eq!(bar(9, Some(3)), format!("[{}] 100 %, 0 MB", "#".repeat(30)));
        assert_eq!(bar(7_000_000, None), "7 MB read");
    }
}
