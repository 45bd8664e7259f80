//! The netlink exchange with the kernel's audit system.
//!
//! Knows datagrams, acknowledgements and deadlines. Knows nothing of what a record says.
//!
//! The kernel handles a datagram inside `sendto(2)`, so its answer is queued when the call
//! returns: one send and one receive are the whole exchange. The answer to an earlier request that
//! timed out may still come, and anybody on the host may send to a netlink socket, so an answer
//! counts only if it has the right sequence number and comes from the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use netlink_packet_core::{
    Emitable, ErrorBuffer, NLM_F_ACK, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_AUDIT};

use crate::sys;

/// Bytes that the kernel keeps of the send buffer for itself.
///
/// # Source
/// `netlink_sendmsg` in `net/netlink/af_netlink.c`: `len > sk->sk_sndbuf - 32` is EMSGSIZE.
const SEND_BUFFER_OVERHEAD_BYTES: usize = 32;

/// Room for any answer: an acknowledgement has 36 bytes, one that repeats the request at most 9 kB.
const ANSWER_LIMIT_BYTES: usize = 16 * 1024;

const HEADER_BYTES: usize = 16;

/// Messages for one `sendto(2)`: the kernel takes them in order, under one lock.
#[derive(Debug, Default)]
pub(crate) struct Datagram {
    bytes: Vec<u8>,
    /// Where the last message starts, in bytes.
    last: usize,
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
        self.last = self.bytes.len();
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

    /// Asks for an answer to the last message. Errors are answered unasked, and one answer for
    /// all keeps a long datagram from filling the receive buffer.
    fn ask_for_acknowledgement(&mut self) {
        if let Some(header) = self.bytes.get_mut(self.last..) {
            NetlinkBuffer::new(header).set_flags(NLM_F_REQUEST | NLM_F_ACK);
        }
    }

    fn last_sequence(&self) -> u32 {
        self.first_sequence.wrapping_add(self.count.saturating_sub(1))
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
        self.last = 0;
    }
}

/// What went wrong in an exchange.
#[derive(Debug)]
pub(crate) enum Failure {
    Send(io::Error),
    Receive(io::Error),
    TimedOut,
    /// The kernel refused the message with this index in the datagram.
    Refused {
        index: u32,
        errno: i32,
    },
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
    pub(crate) fn make_room(&mut self, len: usize) -> io::Result<()> {
        if len > self.send_limit_bytes {
            // The kernel doubles the number to allow for its own bookkeeping.
            let size = (len + SEND_BUFFER_OVERHEAD_BYTES).div_ceil(2);
            sys::set_send_buffer_size(self.fd(), size)?;
            self.read_send_limit()?;
        }
        Ok(())
    }

    /// Sends the datagram and waits for the kernel to take all of it. Empties the datagram.
    pub(crate) fn exchange(
        &mut self,
        datagram: &mut Datagram,
        deadline: Duration,
    ) -> Result<(), Failure> {
        let end = Instant::now().checked_add(deadline);
        datagram.ask_for_acknowledgement();
        let result = self.send(datagram).and_then(|()| {
            await_acknowledgement(datagram, &mut self.answer, |buffer| {
                receive(&self.socket, buffer, end)
            })
        });
        datagram.reset();
        result
    }

    /// Sends the datagram without asking for an acknowledgement and gives each answer to `take`,
    /// its type and content, until `take` says that it was the last. Empties the datagram.
    pub(crate) fn query(
        &mut self,
        datagram: &mut Datagram,
        deadline: Duration,
        mut take: impl FnMut(u16, &[u8]) -> Progress,
    ) -> Result<(), Failure> {
        let end = Instant::now().checked_add(deadline);
        let mut result = self.send(datagram);
        while result.is_ok() {
            result = match receive(&self.socket, &mut self.answer, end) {
                Ok(Some(incoming)) => match Answer::read(&self.answer, incoming, datagram) {
                    Some(Answer::Errno { errno: 0, .. }) | None => continue,
                    Some(Answer::Errno { index, errno }) => Err(Failure::Refused { index, errno }),
                    Some(Answer::Content { message_type, content }) => {
                        match take(message_type, content) {
                            Progress::More => continue,
                            Progress::Last => break,
                        }
                    }
                },
                Ok(None) => Err(Failure::TimedOut),
                Err(error) => Err(Failure::Receive(error)),
            };
        }
        datagram.reset();
        result
    }

    /// The destination is given each time: then only the sender's present capabilities count,
    /// not those of whoever opened the socket.
    fn send(&self, datagram: &Datagram) -> Result<(), Failure> {
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

/// Receives what is queued, or waits for it until the end. `None` if the time ran out.
fn receive(
    socket: &Socket,
    mut buffer: &mut [u8],
    end: Option<Instant>,
) -> io::Result<Option<Incoming>> {
    loop {
        let error = match socket.recv_from(&mut buffer, libc::MSG_DONTWAIT) {
            Ok((len, sender)) => {
                return Ok(Some(Incoming { len, sender_port: sender.port_number() }));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let now = Instant::now();
                let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(now));
                match sys::wait_readable(socket.as_fd(), left) {
                    Ok(false) if left.is_zero() => return Ok(None),
                    Ok(_) => continue,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Takes answers until the last message is acknowledged. The first refusal counts.
fn await_acknowledgement(
    datagram: &Datagram,
    buffer: &mut [u8],
    mut receive: impl FnMut(&mut [u8]) -> io::Result<Option<Incoming>>,
) -> Result<(), Failure> {
    let mut refusal = None;
    loop {
        let incoming = match receive(buffer) {
            Ok(Some(incoming)) => incoming,
            Ok(None) => return Err(refusal.unwrap_or(Failure::TimedOut)),
            Err(error) => return Err(refusal.unwrap_or(Failure::Receive(error))),
        };
        let Some(Answer::Errno { index, errno }) = Answer::read(buffer, incoming, datagram) else {
            continue;
        };
        if errno != 0 {
            refusal.get_or_insert(Failure::Refused { index, errno });
        }
        if Some(index) == datagram.index_of(datagram.last_sequence()) {
            return refusal.map_or(Ok(()), Err);
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
