//! The system calls that no safe crate of ours offers. All `unsafe` of this crate is here.
//!
//! Knows what the kernel says of who is at the other end of a unix socket. Judges nothing.
#![expect(unsafe_code, reason = "system calls take pointers; each block says why its are valid")]

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

/// Room for a security label at first; the kernel asks for more where it is not enough.
const LABEL_ROOM_BYTES: usize = 256;

/// Room for supplementary groups at first; the kernel asks for more where it is not enough.
const GROUPS_ROOM: usize = 32;

/// Most bytes that an answer may have: 65536 groups of four bytes.
///
/// # Source
/// `NGROUPS_MAX` in `include/uapi/linux/limits.h`.
const ANSWER_LIMIT_BYTES: usize = 65_536 * size_of::<libc::gid_t>();

/// `getsockopt(2)` `SO_PEERPIDFD` - The process that connected, held so that its number cannot pass
/// to another.
///
/// # Errors
/// What the system call answers; ENOPROTOOPT before Linux 6.5.
pub(crate) fn peer_pidfd(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(socket::getsockopt(&socket, sockopt::PeerPidfd)?)
}

/// `getsockopt(2)` `SO_PEERGROUPS` - The supplementary groups that the peer had when it connected.
///
/// # Errors
/// What the system call answers.
pub(crate) fn peer_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<Gid>> {
    let room_bytes = GROUPS_ROOM * size_of::<libc::gid_t>();
    let bytes = socket_option(socket, libc::SO_PEERGROUPS, room_bytes)?;
    let numbers = bytes.chunks_exact(size_of::<libc::gid_t>()).filter_map(|number| {
        Some(Gid::from_raw(libc::gid_t::from_ne_bytes(number.try_into().ok()?)))
    });
    Ok(numbers.collect())
}

/// `getsockopt(2)` `SO_PEERSEC` - The peer's security label, as the kernel ends it; `None`
/// where no security module gives one.
///
/// # Errors
/// What the system call answers.
pub(crate) fn peer_label(socket: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    match socket_option(socket, libc::SO_PEERSEC, LABEL_ROOM_BYTES) {
        Ok(label) => Ok(Some(label)),
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `recv(2)` `MSG_PEEK` - Reads what has arrived and leaves it there. Does not wait: where nothing
/// has arrived this is [`io::ErrorKind::WouldBlock`]; 0 says that the peer has closed.
///
/// # Errors
/// What the system call answers.
pub(crate) fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    Ok(socket::recv(socket.as_raw_fd(), buffer, flags)?)
}

/// `pidfd_open(2)` - The process that has this number at the moment, held so that the number cannot
/// pass to another.
///
/// # Errors
/// What the system call answers; ESRCH if there is no such process.
pub(crate) fn pidfd_open(process: Pid) -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers and no pointers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process.as_raw(), 0) };
    let fd = RawFd::try_from(Errno::result(fd)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made the descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `epoll_ctl(2)` - Has the event loop of this thread watch a stream.
///
/// # Errors
/// If the event loop cannot watch it.
pub(crate) fn watch_stream(
    stream: UnixStream,
    interest: Interest,
) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: the standard library's stream owns its descriptor, and gives the same one for as long
    // as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(stream, interest) }?)
}

/// `epoll_ctl(2)` - Has the event loop of this thread watch a listening socket.
///
/// # Errors
/// If the event loop cannot watch it.
pub(crate) fn watch_listener(listener: UnixListener) -> io::Result<AsyncFd<UnixListener>> {
    // SAFETY: as above, for the standard library's listener.
    Ok(unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) }?)
}

/// `recv(2)` - Reads what has arrived into memory that need not hold anything yet, and gives its
/// length.
///
/// # Errors
/// What the system call answers.
pub(crate) fn read_into(
    socket: BorrowedFd<'_>,
    buffer: &mut ReadBufCursor<'_>,
) -> io::Result<usize> {
    let room = buffer.remaining();
    // SAFETY: the kernel writes at most `room` bytes to where the buffer has room for as many, and
    // what was there before stays initialized. As many are counted as it says that it has written.
    unsafe {
        let place = buffer.as_mut().as_mut_ptr().cast();
        let read = libc::recv(socket.as_raw_fd(), place, room, 0);
        let count = usize::try_from(Errno::result(read)?).unwrap_or_default().min(room);
        buffer.advance(count);
        Ok(count)
    }
}

/// `mallopt(3)` - Keeps a little memory that is not used, where the C library can: what is given
/// back to the kernel with each buffer of a stream costs as much as the stream.
pub(crate) fn keep_memory() {
    /// Enough for the buffers of a stream.
    const KEPT_BYTES: libc::c_int = 512 << 10;
    // SAFETY: takes two numbers and no pointers.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

/// `malloc_trim(3)` - Gives memory that is not used back to the kernel, where the C library can.
pub(crate) fn trim_memory() {
    // SAFETY: takes a number and no pointers, and may be called by any thread at any time.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// `connect(2)` - Connects to the unix socket, or says [`io::ErrorKind::WouldBlock`] where too many
/// wait to be accepted.
///
/// # Errors
/// What the system calls answer.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let stream = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    socket::connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(UnixStream::from(stream))
}

/// Takes over a listening unix socket that the service manager has handed to this process.
///
/// # Errors
/// If the descriptor is not open, or is something else.
///
/// # Source
/// `sd_listen_fds(3)`: descriptors from 3 on belong to the process.
pub(crate) fn handed_over_listener(descriptor: RawFd) -> io::Result<UnixListener> {
    // SAFETY: only looked at, while nothing else can close it.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let is_listening = socket::getsockopt(&borrowed, sockopt::AcceptConn)?;
    let address: UnixAddr = socket::getsockname(descriptor)?;
    if !is_listening || address.path().is_none() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the service manager made it for this process, which takes it over once.
    let listener = unsafe { UnixListener::from_raw_fd(descriptor) };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// `getsockopt(2)` - A socket option whose length only the kernel knows.
fn socket_option(
    socket: BorrowedFd<'_>,
    option: libc::c_int,
    room_bytes: usize,
) -> io::Result<Vec<u8>> {
    let mut value = vec![0; room_bytes];
    loop {
        let mut len = libc::socklen_t::try_from(value.len()).map_err(|_| Errno::ERANGE)?;
        // SAFETY: the value is valid for the length given, and both outlive the call.
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
            // The length has become the one that is needed.
            Err(Errno::ERANGE) if len > value.len() && len <= ANSWER_LIMIT_BYTES => {
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
    fn the_peer_of_a_socket_is_known() {
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
    fn an_answer_that_finds_too_little_room_is_asked_for_again() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let groups = nix::unistd::getgroups().unwrap();
        let bytes = socket_option(ours.as_fd(), libc::SO_PEERGROUPS, 0).unwrap();
        assert_eq!(bytes.len(), groups.len() * size_of::<libc::gid_t>());
    }

    #[test]
    fn a_peek_leaves_everything_and_does_not_wait() {
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
    fn a_process_that_is_gone_has_no_pidfd() {
        pidfd_open(Pid::this()).unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let process = Pid::from_raw(child.id().try_into().unwrap());
        child.wait().unwrap();
        assert_eq!(pidfd_open(process).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }
}
