//! A lock that allows one exchange at a time on the process's audit sockets, even after a fork.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::sys;

/// How long a waiting thread sleeps before it tries again. An exchange takes a few microseconds.
const PAUSE: Duration = Duration::from_micros(50);

/// A lock that a forked process takes over if a thread of its parent held it.
///
/// If a thread holds a `Mutex` while another thread forks, the `Mutex` stays locked in the child
/// forever. Programs that write records fork often.
pub(crate) struct Lock {
    /// The process whose thread holds the lock; 0 if the lock is free.
    holder: AtomicU32,
}

/// Holds the lock until it is dropped.
pub(crate) struct Held<'a>(&'a Lock);

impl Lock {
    pub(crate) const fn new() -> Self {
        Self { holder: AtomicU32::new(0) }
    }

    pub(crate) fn take(&self) -> Held<'_> {
        let this = sys::pid();
        let mut free = 0;
        loop {
            match self.holder.compare_exchange(free, this, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Held(self),
                Err(holder) if holder == this => {
                    thread::sleep(PAUSE);
                    free = 0;
                }
                // The lock is free, or a thread of the parent process held it at the fork.
                Err(holder) => free = holder,
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.holder.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn one_thread_at_a_time_holds_the_lock() {
        let lock = Lock::new();
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _held = lock.take();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }

    #[test]
    fn a_child_takes_over_its_parents_lock() {
        let lock = Lock { holder: AtomicU32::new(sys::pid() + 1) };
        drop(lock.take());
        assert_eq!(lock.holder.load(Ordering::SeqCst), 0);
    }
}
