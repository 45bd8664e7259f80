//! Splits a stream into lines, without copying them.

use std::io::{self, Read};

use memchr::memchr;

/// Longest line that is read, in bytes. Longer lines are counted and skipped.
///
/// auditd writes at most 8970 bytes (`MAX_AUDIT_MESSAGE_LENGTH` in `libaudit.h`). The journal's fields
/// and other programs' logs are longer.
pub const LINE_LIMIT_BYTES: usize = 64 << 10;

const BUFFER_BYTES: usize = 256 << 10;

/// The lines of a stream, in one buffer.
pub(crate) struct Lines<R> {
    input: R,
    buffer: Box<[u8]>,
    /// The part of the buffer that was read and not yet returned.
    start: usize,
    end: usize,
    is_at_end: bool,
    number: u64,
    read_bytes: u64,
}

/// A line without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Text(&'a [u8]),
    TooLong,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Self { input, buffer, start: 0, end: 0, is_at_end: false, number: 0, read_bytes: 0 }
    }

    /// The number of the line that was returned last; the first line is 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes were read from the stream.
    pub(crate) const fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// The next line; `None` at the end. The last line may lack its newline.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = 0;
        loop {
            let unsearched = self.pending().get(searched..).unwrap_or_default();
            if let Some(at) = memchr(b'\n', unsearched) {
                return Ok(Some(self.take_line(searched + at, 1)));
            }
            searched = self.pending().len();
            if searched > LINE_LIMIT_BYTES {
                self.number += 1;
                self.skip_line()?;
                return Ok(Some(Line::TooLong));
            }
            if !self.fill()? {
                return Ok((searched > 0).then(|| self.take_line(searched, 0)));
            }
        }
    }

    /// Whether the stream continues with this text.
    pub(crate) fn starts_with(&mut self, text: &[u8]) -> io::Result<bool> {
        while self.pending().len() < text.len() && self.fill()? {}
        Ok(self.pending().starts_with(text))
    }

    /// Passes the next bytes to `take`, in pieces. Returns false if the stream ends before.
    pub(crate) fn take(&mut self, mut len: u64, mut take: impl FnMut(&[u8])) -> io::Result<bool> {
        while len > 0 {
            if self.pending().is_empty() && !self.fill()? {
                return Ok(false);
            }
            let wanted = usize::try_from(len).unwrap_or(usize::MAX).min(self.pending().len());
            take(self.pending().get(..wanted).unwrap_or_default());
            self.start += wanted;
            len -= wanted as u64;
        }
        Ok(true)
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn take_line(&mut self, len: usize, newline: usize) -> Line<'_> {
        let from = self.start;
        self.start += len + newline;
        self.number += 1;
        let text = self.buffer.get(from..from + len).unwrap_or_default();
        if len > LINE_LIMIT_BYTES { Line::TooLong } else { Line::Text(text) }
    }

    /// Drops everything up to the next newline.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(at) = memchr(b'\n', self.pending()) {
                self.start += at + 1;
                return Ok(());
            }
            self.start = self.end;
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Reads more into the buffer. Returns false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        if self.is_at_end {
            return Ok(false);
        }
        if self.start > 0 && self.end == self.buffer.len() || self.start == self.end {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let count = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.end += count;
        self.read_bytes += count as u64;
        self.is_at_end = count == 0;
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A stream that returns a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let len = self.0.len().min(self.1).min(room.len());
            let (now, later) = self.0.split_at(len);
            room[..len].copy_from_slice(now);
            self.0 = later;
            Ok(len)
        }
    }

    fn lines(text: &[u8], step: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(Slow(text, step));
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(match line {
                Line::Text(text) => Some(text.to_vec()),
                Line::TooLong => None,
            });
        }
        assert_eq!((lines.number(), lines.read_bytes()), (found.len() as u64, text.len() as u64));
        found
    }

    #[test]
    fn the_last_line_may_lack_its_newline() {
        let expected = [Some(b"a".to_vec()), Some(Vec::new()), Some(b"bc".to_vec())];
        assert_eq!(lines(b"a\n\nbc", 1), expected);
        assert_eq!(lines(b"a\n\nbc\n", 2), expected);
        assert_eq!(lines(b"", 1), []);
    }

    #[test]
    fn a_line_past_the_limit_is_skipped_and_the_next_is_read() {
        for len in [LINE_LIMIT_BYTES, LINE_LIMIT_BYTES + 1, BUFFER_BYTES, 3 * BUFFER_BYTES] {
            let text = [&b"a\n"[..], &vec![b'x'; len], b"\nb\n"].concat();
            let found = lines(&text, 100_000);
            assert_eq!(found.len(), 3, "{len}");
            assert_eq!(found[1].is_some(), len <= LINE_LIMIT_BYTES);
            assert_eq!(found[2].as_deref(), Some(&b"b"[..]));
        }
    }

    #[test]
    fn bytes_are_taken_between_lines() {
        let mut input = Lines::new(Slow(b"KEY\n\n\n\nxyz\nb", 2));
        assert!(input.starts_with(b"KEY").unwrap() && !input.starts_with(b"KEX").unwrap());
        assert_eq!(input.next().unwrap(), Some(Line::Text(b"KEY")));
        let mut taken = Vec::new();
        assert!(input.take(6, |bytes| taken.extend_from_slice(bytes)).unwrap());
        assert_eq!(taken, b"\n\n\nxyz");
        assert_eq!(input.next().unwrap(), Some(Line::Text(b"")));
        assert!(!input.take(9, |_| {}).unwrap());
    }

    proptest! {
        #[test]
        fn lines_are_those_between_newlines(text: Vec<u8>, step in 1_usize..9) {
            let mut expected: Vec<_> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            let found: Vec<_> = lines(&text, step).into_iter().flatten().collect();
            prop_assert_eq!(found, expected);
        }
    }
}
