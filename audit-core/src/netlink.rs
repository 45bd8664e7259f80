//! The netlink exchange with the kernel's audit system.
//!
//! Knows datagrams, acknowledgements and deadlines. Knows nothing of what a record says.
//!
//! The kernel handles a datagram inside `sendto(2)` and queues each refusal before the call returns,
//! asked for an acknowledgement or not. So records are sent without asking, and a receive that
//! finds the queue empty proves that all were taken: two system calls, and no answer to make and
//! read. Three things could hide a refusal, and none can here:
//!
//! - A refusal that finds no room or no memory is lost, but then the receive fails with ENOBUFS.
//!   The kernel says so once until the queue has been empty, so each exchange empties it.
//! - A message whose length is wrong ends the datagram without a word. [`Datagram`] alone writes
//!   lengths, and a debug build checks every datagram before it goes out.
//! - The answer to an earlier request that timed out may still come, and a process with
//!   `CAP_NET_ADMIN` may send to the socket too. An answer counts only if it has the right sequence
//!   number and comes from the kernel.
//!
//! # Source
//! `audit_receive` in `kernel/audit.c`: the loop over the messages calls `netlink_ack` for every
//! error. `netlink_unicast_kernel`, `netlink_ack`, `netlink_overrun` and `netlink_rcv_wake` in
//! `net/netlink/af_netlink.c`. Every refusal is provoked in `tests/emitter.rs`.

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

/// Bytes that the kernel keeps of the send buffer for itself.
///
/// # Source
/// `netlink_sendmsg` in `net/netlink/af_netlink.c`: `len > sk->sk_sndbuf - 32` is EMSGSIZE.
const SEND_BUFFER_OVERHEAD_BYTES: usize = 32;

/// Room for any answer: a refusal has 36 bytes, one that repeats the request at most 9 kB.
const ANSWER_LIMIT_BYTES: usize = 16 * 1024;

const HEADER_BYTES: usize = 16;

/// Messages for one `sendto(2)`: the kernel takes them in order, under one lock.
#[derive(Debug, Default)]
pub(crate) struct Datagram {
    bytes: Vec<u8>,
    /// Sequence number of the first message. The others count on from it.
    first_sequence: u32,
    count: u32,
}

impl Datagram {
    /// Appends a message: the header, the text and the NUL without which the kernel would take
    /// the text's last byte for one.
    pub(crate) fn push(&mut self, message_type: u16, text: &[u8]) {
        self.push_message(message_type, text, b"\0");
    }

    /// Appends a message whose content is not text.
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

    /// Length of what [`push`](Self::push) appends, in bytes.
    pub(crate) fn message_len(text: &[u8]) -> usize {
        (HEADER_BYTES + text.len() + 1).next_multiple_of(4)
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Which of the datagram's messages has this sequence number, counted from 0.
    fn index_of(&self, sequence: u32) -> Option<u32> {
        let index = sequence.wrapping_sub(self.first_sequence);
        (index < self.count).then_some(index)
    }

    /// Empties the datagram and goes on with the next sequence number.
    pub(crate) fn reset(&mut self) {
        self.first_sequence = self.first_sequence.wrapping_add(self.count);
        self.bytes.clear();
        self.count = 0;
    }

    /// Whether the messages' lengths lead from the first byte to the last: a message that does not
    /// begin where the kernel looks for it is dropped without an answer, and so are all behind it.
    ///
    /// # Source
    /// `nlmsg_ok` and `nlmsg_next` in `include/net/netlink.h`.
    fn is_well_framed(&self) -> bool {
        let mut rest = self.bytes.as_slice();
        let mut count = 0;
        while !rest.is_empty() {
            let Ok(message) = NetlinkBuffer::new_checked(rest) else { return false };
            let Some(behind) = rest.get((message.length() as usize).next_multiple_of(4)..) else {
                return false;
            };
            rest = behind;
            count += 1;
        }
        count == self.count
    }
}

/// What went wrong in an exchange.
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
    /// What it means, for each of the records that it befell.
    pub(crate) fn to_error(&self, deadline: Duration) -> Error {
        match self {
            Self::Send(source) => Error::Send { source: copy(source) },
            Self::Receive(source) => Error::Receive { source: copy(source) },
            Self::TimedOut => Error::TimedOut { deadline },
            Self::Refused { errno } => {
                Error::Kernel { source: io::Error::from_raw_os_error(*errno) }
            }
        }
    }
}

