//! Reads arbitrary bytes as answers to an exchange, and compares with a second implementation.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Datagram, Failure, Incoming, Progress, collect_refusals, take_answers};

/// Messages in the datagram that the answers belong to.
const MESSAGES: u32 = 3;

/// Sequence number of the first message. That of the last message has wrapped around.
const FIRST_SEQUENCE: u32 = u32::MAX - 1;

const BUFFER_BYTES: usize = 512;

/// Splits the bytes into datagrams: one byte for the sender's port, one for the length in units of
/// four bytes, then the content.
fn split(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut datagrams = Vec::new();
    while let [sender_port, words, rest @ ..] = bytes {
        let len = (usize::from(*words) * 4).min(rest.len()).min(BUFFER_BYTES);
        let (datagram, others) = rest.split_at(len);
        datagrams.push((u32::from(*sender_port), datagram));
        bytes = others;
    }
    datagrams
}

fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..offset + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

/// The refusal in a datagram, decoded as the kernel's header files describe it.
fn refusal((sender_port, bytes): &(u32, &[u8])) -> Option<(u32, i32)> {
    let len = usize::try_from(number(bytes, 0)?).ok()?;
    let message_type = number(bytes, 4)? & 0xFFFF;
    let index = number(bytes, 8)?.wrapping_sub(FIRST_SEQUENCE);
    let is_ours = *sender_port == 0 && message_type == 2 && index < MESSAGES;
    let code = bytes.get(16..len)?.get(..4)?.try_into().ok().map(i32::from_ne_bytes)?;
    (is_ours && code != 0).then_some((index, code.saturating_neg()))
}

/// Reads the bytes as the answers to three messages.
///
/// # Panics
/// If a wrong answer counts, or a right one does not.
pub fn answers(bytes: &[u8]) {
    let mut datagram = Datagram { first_sequence: FIRST_SEQUENCE, ..Datagram::default() };
    (0..MESSAGES).for_each(|_| datagram.push(1120, b"op=x"));
    let datagrams = split(bytes);
    // Bytes left over from earlier datagrams must not be read as part of a shorter one.
    let mut buffer = [0xFF; BUFFER_BYTES];
    let fill = |buffer: &mut [u8], next: Option<(u32, &[u8])>| {
        Ok(next.map(|(sender_port, bytes)| {
            buffer.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
            Incoming { len: bytes.len(), sender_port }
        }))
    };

    let mut queue: VecDeque<_> = datagrams.iter().copied().collect();
    let mut refused = Vec::new();
    let refuse = |index, errno| refused.push((index, errno));
    let result = collect_refusals(&datagram, &mut buffer, Duration::MAX, refuse, |buffer| {
        fill(buffer, queue.pop_front())
    });
    assert!(result.is_ok());
    assert_eq!(refused, datagrams.iter().filter_map(refusal).collect::<Vec<_>>());

    let mut queue: VecDeque<_> = datagrams.iter().copied().collect();
    let take = |_, content: &[u8]| {
        assert!(content.len() <= BUFFER_BYTES - 16);
        Progress::More
    };
    let end = Instant::now().checked_add(Duration::from_secs(3600));
    let result =
        take_answers(&datagram, &mut buffer, end, take, |buffer| fill(buffer, queue.pop_front()));
    let first = datagrams.iter().find_map(refusal);
    match result {
        Err(Failure::Refused { errno }) => assert_eq!(Some(errno), first.map(|(_, errno)| errno)),
        _ => assert_eq!(first, None),
    }
}
