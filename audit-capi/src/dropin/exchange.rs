//! The netlink exchange on a socket that the C program owns.
//!
//! Knows messages, sequence numbers and answers. Knows nothing about the content of records.
//!
//! `audit-core` has an exchange of its own, on a socket that it owns. This one borrows a descriptor
//! that the program may close, reuse or pass to a child at any time. So it keeps nothing between two
//! calls but the sequence number.

use std::ffi::c_int;
use std::process;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use audit_core::RecordType;

use crate::dropin::lock::Lock;
use crate::sys::{self, Errno};

/// Most messages in one datagram: eight of the longest are a third of the usual send buffer.
const MESSAGES_LIMIT: usize = 8;

const HEADER_BYTES: usize = 16;

/// The header of an answer and its errno. The rest of an answer repeats the request.
const ANSWER_BYTES: usize = HEADER_BYTES + 4;

/// # Source
/// `NLM_F_REQUEST` and `NLM_F_ACK` in `include/uapi/linux/netlink.h`.
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;

/// How long to wait for an answer. The kernel handles a datagram inside `sendto(2)`, so the answer is
/// queued when the call returns, unless another process on the same socket took it.
const DEADLINE: Duration = Duration::from_millis(500);

/// The process that last opened a socket; 0 if none did.
static OPENER: AtomicU32 = AtomicU32::new(0);

/// A thread could receive the answer for another thread, so only one at a time uses a socket.
static EXCHANGE: Lock = Lock::new();

/// The sequence number of the next message: 1 to `INT_MAX`, because callers receive it as an `int`.
static SEQUENCE: AtomicI32 = AtomicI32::new(1);

/// Opens a socket for this process.
pub(crate) fn open() -> Result<c_int, Errno> {
    OPENER.store(process::id(), Ordering::Relaxed);
    sys::open_audit_socket()
}

/// Sends the texts as records of this type, and returns the sequence number of the first.
///
/// A forked process shares the socket with its parent, so each could take the other's answers. The
/// child therefore sends through a socket of its own, if it can open one. The kernel treats both
/// sockets alike: it checks the capabilities of the sender only.
pub(crate) fn send(fd: c_int, record_type: RecordType, texts: &[Vec<u8>]) -> Result<c_int, Errno> {
    let _held = EXCHANGE.take();
    let opener = OPENER.load(Ordering::Relaxed);
    if opener != 0 && opener != process::id() {
        if let Ok(own) = sys::open_audit_socket() {
            let sent = send_on(own, record_type, texts);
            sys::close(own);
            return sent;
        }
    }
    send_on(fd, record_type, texts)
}

/// The caller holds the lock.
fn send_on(fd: c_int, record_type: RecordType, texts: &[Vec<u8>]) -> Result<c_int, Errno> {
    let mut first_of_all = None;
    for texts in texts.chunks(MESSAGES_LIMIT) {
        let first = reserve(texts.len());
        let last = first + index(texts.len()) - 1;
        let mut datagram = Vec::new();
        for (sequence, text) in (first..).zip(texts) {
            let flags = if sequence == last { REQUEST | ACKNOWLEDGE } else { REQUEST };
            push(&mut datagram, record_type.number(), flags, sequence, text);
        }
        sys::send(fd, &datagram)?;
        await_acknowledgement(fd, first, last)?;
        first_of_all.get_or_insert(first);
    }
    first_of_all.ok_or(Errno(libc::EINVAL))
}

/// Reserves sequence numbers for `count` messages. The caller holds the lock.
fn reserve(count: usize) -> c_int {
    let next = SEQUENCE.load(Ordering::Relaxed);
    let (first, after) = match next.checked_add(index(count)) {
        Some(after) => (next, after),
        None => (1, 1 + index(count)),
    };
    SEQUENCE.store(after, Ordering::Relaxed);
    first
}

fn index(count: usize) -> c_int {
    c_int::try_from(count).unwrap_or(c_int::MAX)
}

