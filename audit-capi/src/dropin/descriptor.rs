//! The descriptor of an audit socket, opened and closed for C.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::ffi::c_int;

use crate::dropin::exchange;
use crate::sys;

/// Opens a socket to the kernel's audit system. Returns its descriptor, which may be 0, or -1 and
/// sets `errno`. The descriptor is closed on exec.
///
/// `EINVAL`, `EPROTONOSUPPORT` and `EAFNOSUPPORT` mean that the kernel has no audit system.
#[unsafe(no_mangle)]
pub extern "C" fn audit_open() -> c_int {
    exchange::open().unwrap_or_else(|errno| {
        sys::set_errno(errno);
        -1
    })
}

/// Closes a descriptor from [`audit_open`]; `close(2)` does the same. Does nothing for a negative
/// descriptor.
#[unsafe(no_mangle)]
pub extern "C" fn audit_close(fd: c_int) {
    if fd >= 0 {
        exchange::close(fd);
    }
}
