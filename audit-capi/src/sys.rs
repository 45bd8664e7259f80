//! System calls. The safe crates that this crate uses do not offer them.
#![expect(
    unsafe_code,
    reason = "system calls take pointers; each block says why its pointers are valid"
)]

use std::ffi::{CStr, c_int};
use std::io;
use std::mem::{size_of, zeroed};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
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

/// The pid of this process. It costs a system call only once in each process.
///
/// The pid is kept in a page that the kernel empties in a forked child, also if the child was made
/// without the C library. A child that shares its parent's memory (`vfork(2)`) sees its parent's pid.
///
/// # Source
/// `MADV_WIPEONFORK` in `madvise(2)`, since Linux 4.14. On an older kernel, each call asks the kernel.
pub(crate) fn pid() -> u32 {
    let Some(kept) = emptied_in_children() else { return process::id() };
    match kept.load(Ordering::Relaxed) {
        0 => {
            let pid = process::id();
            kept.store(pid, Ordering::Relaxed);
            pid
        }
        pid => pid,
    }
}

/// A number that is 0 at first, and in each new process. `None` if the kernel has no such memory.
fn emptied_in_children() -> Option<&'static AtomicU32> {
    static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());
    static IS_ABSENT: AtomicBool = AtomicBool::new(false);
    let mut page = PAGE.load(Ordering::Acquire);
    if page.is_null() {
        if IS_ABSENT.load(Ordering::Relaxed) {
            return None;
        }
        let Some(new) = map_emptied_page() else {
            IS_ABSENT.store(true, Ordering::Relaxed);
            return None;
        };
        // If another thread was faster, this page stays unused: it happens once at most for each thread.
        match PAGE.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => page = new,
            Err(first) => page = first,
        }
    }
    // SAFETY: `map_emptied_page` returned the pointer: it is aligned, points to a page that is never
    // unmapped, and all its bytes were 0, which is a valid `AtomicU32`.
    Some(unsafe { &*page })
}

/// `mmap(2)`, `madvise(2)` - Maps a page of zeros that the kernel empties in each forked child.
fn map_emptied_page() -> Option<*mut AtomicU32> {
    const LEN: usize = size_of::<AtomicU32>();
    // SAFETY: a new anonymous mapping touches no memory in use.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            LEN,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the kernel has just mapped the page, and nothing else uses it.
    let is_emptied = unsafe { libc::madvise(page, LEN, libc::MADV_WIPEONFORK) } == 0;
    if !is_emptied {
        // SAFETY: as above. Nothing keeps the pointer.
        unsafe { libc::munmap(page, LEN) };
    }
    is_emptied.then_some(page.cast())
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
        if sent >= 0 {
            return Ok(());
        }
        match Errno::last() {
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

/// `getcwd(3)` - Returns the working directory, stored in the buffer; `None` if it is gone.
pub(crate) fn cwd(buffer: &mut Vec<u8>) -> Option<&[u8]> {
    /// The usual length. The C library finds longer paths too, if the buffer has room.
    const PATH_BYTES: usize = 4096;
    if buffer.len() < PATH_BYTES {
        buffer.resize(PATH_BYTES, 0);
    }
    loop {
        // SAFETY: the buffer is valid for the length given.
        let path = unsafe { libc::getcwd(buffer.as_mut_ptr().cast(), buffer.len()) };
        if !path.is_null() {
            // SAFETY: `getcwd` has stored a text with its NUL, and returned the buffer that this function
            // returns a part of.
            return Some(unsafe { CStr::from_ptr(path) }.to_bytes());
        }
        if Errno::last() != Errno(libc::ERANGE) {
            return None;
        }
        buffer.resize(2 * buffer.len(), 0);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_knows_its_own_pid() {
        assert_eq!(pid(), process::id());
        assert_eq!(pid(), process::id());
        // SAFETY: the child reads a page of its own and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_own = pid() == process::id() && pid() == process::id();
            // SAFETY: takes a number, and runs nothing of the test harness's.
            unsafe { libc::_exit(c_int::from(!is_own)) };
        }
        let mut status = 0;
        // SAFETY: `status` is a valid int.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
    }
}
