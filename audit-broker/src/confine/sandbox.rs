//! The sandbox of the running daemon: landlock and seccomp.
//!
//! The sandbox has two independent walls. Landlock limits which files, networks and processes the
//! daemon can reach ([`enter_filesystem`]). Seccomp limits which system calls it can make
//! ([`filter_system_calls`]). Both are permanent, and both come after the process has become an
//! unprivileged user.
//!
//! A thread inside landlock cannot inspect a process outside: `exe`, `cwd` and `ns/*` in `/proc/PID`
//! answer EACCES, whatever capabilities the thread has. So the order is:
//!
//! 1. The main thread starts the peer reader, the one thread that reads `/proc` of other processes.
//! 2. The main thread calls [`enter_filesystem`]. Every thread that it starts later is inside.
//! 3. The main thread calls [`filter_system_calls`], which reaches all threads.
//! 4. The peer reader calls [`narrow_to_reading`]. It stays outside landlock, so it gives up every
//!    system call that changes something.

mod filesystem;
mod system_call;

pub(crate) use filesystem::{Enforcement, enter_filesystem};
pub(crate) use system_call::{filter_kernel_status, filter_system_calls, narrow_to_reading};

#[cfg(test)]
mod tests;
