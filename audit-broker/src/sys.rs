//! System calls that none of our safe dependencies offers. All `unsafe` of this crate is here.
//!
//! This file knows the kernel's interface: the peer of a unix socket, event loops, memory. It does not
//! know what the results are used for.
#![expect(
    unsafe_code,
    reason = "system calls take pointers; each block says why its pointers are valid"
)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use hyper::rt::ReadBufCursor;
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sockopt};
use nix::unistd::{Gid, Pid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// First size of the buffer for a security label. The kernel says so if a label needs more.
const FIRST_LABEL_BYTES: usize = 256;

/// First size of the buffer for supplementary groups. The kernel says so if they need more.
const FIRST_GROUP_COUNT: usize = 32;

/// Longest value of a socket option, in bytes: 65536 groups of four bytes.
///
/// # Source
/// `NGROUPS_MAX` in `include/uapi/linux/limits.h`.
const OPTION_LIMIT_BYTES: usize = 65_536 * size_of::<libc::gid_t>();

/// `getsockopt(2)` `SO_PEERPIDFD` - The process that connected. While the pidfd is open, it cannot
/// refer to another process with the same pid.
///
/// # Errors
/// Those of the system call; ENOPROTOOPT before Linux 6.5.
pub(crate) fn peer_pidfd(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(socket::getsockopt(&socket, sockopt::PeerPidfd)?)
}

/// `getsockopt(2)` `SO_PEERGROUPS` - The supplementary groups that the peer had when it connected.
///
/// # Errors
/// Those of the system call.
pub(crate) fn peer_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<Gid>> {
    let room_bytes = FIRST_GROUP_COUNT * size_of::<libc::gid_t>();
    let bytes = socket_option(socket, libc::SO_PEERGROUPS, room_bytes)?;
    let numbers = bytes.chunks_exact(size_of::<libc::gid_t>()).filter_map(|number| {
        Some(Gid::from_raw(libc::gid_t::from_ne_bytes(number.try_into().ok()?)))
    });
    Ok(numbers.collect())
}

/// `getsockopt(2)` `SO_PEERSEC` - The peer's security label, with any NUL that the security module
/// appends; `None` if no security module labels sockets.
///
/// # Errors
/// Those of the system call.
pub(crate) fn peer_label(socket: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    match socket_option(socket, libc::SO_PEERSEC, FIRST_LABEL_BYTES) {
        Ok(label) => Ok(Some(label)),
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `recv(2)` `MSG_PEEK` - Reads what has arrived and leaves it in the socket. Returns 0 if the peer
/// has closed.
///
/// # Errors
/// Those of the system call; [`io::ErrorKind::WouldBlock`] if nothing has arrived.
pub(crate) fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    Ok(socket::recv(socket.as_raw_fd(), buffer, flags)?)
}

/// `pidfd_open(2)` - The process that has this pid at the moment. While the pidfd is open, it cannot
/// refer to another process with the same pid.
///
/// # Errors
/// Those of the system call; ESRCH if there is no such process.
pub(crate) fn pidfd_open(process: Pid) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process.as_raw(), 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just created the descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `epoll_ctl(2)` - Registers a stream with the event loop of this thread.
///
/// # Errors
/// If the event loop cannot watch it.
pub(crate) fn watch_stream(
    stream: UnixStream,
    interest: Interest,
) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: the standard library's stream owns its descriptor, and returns the same one as long as
    // it lives.
    Ok(unsafe { AsyncFd::register_with_interest(stream, interest) }?)
}

/// `epoll_ctl(2)` - Registers a listening socket with the event loop of this thread.
///
/// # Errors
/// If the event loop cannot watch it.
pub(crate) fn watch_listener(listener: UnixListener) -> io::Result<AsyncFd<UnixListener>> {
    // SAFETY: the same holds for the standard library's listener.
    Ok(unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) }?)
}

/// `recv(2)` - Reads what has arrived into memory that may be uninitialized, and returns its length in
/// bytes.
///
/// # Errors
/// Those of the system call.
pub(crate) fn read_into(
    socket: BorrowedFd<'_>,
    buffer: &mut ReadBufCursor<'_>,
) -> io::Result<usize> {
    let room = buffer.remaining();
    // SAFETY: `place` points to the unfilled part of the buffer, which has `room` bytes, and the kernel
    // writes at most as many. It uninitializes nothing, and `advance` counts only the bytes that the
    // kernel says it has written.
    unsafe {
        let place = buffer.as_mut().as_mut_ptr().cast();
        let read = libc::recv(socket.as_raw_fd(), place, room, 0);
        let count = usize::try_from(Errno::result(read)?).unwrap_or_default().min(room);
        buffer.advance(count);
        Ok(count)
    }
}

