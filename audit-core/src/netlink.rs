//! The netlink exchange with the kernel's audit system.
//!
//! This file knows datagrams, acknowledgements and deadlines. It knows nothing about the content of
//! records.
//!
//! The kernel handles a datagram inside `sendto(2)`. It queues each refusal before the call returns,
//! even if the message did not ask for an acknowledgement. So records are sent without asking for
//! one. A receive that finds the queue empty proves that the kernel took all records. This takes two
//! system calls, and the kernel makes no answer that this process would have to read. Three things
//! could hide a refusal. None of them can here:
//!
//! - The kernel loses a refusal for which it has no room or no memory. Then the receive fails with
//!   ENOBUFS. The kernel reports this once until the queue has been empty, so each exchange empties
//!   the queue.
//! - The kernel stops at a message whose length is wrong, without an error. Only [`Datagram`] writes
//!   lengths, and a debug build checks every datagram before it is sent.
//! - The answer to an earlier request that timed out may still arrive, and a process with
//!   `CAP_NET_ADMIN` may send to the socket too. An answer counts only if it has the right sequence
//!   number and comes from the kernel.
//!
//! # Source
//! `audit_receive` in `kernel/audit.c`: the loop over the messages calls `netlink_ack` for every
//! error. `netlink_unicast_kernel`, `netlink_ack`, `netlink_overrun` and `netlink_rcv_wake` in
//! `net/netlink/af_netlink.c`. `tests/emitter.rs` provokes every refusal.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod listener;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use netlink_packet_core::{Emitable, ErrorBuffer, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_AUDIT};

use crate::error::Error;
use crate::sys;

pub(crate) use listener::Listener;

/// Bytes of the send buffer that the kernel reserves.
///
/// # Source
/// `netlink_sendmsg` in `net/netlink/af_netlink.c`: `len > sk->sk_sndbuf - 32` is EMSGSIZE.
const SEND_BUFFER_OVERHEAD_BYTES: usize = 32;

/// Room for any answer. A refusal has 36 bytes. One that repeats the request has at most 9 kB.
const ANSWER_LIMIT_BYTES: usize = 16 * 1024;

const HEADER_BYTES: usize = 16;

/// Messages for one `sendto(2)`. The kernel takes them in order, under one lock.
#[derive(Debug, Default)]
pub(crate) struct Datagram {
    bytes: Vec<u8>,
    /// Sequence number of the first message. The others follow it.
    first_sequence: u32,
    count: u32,
}

impl Datagram {
    /// Appends a message: the header, the text and a NUL. Without the NUL the kernel would overwrite the
    /// last byte of the text with one.
    pub(crate) fn push(&mut self, message_type: u16, text: &[u8]) {
        self.push_message(message_type, text, b"\0");
    }

    /// Appends a message with binary content.
    pub(crate) fn push_binary(&mut self, message_type: u16, content: &[u8]) {
        self.push_message(message_type, content, b"");
    }

    fn push_message(&mut self, message_type: u16, content: &[u8], end: &[u8]) {
        let len = HEADER_BYTES + content.len() + end.len();
        let mut header = NetlinkHeader::default();
        header.length = len.try_into().unwrap_or(u32::MAX);
        header.message_type = message_type;
        header.flags = NLM_F_REQUEST;
        header.sequence_number = self.first_sequence.wrapping_add(self.count);
        let mut header_bytes = [0; HEADER_BYTES];
        header.emit(&mut header_bytes);
        self.bytes.extend_from_slice(&header_bytes);
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(end);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.count += 1;
    }

    /// How many bytes [`push`](Self::push) appends.
    pub(crate) fn message_len(text: &[u8]) -> usize {
        (HEADER_BYTES + text.len() + 1).next_multiple_of(4)
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The index of the datagram's message with this sequence number.
    fn index_of(&self, sequence: u32) -> Option<u32> {
        let index = sequence.wrapping_sub(self.first_sequence);
        (index < self.count).then_some(index)
    }

    /// Empties the datagram and continues with the next sequence number.
    pub(crate) fn reset(&mut self) {
        self.first_sequence = self.first_sequence.wrapping_add(self.count);
        self.bytes.clear();
        self.count = 0;
    }

    /// Whether the lengths of the messages lead from the first byte to the last. If a message does not
    /// begin where the kernel looks for it, the kernel drops it and all later ones without an answer.
    ///
    /// # Source
    /// `nlmsg_ok` and `nlmsg_next` in `include/net/netlink.h`.
    fn is_well_framed(&self) -> bool {
        let mut rest = self.bytes.as_slice();
        let mut count = 0;
        while !rest.is_empty() {
            let Ok(message) = NetlinkBuffer::new_checked(rest) else { return false };
            let Some(next) = rest.get((message.length() as usize).next_multiple_of(4)..) else {
                return false;
            };
            rest = next;
            count += 1;
        }
        count == self.count
    }
}

/// Why an exchange failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Send(io::Error),
    Receive(io::Error),
    TimedOut,
    /// The kernel refused a request.
    Refused {
        errno: i32,
    },
}

