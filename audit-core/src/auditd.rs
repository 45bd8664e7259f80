//! Watches the process that stores records.
//!
//! This file knows processes. It makes no request to the audit system.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::sys;

/// Watches the process that the kernel considers to be auditd.
///
/// After auditd is killed, the kernel notices only when it has the next record for auditd. That record
/// reaches only the kernel log. A process descriptor shows the end of auditd at once.
///
/// # Example
/// ```no_run
/// use audit_core::{Audit, Auditd};
///
/// let mut auditd = Auditd::default();
/// let status = Audit::open()?.status()?;
/// if auditd.living(status.auditd_pid).is_none() {
///     eprintln!("no process stores records");
/// }
/// # Ok::<(), audit_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Auditd(Option<Held>);

#[derive(Debug)]
struct Held {
    pid: u32,
    process: OwnedFd,
}

impl Auditd {
    /// The given [`Status::auditd_pid`](crate::Status::auditd_pid), or `None` if that process has ended.
    ///
    /// If this process may not watch it, the pid is returned unchanged.
    #[must_use]
    pub fn living(&mut self, pid: Option<u32>) -> Option<u32> {
        let pid = pid?;
        let is_held = |held: &Held| held.pid == pid && !has_ended(&held.process);
        if self.0.as_ref().is_some_and(is_held) {
            return Some(pid);
        }
        match sys::pidfd_open(pid) {
            Ok(process) => {
                let is_living = !has_ended(&process);
                self.0 = Some(Held { pid, process });
                is_living.then_some(pid)
            }
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => None,
            Err(_) => Some(pid),
        }
    }
}

/// `pidfd_open(2)`: the descriptor becomes readable when the process ends.
fn has_ended(process: &OwnedFd) -> bool {
    sys::wait_readable(process.as_fd(), Duration::ZERO).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_end_of_a_process_is_visible_at_once() {
        let mut auditd = Auditd::default();
        let mut first = Command::new("sleep").arg("600").spawn().unwrap();
        let mut second = Command::new("sleep").arg("600").spawn().unwrap();
        for process in [&mut first, &mut second] {
            let pid = Some(process.id());
            assert_eq!(auditd.living(None), None);
            assert_eq!(auditd.living(pid), pid);
            assert_eq!(auditd.living(pid), pid);
            process.kill().unwrap();
            // The end is visible before the parent waits for the process, and after that too.
            while auditd.living(pid).is_some() {
                std::thread::yield_now();
            }
            process.wait().unwrap();
            assert_eq!(auditd.living(pid), None);
        }
        assert_eq!(Auditd::default().living(Some(first.id())), None);
    }
}