/// `mallopt(3)` - Tells the allocator to keep a little free memory, if the C library is glibc.
/// Otherwise each freed stream buffer goes back to the kernel, which costs as much as the stream.
pub(crate) fn keep_memory() {
    /// Enough for the buffers of one stream.
    const KEPT_BYTES: libc::c_int = 512 << 10;
    // SAFETY: the call takes two numbers and no pointers.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

/// `malloc_trim(3)` - Gives free memory back to the kernel, if the C library is glibc.
pub(crate) fn trim_memory() {
    // SAFETY: the call takes a number and no pointers, and any thread may make it at any time.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// `connect(2)` - Connects to a unix socket without waiting.
///
/// # Errors
/// Those of the system calls; [`io::ErrorKind::WouldBlock`] if the backlog of the listener is full.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let stream = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    socket::connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(UnixStream::from(stream))
}

/// Takes over a listening unix socket that the service manager passed to this process.
///
/// # Errors
/// If the descriptor is not open, or is not a listening unix socket.
///
/// # Source
/// `sd_listen_fds(3)`: the descriptors from 3 on belong to the process.
pub(crate) fn handed_over_listener(descriptor: RawFd) -> io::Result<UnixListener> {
    // SAFETY: the descriptor is only inspected, and nothing else can close it meanwhile.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let is_listening = socket::getsockopt(&borrowed, sockopt::AcceptConn)?;
    let address: UnixAddr = socket::getsockname(descriptor)?;
    if !is_listening || address.path().is_none() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the service manager created it for this process, which takes it over once.
    let listener = unsafe { UnixListener::from_raw_fd(descriptor) };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// `getsockopt(2)` - Reads a socket option whose length only the kernel knows.
fn socket_option(
    socket: BorrowedFd<'_>,
    option: libc::c_int,
    room_bytes: usize,
) -> io::Result<Vec<u8>> {
    let mut value = vec![0; room_bytes];
    loop {
        let mut len = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::ERANGE)?;
        // SAFETY: `value` has `len` bytes, and both outlive the call.
        let answer = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                value.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        let len = usize::try_from(len).map_err(|_| Errno::ERANGE)?;
        match Errno::result(answer) {
            Ok(_) => {
                value.truncate(len);
                return Ok(value);
            }
            // The kernel has set `len` to the length that it needs.
            Err(Errno::ERANGE) if len > value.len() && len <= OPTION_LIMIT_BYTES => {
                value.resize(len, 0);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_kernel_tells_the_peer_of_a_socket() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let pidfd = peer_pidfd(ours.as_fd()).unwrap();
        let info =
            std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).unwrap();
        assert!(info.contains(&format!("Pid:\t{}\n", std::process::id())), "{info}");
        let mut groups = nix::unistd::getgroups().unwrap();
        groups.sort_by_key(|group| group.as_raw());
        let mut of_peer = peer_groups(ours.as_fd()).unwrap();
        of_peer.sort_by_key(|group| group.as_raw());
        assert_eq!(of_peer, groups);
        peer_label(ours.as_fd()).unwrap();
    }

    #[test]
    fn an_option_longer_than_the_buffer_is_read_again() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let groups = nix::unistd::getgroups().unwrap();
        let bytes = socket_option(ours.as_fd(), libc::SO_PEERGROUPS, 0).unwrap();
        assert_eq!(bytes.len(), groups.len() * size_of::<libc::gid_t>());
    }

    #[test]
    fn a_peek_leaves_the_bytes_and_does_not_wait() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut buffer = [0; 2];
        let nothing = peek(ours.as_fd(), &mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        theirs.write_all(b"GET /").unwrap();
        for _ in 0..2 {
            assert_eq!(peek(ours.as_fd(), &mut buffer).unwrap(), 2);
            assert_eq!(&buffer, b"GE");
        }
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert_eq!(peek(ours.as_fd(), &mut buffer).unwrap(), 0);
    }

    #[test]
    fn a_process_that_has_ended_has_no_pidfd() {
        pidfd_open(Pid::this()).unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let process = Pid::from_raw(child.id().try_into().unwrap());
        child.wait().unwrap();
        assert_eq!(pidfd_open(process).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }
}
