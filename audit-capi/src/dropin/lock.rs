//! One exchange at a time on the process's audit sockets, also after a fork.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// How long a thread sleeps before it looks again. An exchange takes a few microseconds.
const PAUSE: Duration = Duration::from_micros(50);

/// A lock that a forked process takes over from a thread that it does not have.
///
/// A `Mutex` that another thread holds while the process forks stays locked in the child for
/// ever, and programs that write records fork all the time.
pub(crate) struct Lock {
    /// The process whose thread holds the lock; 0 if none does.
    holder: AtomicU32,
}

/// The lock, held until this is dropped.
pub(crate) struct Held<'a>(&'a Lock);

impl Lock {
    pub(crate) const fn new() -> Self {
        Self { holder: AtomicU32::new(0) }
    }

    pub(crate) fn take(&self) -> Held<'_> {
        let this = process::id();
        let mut free = 0;
        loop {
            match self.holder.compare_exchange(free, this, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Held(self),
                Err(holder) if holder == this => {
                    thread::sleep(PAUSE);
                    free = 0;
                }
                // Free, or held by a thread of the process that this one was forked from.
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
    fn one_thread_at_a_time_holds_it() {
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
    fn a_lock_of_another_process_is_taken_over() {
        let lock = Lock { holder: AtomicU32::new(process::id() + 1) };
        drop(lock.take());
        assert_eq!(lock.holder.load(Ordering::SeqCst), 0);
    }
}
