//! Records as netlink messages, and the kernel's answers to them.
//!
//! This file knows headers, lengths and sequence numbers. It does no I/O.

use std::ffi::c_int;

use audit_core::RecordType;

/// Most messages in one datagram: eight of the longest are a third of the usual send buffer.
const DATAGRAM_LIMIT: usize = 8;

/// Most memory that a record leaves to the next one.
const KEPT_BYTES: usize = 16 << 10;

const HEADER_BYTES: usize = 16;

/// The header of an answer and its errno. The rest of an answer repeats the request.
pub(crate) const ANSWER_BYTES: usize = HEADER_BYTES + 4;

/// # Source
/// `NLM_F_REQUEST` and `NLM_F_ACK` in `include/uapi/linux/netlink.h`.
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;

/// Where a header has its type, its flags and its sequence number.
const TYPE_AT: usize = 4;
const FLAGS_AT: usize = 6;
const SEQUENCE_AT: usize = 8;

/// The messages of a record.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    /// Where each message starts.
    starts: Vec<usize>,
}

impl Messages {
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), starts: Vec::new() }
    }

    /// Removes all messages. Keeps the memory of a short record for the next one.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.starts.clear();
    }

    /// Appends a message: the header, the text and a NUL. Without the NUL the kernel would overwrite the
    /// last byte of the text with one.
    pub(crate) fn push(&mut self, record_type: RecordType, text: &[u8]) {
        self.starts.push(self.bytes.len());
        let len = u32::try_from(HEADER_BYTES + text.len() + 1).unwrap_or(u32::MAX);
        let mut header = [0; HEADER_BYTES];
        put(&mut header, 0, &len.to_ne_bytes());
        put(&mut header, TYPE_AT, &record_type.number().to_ne_bytes());
        put(&mut header, FLAGS_AT, &REQUEST.to_ne_bytes());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(text);
        self.bytes.resize((self.bytes.len() + 1).next_multiple_of(4), 0);
    }

    /// How many messages go into the datagram that begins with message number `from`.
    pub(crate) fn count_from(&self, from: usize) -> c_int {
        let count = self.starts.len().saturating_sub(from).min(DATAGRAM_LIMIT);
        c_int::try_from(count).unwrap_or(0)
    }

    /// The datagram that begins with message number `from`. Its messages get the sequence numbers from
    /// `first` on. If `is_acknowledged` is true, the last one requests an acknowledgement.
    pub(crate) fn datagram(&mut self, from: usize, first: c_int, is_acknowledged: bool) -> &[u8] {
        let Self { bytes, starts } = self;
        let starts = starts.get(from..).unwrap_or_default();
        let (starts, rest) = starts.split_at(starts.len().min(DATAGRAM_LIMIT));
        for (sequence, start) in (first..).zip(starts) {
            put(bytes, start + SEQUENCE_AT, &sequence.to_ne_bytes());
        }
        if let Some(last) = starts.last().filter(|_| is_acknowledged) {
            put(bytes, last + FLAGS_AT, &(REQUEST | ACKNOWLEDGE).to_ne_bytes());
        }
        let start = starts.first().copied().unwrap_or(bytes.len());
        let end = rest.first().copied().unwrap_or(bytes.len());
        bytes.get(start..end).unwrap_or_default()
    }
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + field.len()) {
        place.copy_from_slice(field);
    }
}

/// The kernel's answer to a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) sequence: c_int,
    /// 0 acknowledges; positive otherwise.
    pub(crate) errno: c_int,
}

impl Answer {
    /// `None` for a message that is no answer, and for one from a process: processes may send to a
    /// netlink socket too.
    pub(crate) fn read(bytes: &[u8], sender_port: u32) -> Option<Self> {
        if sender_port != 0
            || c_int::from(u16::from_ne_bytes(*array(bytes, TYPE_AT)?)) != libc::NLMSG_ERROR
        {
            return None;
        }
        let errno = c_int::from_ne_bytes(*array(bytes, HEADER_BYTES)?).checked_neg()?;
        Some(Self { sequence: c_int::from_ne_bytes(*array(bytes, SEQUENCE_AT)?), errno })
    }
}

fn array<const N: usize>(bytes: &[u8], start: usize) -> Option<&[u8; N]> {
    bytes.get(start..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(message_type: u16, sequence: c_int, errno: c_int) -> Vec<u8> {
        let mut bytes = 36_u32.to_ne_bytes().to_vec();
        bytes.extend(message_type.to_ne_bytes());
        bytes.extend(0_u16.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend((-errno).to_ne_bytes());
        bytes
    }

    #[test]
    fn a_message_ends_in_nul_and_is_aligned() {
        let mut messages = Messages::new();
        messages.push(RecordType::USER_CMD, b"res=success");
        messages.push(RecordType::USER_CMD, b"abcd");
        let datagram = messages.datagram(0, 7, false);
        assert_eq!(datagram.len(), 28 + 24);
        assert_eq!(datagram[..4], 28_u32.to_ne_bytes());
        assert_eq!(datagram[4..6], 1123_u16.to_ne_bytes());
        assert_eq!(datagram[8..12], 7_i32.to_ne_bytes());
        assert_eq!(datagram[28..32], 21_u32.to_ne_bytes());
        assert_eq!(datagram[36..40], 8_i32.to_ne_bytes());
        assert_eq!(datagram[44..], *b"abcd\0\0\0\0");
    }

    #[test]
    fn a_long_record_goes_in_several_datagrams() {
        let mut messages = Messages::new();
        for _ in 0..10 {
            messages.push(RecordType::USER_CMD, b"abc");
        }
        assert_eq!((messages.count_from(0), messages.count_from(8)), (8, 2));
        let flags = |datagram: &[u8]| -> Vec<u8> {
            datagram.chunks(20).map(|message| message[FLAGS_AT]).collect()
        };
        assert_eq!(flags(messages.datagram(0, 1, true)), [1, 1, 1, 1, 1, 1, 1, 5]);
        assert_eq!(flags(messages.datagram(8, 9, true)), [1, 5]);
        messages.clear();
        assert_eq!(messages.count_from(0), 0);
        assert!(messages.datagram(0, 1, true).is_empty());
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
}