impl Failure {
    /// The failure as an error. Each record that it affects gets its own.
    pub(crate) fn to_error(&self, deadline: Duration) -> Error {
        match self {
            Self::Send(source) => Error::Send { source: copy_error(source) },
            Self::Receive(source) => Error::Receive { source: copy_error(source) },
            Self::TimedOut => Error::TimedOut { deadline },
            Self::Refused { errno } => {
                Error::Kernel { source: io::Error::from_raw_os_error(*errno) }
            }
        }
    }
}

/// Copies the error of a system call: an [`io::Error`] cannot be cloned.
pub(crate) fn copy_error(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// A socket to the kernel's audit system.
pub(crate) struct Connection {
    socket: Socket,
    answer: Vec<u8>,
    send_limit_bytes: usize,
}

impl Connection {
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_AUDIT)?;
        // Without this option, an error repeats the whole request. A kernel that lacks the option works too.
        let _ = socket.set_cap_ack(true);
        let mut connection =
            Self { socket, answer: vec![0; ANSWER_LIMIT_BYTES], send_limit_bytes: 0 };
        connection.read_send_limit()?;
        Ok(connection)
    }

    /// Longest datagram that the socket can send, in bytes.
    pub(crate) fn send_limit_bytes(&self) -> usize {
        self.send_limit_bytes
    }

    /// Raises the send limit to `len` bytes, or as far as the host allows.
    pub(crate) fn make_room(&mut self, len: usize) {
        if len > self.send_limit_bytes {
            // The kernel doubles the number, to have room for its own data.
            let size = (len + SEND_BUFFER_OVERHEAD_BYTES).div_ceil(2);
            // If the host does not allow it, datagrams stay shorter.
            let _ = sys::set_send_buffer_size(self.fd(), size);
            let _ = self.read_send_limit();
        }
    }

    /// Sends the datagram. Calls `refused` with the index and the errno for each message that the kernel
    /// refuses. The kernel took all others. Empties the datagram.
    ///
    /// After a failure, the kernel may or may not have taken the messages that were not refused before.
    /// The deadline only ends a flood of messages that are no answers.
    pub(crate) fn submit(
        &mut self,
        datagram: &mut Datagram,
        deadline: Duration,
        refused: impl FnMut(u32, i32),
    ) -> Result<(), Failure> {
        let result = self.send(datagram).and_then(|()| {
            collect_refusals(datagram, &mut self.answer, deadline, refused, |buffer| {
                receive_queued(&self.socket, buffer)
            })
        });
        datagram.reset();
        result
    }

    /// Sends the datagram, and passes the type and content of each answer to `take`, until `take` returns
    /// [`Progress::Last`]. Empties the datagram.
    pub(crate) fn query(
        &mut self,
        datagram: &mut Datagram,
        deadline: Duration,
        take: impl FnMut(u16, &[u8]) -> Progress,
    ) -> Result<(), Failure> {
        match self.send(datagram) {
            Ok(()) => self.answers(datagram, deadline, take),
            Err(failure) => {
                datagram.reset();
                Err(failure)
            }
        }
    }

    /// Sends the datagram, whose answers [`answers`](Self::answers) reads later.
    pub(crate) fn request(&self, datagram: &Datagram) -> Result<(), Failure> {
        self.send(datagram)
    }

    /// The second half of [`query`](Self::query).
    pub(crate) fn answers(
        &mut self,
        datagram: &mut Datagram,
        deadline: Duration,
        take: impl FnMut(u16, &[u8]) -> Progress,
    ) -> Result<(), Failure> {
        let end = Instant::now().checked_add(deadline);
        let result = take_answers(datagram, &mut self.answer, end, take, |buffer| {
            receive(&self.socket, buffer, end)
        });
        datagram.reset();
        result
    }

    /// Each call names the destination, so the kernel checks the sender's current capabilities. For a
    /// connected socket it would also check the capabilities of the process that opened the socket.
    fn send(&self, datagram: &Datagram) -> Result<(), Failure> {
        debug_assert!(datagram.is_well_framed(), "the kernel would drop it without an error");
        loop {
            match self.socket.send_to(&datagram.bytes, &SocketAddr::new(0, 0), 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::Send(error)),
            }
        }
    }

    fn read_send_limit(&mut self) -> io::Result<()> {
        let size = sys::send_buffer_size(self.fd())?;
        self.send_limit_bytes = size.saturating_sub(SEND_BUFFER_OVERHEAD_BYTES);
        Ok(())
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a query expects more answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Last,
}

