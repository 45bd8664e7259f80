//! The netlink exchange on a socket that the C program owns.
//!
//! This file knows which socket a record goes through, and how to find the kernel's answer. It knows
//! nothing about the content of records.
//!
//! `audit-core` has an exchange of its own, on a socket that it owns. This one borrows a descriptor
//! that the program may close, reuse or pass to a child at any time. So it keeps nothing between two
//! calls but the sequence number, and the number of the descriptor that [`open`] returned last.

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::dropin::lock::Lock;
use crate::dropin::messages::{ANSWER_BYTES, Answer, Messages};
use crate::sys::{self, Errno};

/// How long to wait for an answer. The kernel handles a datagram inside `sendto(2)`, so the answer is
/// queued when the call returns, unless another process on the same socket took it.
const DEADLINE: Duration = Duration::from_millis(500);

/// Most messages of others that may be queued on a socket of this process.
///
/// The kernel drops a refusal for which the queue has no room, and it says so only once until the queue
/// has been empty. A receive buffer of the usual size holds about 256 short messages, so a queue of this
/// length has room for a refusal.
const OTHERS_LIMIT: u32 = 64;

/// The process that last opened a socket; 0 if none did.
static OPENER: AtomicU32 = AtomicU32::new(0);

/// The socket that this process opened last and has not closed with [`close`]; -1 without one.
static OPENED: AtomicI32 = AtomicI32::new(-1);

/// A thread could receive the answer for another thread, so only one at a time uses a socket.
static EXCHANGE: Lock = Lock::new();

/// The sequence number of the next message: 1 to `INT_MAX`, because callers receive it as an `int`.
static SEQUENCE: AtomicI32 = AtomicI32::new(1);

/// Opens a socket for this process.
pub(crate) fn open() -> Result<c_int, Errno> {
    let opened = sys::open_audit_socket();
    OPENER.store(sys::pid(), Ordering::Relaxed);
    OPENED.store(opened.unwrap_or(-1), Ordering::Relaxed);
    opened
}

/// Closes a socket of the program.
pub(crate) fn close(fd: c_int) {
    let _ = OPENED.compare_exchange(fd, -1, Ordering::Relaxed, Ordering::Relaxed);
    sys::close(fd);
}

/// How the exchange finds out whether the kernel took the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// The kernel acknowledges the last message. An answer that another process takes is missed.
    Acknowledgement,
    /// The kernel queues a refusal before `sendto(2)` returns, even without a request for an
    /// acknowledgement. So an empty queue proves that it took all messages, and it need not make an
    /// answer. This holds only for a socket that no other process reads.
    ///
    /// # Source
    /// As in `audit-core/src/netlink.rs`.
    EmptyQueue,
}

/// Sends the messages, and returns the sequence number of the first.
///
/// A forked process shares the socket with its parent, so each could take the other's answers. The
/// child therefore sends through a socket of its own, if it can open one. The kernel treats both
/// sockets alike: it checks the capabilities of the sender only.
pub(crate) fn send(fd: c_int, messages: &mut Messages) -> Result<c_int, Errno> {
    let _held = EXCHANGE.take();
    match OPENER.load(Ordering::Relaxed) {
        // The program got the descriptor from another program, or opened it by itself.
        0 => send_on(fd, messages, Proof::Acknowledgement),
        opener if opener == sys::pid() => {
            let is_own = OPENED.load(Ordering::Relaxed) == fd;
            let proof = if is_own { Proof::EmptyQueue } else { Proof::Acknowledgement };
            send_on(fd, messages, proof)
        }
        _ => match sys::open_audit_socket() {
            Ok(own) => {
                let sent = send_on(own, messages, Proof::EmptyQueue);
                sys::close(own);
                sent
            }
            Err(_) => send_on(fd, messages, Proof::Acknowledgement),
        },
    }
}

/// The caller holds the lock.
fn send_on(fd: c_int, messages: &mut Messages, proof: Proof) -> Result<c_int, Errno> {
    let (mut sent, mut first_of_all) = (0, None);
    loop {
        let count = messages.count_from(sent);
        if count == 0 {
            return first_of_all.ok_or(Errno(libc::EINVAL));
        }
        let first = reserve(count);
        let last = first + count - 1;
        sys::send(fd, messages.datagram(sent, first, proof == Proof::Acknowledgement))?;
        match proof {
            Proof::Acknowledgement => await_acknowledgement(fd, first, last)?,
            Proof::EmptyQueue => collect_refusals(fd, first, last)?,
        }
        first_of_all.get_or_insert(first);
        sent += usize::try_from(count).unwrap_or(0);
    }
}

/// Reserves sequence numbers for `count` messages. The caller holds the lock.
fn reserve(count: c_int) -> c_int {
    let next = SEQUENCE.load(Ordering::Relaxed);
    let (first, after) = match next.checked_add(count) {
        Some(after) => (next, after),
        None => (1, 1 + count),
    };
    SEQUENCE.store(after, Ordering::Relaxed);
    first
}

/// Reads until the queue is empty. Returns the first refusal.
fn collect_refusals(fd: c_int, first: c_int, last: c_int) -> Result<(), Errno> {
    let mut result = Ok(());
    let mut others = 0;
    while others <= OTHERS_LIMIT {
        let mut buffer = [0; ANSWER_BYTES];
        match sys::receive(fd, &mut buffer) {
            Ok((len, sender)) => {
                match buffer.get(..len).and_then(|bytes| Answer::read(bytes, sender)) {
                    Some(Answer { sequence, errno })
                        if errno != 0 && (first..=last).contains(&sequence) =>
                    {
                        result = result.and(Err(Errno(errno)));
                    }
                    _ => others += 1,
                }
            }
            Err(Errno(libc::EAGAIN)) => return result,
            Err(Errno(libc::EINTR)) => {}
            // The kernel lost a message, perhaps a refusal. The queue is emptied first, so that the
            // kernel reports the next loss too.
            Err(errno @ Errno(libc::ENOBUFS)) => result = result.and(Err(errno)),
            Err(errno) => return result.and(Err(errno)),
        }
    }
    result.and(Err(Errno(libc::ENOBUFS)))
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

#[cfg(test)]
mod tests {
    use super::*;

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