/// What a system call answered, once more: an [`io::Error`] cannot be cloned.
fn copy(error: &io::Error) -> io::Error {
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
        // Without it an error repeats the whole request. A kernel that lacks it still works.
        let _ = socket.set_cap_ack(true);
        let mut connection =
            Self { socket, answer: vec![0; ANSWER_LIMIT_BYTES], send_limit_bytes: 0 };
        connection.read_send_limit()?;
        Ok(connection)
    }

    /// Longest datagram that can be sent, in bytes.
    pub(crate) fn send_limit_bytes(&self) -> usize {
        self.send_limit_bytes
    }

    /// Raises the longest datagram to `len` bytes, or as near as the host allows.
    pub(crate) fn make_room(&mut self, len: usize) {
        if len > self.send_limit_bytes {
            // The kernel doubles the number to allow for its own bookkeeping.
            let size = (len + SEND_BUFFER_OVERHEAD_BYTES).div_ceil(2);
            // Where it may not be raised, datagrams stay shorter.
            let _ = sys::set_send_buffer_size(self.fd(), size);
            let _ = self.read_send_limit();
        }
    }

    /// Sends the datagram, and gives the index of each message that the kernel refuses to
    /// `refused`, with the errno. The kernel took all others. Empties the datagram.
    ///
    /// A failure says nothing of the messages that were not refused before it. The deadline ends
    /// only a flood of what is no answer.
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

    /// Sends the datagram and gives each answer to `take`, its type and content, until `take` says
    /// that it was the last. Empties the datagram.
    pub(crate) fn query(
        &mut self,
        datagram: &mut Datagram,
        deadline: Duration,
        take: impl FnMut(u16, &[u8]) -> Progress,
    ) -> Result<(), Failure> {
        let end = Instant::now().checked_add(deadline);
        let result = self.send(datagram).and_then(|()| {
            take_answers(datagram, &mut self.answer, end, take, |buffer| {
                receive(&self.socket, buffer, end)
            })
        });
        datagram.reset();
        result
    }

    /// The destination is given each time: then only the sender's present capabilities count,
    /// not those of whoever opened the socket.
    fn send(&self, datagram: &Datagram) -> Result<(), Failure> {
        debug_assert!(datagram.is_well_framed(), "the kernel would drop it without a word");
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

/// Whether more answers to a query are to come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Last,
}

/// What was received into a buffer.
#[derive(Clone, Copy)]
struct Incoming {
    len: usize,
    sender_port: u32,
}

/// Receives what is queued. `None` if nothing is.
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

/// Receives what is queued, or waits for it until the end. `None` if the time ran out.
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

/// Takes answers until none is queued.
fn collect_refusals(
    datagram: &Datagram,
    buffer: &mut [u8],
    deadline: Duration,
    mut refused: impl FnMut(u32, i32),
    mut receive: impl FnMut(&mut [u8]) -> io::Result<Option<Incoming>>,
) -> Result<(), Failure> {
    let mut result = Ok(());
    // The clock is read only when there is something strange in the queue.
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
            // A refusal was lost. What is queued goes first, so that the next loss is told too.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                result = Err(Failure::Receive(error));
            }
            Err(error) => return Err(Failure::Receive(error)),
        }
    }
}

/// Takes answers until `take` says that it was the last, or the time runs out.
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
            // A flood of what is no answer must not outlast the deadline.
            Some(Answer::Errno { .. }) | None => {
                if end.is_some_and(|end| end < Instant::now()) {
                    return Err(Failure::TimedOut);
                }
            }
        }
    }
}

/// An answer of the kernel's to a message of ours.
enum Answer<'a> {
    /// 0 acknowledges; positive otherwise.
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
    /// `None` for what does not answer the datagram or does not come from the kernel.
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
