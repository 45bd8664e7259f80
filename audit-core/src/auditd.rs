//! Whether the process that stores records is still there.
//!
//! Knows processes; asks the kernel nothing about audit.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::sys;

/// The process that the kernel took for auditd last, watched.
///
/// The kernel finds out that auditd was killed when it next has a record for it, and that record is
/// lost but for the kernel's log. A descriptor of the process tells at once.
///
/// # Example
/// ```no_run
/// use audit_core::{Audit, Auditd};
///
/// let mut auditd = Auditd::default();
/// let status = Audit::open()?.status()?;
/// if auditd.living(status.auditd_pid).is_none() {
///     eprintln!("nobody stores records");
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
    /// The number that [`Status::auditd_pid`](crate::Status::auditd_pid) gives, unless that process
    /// has ended. A process that may not be watched is as the kernel says.
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

/// `pidfd_open(2)`: it becomes readable when the process ends.
fn has_ended(process: &OwnedFd) -> bool {
    sys::wait_readable(process.as_fd(), Duration::ZERO).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_that_has_ended_is_seen_at_once() {
        let mut auditd = Auditd::default();
        let mut first = Command::new("sleep").arg("600").spawn().unwrap();
        let mut second = Command::new("sleep").arg("600").spawn().unwrap();
        for process in [&mut first, &mut second] {
            let pid = Some(process.id());
            assert_eq!(auditd.living(None), None);
            assert_eq!(auditd.living(pid), pid);
            assert_eq!(auditd.living(pid), pid);
            process.kill().unwrap();
            // Its end is seen before anybody waits for it, and behind that too.
            while auditd.living(pid).is_some() {
                std::thread::yield_now();
            }
            process.wait().unwrap();
            assert_eq!(auditd.living(pid), None);
        }
        assert_eq!(Auditd::default().living(Some(first.id())), None);
    }
}
