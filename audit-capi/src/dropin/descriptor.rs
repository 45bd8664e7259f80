//! The descriptor that stands for an open audit system.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::ffi::c_int;

use crate::dropin::exchange;
use crate::sys;

/// Opens a socket to the kernel's audit system: a descriptor, which may be 0, or -1 with `errno`
/// set. It is closed on exec.
///
/// `EINVAL`, `EPROTONOSUPPORT` and `EAFNOSUPPORT` say that the kernel has no audit.
#[unsafe(no_mangle)]
pub extern "C" fn audit_open() -> c_int {
    exchange::open().unwrap_or_else(|errno| {
        sys::set_errno(errno);
        -1
    })
}

/// Closes a descriptor from [`audit_open`]; `close(2)` does the same. A negative one is nothing
/// to close.
#[unsafe(no_mangle)]
pub extern "C" fn audit_close(fd: c_int) {
    if fd >= 0 {
        sys::close(fd);
    }
}
