//! What the process can still do once it has started.
//!
//! Two walls that stand by themselves: the files, networks and processes that can be reached
//! ([`enter_filesystem`]), and the system calls that can be made ([`filter_system_calls`]). Both
//! are for good, and both come after the process has become an unprivileged user.
//!
//! A thread behind the first wall cannot look into `/proc/PID` of a process outside: `exe`, `cwd`
//! and `ns/*` answer EACCES, whatever its capabilities. So the order is:
//!
//! 1. The peer reader, the one thread that reads `/proc` of others, is started.
//! 2. The main thread calls [`enter_filesystem`]. Every thread that it starts later is behind the
//!    wall.
//! 3. The main thread calls [`filter_system_calls`], which reaches all threads.
//! 4. The peer reader calls [`narrow_to_reading`]: it is in front of the first wall, so it gives up
//!    whatever changes anything.

mod filesystem;
mod system_call;

pub(crate) use filesystem::{Enforcement, enter_filesystem};
pub(crate) use system_call::{filter_kernel_status, filter_system_calls, narrow_to_reading};

#[cfg(test)]
mod tests;