/// Appends a message: the header, the text and a NUL. Without the NUL the kernel would overwrite the
/// last byte of the text with one.
fn push(datagram: &mut Vec<u8>, message_type: u16, flags: u16, sequence: c_int, text: &[u8]) {
    let len = u32::try_from(HEADER_BYTES + text.len() + 1).unwrap_or(u32::MAX);
    datagram.extend(len.to_ne_bytes());
    datagram.extend(message_type.to_ne_bytes());
    datagram.extend(flags.to_ne_bytes());
    datagram.extend(sequence.to_ne_bytes());
    datagram.extend(0_u32.to_ne_bytes());
    datagram.extend(text);
    datagram.push(0);
    datagram.resize(datagram.len().next_multiple_of(4), 0);
}

/// Reads answers until the last message has one. Returns the first refusal.
fn await_acknowledgement(fd: c_int, first: c_int, last: c_int) -> Result<(), Errno> {
    let start = Instant::now();
    let mut result = Ok(());
    loop {
        let mut buffer = [0; ANSWER_BYTES];
        let answer = match sys::receive(fd, &mut buffer) {
            Ok((len, sender)) => buffer.get(..len).and_then(|bytes| Answer::read(bytes, sender)),
            Err(Errno(libc::EINTR)) => None,
            Err(Errno(libc::EAGAIN)) => {
                let left = DEADLINE.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return result.and(Err(Errno(libc::ETIMEDOUT)));
                }
                sys::wait_readable(fd, left);
                None
            }
            Err(errno) => return result.and(Err(errno)),
        };
        let Some(Answer { sequence, errno }) = answer else { continue };
        if !(first..=last).contains(&sequence) {
            continue;
        }
        if errno != 0 {
            result = result.and(Err(Errno(errno)));
        }
        if sequence == last {
            return result;
        }
    }
}

/// The kernel's answer to a message.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    sequence: c_int,
    /// 0 acknowledges; positive otherwise.
    errno: c_int,
}

impl Answer {
    /// `None` for a message that is no answer, and for one from a process: processes may send to a
    /// netlink socket too.
    fn read(bytes: &[u8], sender_port: u32) -> Option<Self> {
        if sender_port != 0
            || c_int::from(u16::from_ne_bytes(*array(bytes, 4)?)) != libc::NLMSG_ERROR
        {
            return None;
        }
        let errno = c_int::from_ne_bytes(*array(bytes, HEADER_BYTES)?).checked_neg()?;
        Some(Self { sequence: c_int::from_ne_bytes(*array(bytes, 8)?), errno })
    }
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> Option<&[u8; N]> {
    bytes.get(start..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message_type: u16, sequence: c_int, errno: c_int) -> Vec<u8> {
        let mut bytes = Vec::new();
        push(&mut bytes, message_type, 0, sequence, b"");
        bytes.truncate(HEADER_BYTES);
        bytes.extend((-errno).to_ne_bytes());
        bytes
    }

    #[test]
    fn a_message_ends_in_nul_and_is_aligned() {
        let mut datagram = Vec::new();
        push(&mut datagram, 1123, 5, 7, b"res=success");
        assert_eq!(datagram.len(), 28);
        assert_eq!(datagram[..4], 28_u32.to_ne_bytes());
        push(&mut datagram, 1123, 5, 8, b"abcd");
        assert_eq!(datagram.len(), 28 + 24);
        assert_eq!(datagram[28..32], 21_u32.to_ne_bytes());
        assert_eq!(datagram[44..], *b"abcd\0\0\0\0");
    }

    #[test]
    fn only_answers_from_the_kernel_are_read() {
        let error = answer(2, 7, libc::EPERM);
        assert_eq!(Answer::read(&error, 0), Some(Answer { sequence: 7, errno: libc::EPERM }));
        assert_eq!(Answer::read(&error, 1), None);
        assert_eq!(Answer::read(&error[..19], 0), None);
        assert_eq!(Answer::read(&answer(1000, 7, 0), 0), None);
        assert_eq!(
            Answer::read(&answer(2, 7, c_int::MIN + 1), 0).map(|a| a.errno),
            Some(-c_int::MAX)
        );
    }

    #[test]
    fn sequence_numbers_stay_positive() {
        let _held = EXCHANGE.take();
        let before = SEQUENCE.swap(c_int::MAX - 2, Ordering::Relaxed);
        assert_eq!(reserve(2), c_int::MAX - 2);
        assert_eq!(reserve(1), 1);
        assert_eq!(reserve(3), 2);
        SEQUENCE.store(before, Ordering::Relaxed);
    }
}
