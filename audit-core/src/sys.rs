//! System calls that the safe crates in use do not offer. All `unsafe` code of this crate is here.
#![expect(
    unsafe_code,
    reason = "system calls take pointers; each block says why its pointers are valid"
)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// `poll(2)` - Waits until the descriptor is readable. Returns `false` after the timeout.
///
/// A signal ends the wait early with [`io::ErrorKind::Interrupted`].
pub(crate) fn wait_readable(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // Rounded up, so that a timeout below one millisecond still waits.
    let timeout_ms = timeout.as_micros().div_ceil(1000).try_into().unwrap_or(i32::MAX);
    // SAFETY: `poll` is one valid pollfd, and the count given is one.
    match unsafe { libc::poll(&raw mut poll, 1, timeout_ms) } {
        -1 => Err(io::Error::last_os_error()),
        ready => Ok(ready > 0),
    }
}

/// `getuid(2)` - Returns the real uid of the calling thread.
pub(crate) fn uid() -> u32 {
    // SAFETY: takes nothing, and never fails.
    unsafe { libc::getuid() }
}

/// `pidfd_open(2)` - Opens the process that currently has this pid. ESRCH if no process has it.
pub(crate) fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers and no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just opened the descriptor, and nothing else owns it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `getsockopt(2)` SO_SNDBUF - Returns the size of the send buffer in bytes, as the kernel counts it.
pub(crate) fn send_buffer_size(fd: BorrowedFd<'_>) -> io::Result<usize> {
    let mut size: libc::c_int = 0;
    let mut len = SIZE_OF_INT;
    // SAFETY: `size` is a valid int, and `len` holds its size.
    let answer = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDBUF,
            (&raw mut size).cast(),
            &raw mut len,
        )
    };
    match answer {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(size.try_into().unwrap_or(0)),
    }
}

/// `setsockopt(2)` SO_SNDBUF - Requests a larger send buffer. The kernel doubles the number, up to
/// twice `net.core.wmem_max`.
pub(crate) fn set_send_buffer_size(fd: BorrowedFd<'_>, size: usize) -> io::Result<()> {
    let size: libc::c_int = size.try_into().unwrap_or(libc::c_int::MAX);
    // SAFETY: `size` is a valid int, and the length given is its size.
    let answer = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDBUF,
            ptr::from_ref(&size).cast(),
            SIZE_OF_INT,
        )
    };
    match answer {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an int has 4 bytes")]
const SIZE_OF_INT: libc::socklen_t = size_of::<libc::c_int>() as libc::socklen_t;