/// A message in the receive buffer.
#[derive(Clone, Copy)]
struct Incoming {
    len: usize,
    sender_port: u32,
}

/// Receives a queued message. `None` if the queue is empty.
fn receive_queued(socket: &Socket, mut buffer: &mut [u8]) -> io::Result<Option<Incoming>> {
    loop {
        match socket.recv_from(&mut buffer, libc::MSG_DONTWAIT) {
            Ok((len, sender)) => {
                return Ok(Some(Incoming { len, sender_port: sender.port_number() }));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Receives a message, and waits for it until `end`. `None` after that time.
fn receive(
    socket: &Socket,
    buffer: &mut [u8],
    end: Option<Instant>,
) -> io::Result<Option<Incoming>> {
    loop {
        if let Some(incoming) = receive_queued(socket, buffer)? {
            return Ok(Some(incoming));
        }
        let now = Instant::now();
        let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(now));
        match sys::wait_readable(socket.as_fd(), left) {
            Ok(false) if left.is_zero() => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads answers until the queue is empty.
fn collect_refusals(
    datagram: &Datagram,
    buffer: &mut [u8],
    deadline: Duration,
    mut refused: impl FnMut(u32, i32),
    mut receive: impl FnMut(&mut [u8]) -> io::Result<Option<Incoming>>,
) -> Result<(), Failure> {
    let mut result = Ok(());
    // The clock is read only if the queue holds a message that is no refusal.
    let mut end = None;
    loop {
        match receive(buffer) {
            Ok(None) => return result,
            Ok(Some(incoming)) => match Answer::read(buffer, incoming, datagram) {
                Some(Answer::Errno { index, errno }) if errno != 0 => refused(index, errno),
                _ => {
                    let now = Instant::now();
                    let end = *end.get_or_insert_with(|| now.checked_add(deadline));
                    if end.is_some_and(|end| end < now) {
                        return Err(Failure::TimedOut);
                    }
                }
            },
            // The kernel lost a refusal. The queue is emptied first, so that the kernel reports the next
            // loss too.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                result = Err(Failure::Receive(error));
            }
            Err(error) => return Err(Failure::Receive(error)),
        }
    }
}

/// Reads answers until `take` returns [`Progress::Last`], or until the time is over.
fn take_answers(
    datagram: &Datagram,
    buffer: &mut [u8],
    end: Option<Instant>,
    mut take: impl FnMut(u16, &[u8]) -> Progress,
    mut receive: impl FnMut(&mut [u8]) -> io::Result<Option<Incoming>>,
) -> Result<(), Failure> {
    loop {
        let incoming = match receive(buffer) {
            Ok(Some(incoming)) => incoming,
            Ok(None) => return Err(Failure::TimedOut),
            Err(error) => return Err(Failure::Receive(error)),
        };
        match Answer::read(buffer, incoming, datagram) {
            Some(Answer::Errno { errno, .. }) if errno != 0 => {
                return Err(Failure::Refused { errno });
            }
            Some(Answer::Content { message_type, content }) => {
                if take(message_type, content) == Progress::Last {
                    return Ok(());
                }
            }
            // A flood of messages that are no answers must not outlast the deadline.
            Some(Answer::Errno { .. }) | None => {
                if end.is_some_and(|end| end < Instant::now()) {
                    return Err(Failure::TimedOut);
                }
            }
        }
    }
}

/// The kernel's answer to a message of the datagram.
enum Answer<'a> {
    /// An errno of 0 acknowledges; any other is positive.
    Errno {
        index: u32,
        errno: i32,
    },
    Content {
        message_type: u16,
        content: &'a [u8],
    },
}

impl<'a> Answer<'a> {
    /// `None` for a message that does not answer the datagram, or does not come from the kernel.
    fn read(buffer: &'a [u8], incoming: Incoming, datagram: &Datagram) -> Option<Self> {
        if incoming.sender_port != 0 {
            return None;
        }
        let message = NetlinkBuffer::new_checked(buffer.get(..incoming.len)?).ok()?;
        let index = datagram.index_of(message.sequence_number())?;
        let content = message.payload();
        match i32::from(message.message_type()) {
            libc::NLMSG_ERROR => {
                let error = ErrorBuffer::new_checked(content).ok()?;
                let errno = error.code().map_or(0, |code| code.get().saturating_neg());
                Some(Self::Errno { index, errno })
            }
            _ => Some(Self::Content { message_type: message.message_type(), content }),
        }
    }
}

#[cfg(test)]
mod tests;
