//! System calls. The safe crates that this crate uses do not offer them.
#![expect(
    unsafe_code,
    reason = "system calls take pointers; each block says why its pointers are valid"
)]

use std::ffi::{CStr, c_int};
use std::io;
use std::mem::{size_of, zeroed};
use std::time::Duration;

/// An error number, such as `libc::EPERM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) c_int);

impl Errno {
    fn last() -> Self {
        io::Error::last_os_error().into()
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

/// Sets `errno` of the calling thread.
pub(crate) fn set_errno(errno: Errno) {
    // SAFETY: the pointer is always valid, and belongs to the calling thread.
    unsafe { *libc::__errno_location() = errno.0 };
}

/// `socket(2)` - Opens a netlink socket to the audit system, closed on exec.
pub(crate) fn open_audit_socket() -> Result<c_int, Errno> {
    // SAFETY: takes no pointers.
    let fd = unsafe {
        libc::socket(libc::PF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_AUDIT)
    };
    if fd < 0 { Err(Errno::last()) } else { Ok(fd) }
}

/// `close(2)` - Closes the descriptor. The caller could do nothing about an error.
pub(crate) fn close(fd: c_int) {
    // SAFETY: takes no pointers. C owns the descriptor and passes it in to have it closed.
    unsafe { libc::close(fd) };
}

/// `sendto(2)` - Sends the datagram to the kernel.
///
/// Each call names the destination, so the kernel checks the sender's current capabilities. For a
/// connected socket it would also check the capabilities of the process that opened the socket.
pub(crate) fn send(fd: c_int, datagram: &[u8]) -> Result<(), Errno> {
    let kernel = kernel_address();
    loop {
        // SAFETY: the datagram and the address are valid for the lengths given.
        let sent = unsafe {
            libc::sendto(
                fd,
                datagram.as_ptr().cast(),
                datagram.len(),
                0,
                (&raw const kernel).cast(),
                ADDRESS_LEN,
            )
        };
        match Errno::last() {
            _ if sent >= 0 => return Ok(()),
            Errno(libc::EINTR) => {}
            errno => return Err(errno),
        }
    }
}

/// `recvfrom(2)` - Takes the next queued answer and returns its length and the sender's port.
pub(crate) fn receive(fd: c_int, buffer: &mut [u8]) -> Result<(usize, u32), Errno> {
    let mut sender = kernel_address();
    let mut sender_len = ADDRESS_LEN;
    // SAFETY: the buffer and the address are valid for the lengths given.
    let received = unsafe {
        libc::recvfrom(
            fd,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT,
            (&raw mut sender).cast(),
            &raw mut sender_len,
        )
    };
    usize::try_from(received).map(|len| (len, sender.nl_pid)).map_err(|_| Errno::last())
}

/// `poll(2)` - Waits until the descriptor may be readable. Returns `false` after the timeout.
pub(crate) fn wait_readable(fd: c_int, timeout: Duration) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let timeout_ms = timeout.as_micros().div_ceil(1000).try_into().unwrap_or(c_int::MAX);
    // SAFETY: `poll` is one valid pollfd, and the count given is one.
    unsafe { libc::poll(&raw mut poll, 1, timeout_ms) != 0 }
}

/// `gethostname(2)` - Returns the host's name, at most 64 bytes.
pub(crate) fn hostname() -> Option<Vec<u8>> {
    let mut buffer = [0_u8; 65];
    // SAFETY: the buffer is valid for the length given. The length excludes the last byte, a NUL.
    let answer = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    let name = CStr::from_bytes_until_nul(&buffer).ok()?.to_bytes();
    (answer == 0 && !name.is_empty()).then(|| name.to_vec())
}

/// `syslog(3)` - Writes the text to the system's log as an error.
pub(crate) fn log_error(text: &CStr) {
    // SAFETY: the format takes one text. Both the format and the text end in NUL.
    unsafe { libc::syslog(libc::LOG_ERR, c"%s".as_ptr(), text.as_ptr()) };
}

fn kernel_address() -> libc::sockaddr_nl {
    // SAFETY: all fields are numbers, so zero is a valid value of each.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = AF_NETLINK;
    address
}

#[expect(clippy::cast_possible_truncation, reason = "a netlink address has 12 bytes")]
const ADDRESS_LEN: libc::socklen_t = size_of::<libc::sockaddr_nl>() as libc::socklen_t;

#[expect(clippy::cast_possible_truncation, reason = "it is 16")]
const AF_NETLINK: libc::sa_family_t = libc::AF_NETLINK as libc::sa_family_t;
