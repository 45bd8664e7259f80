//! Where lines come from: files, compressed or not, and streams.
//!
//! This room knows the formats of files. It must not know the format of a record.

pub(crate) mod journal;
pub(crate) mod logs;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

use crate::lines::{Line, Lines};
use journal::Journal;

/// A stream of bytes after decompression.
pub(crate) type Stream = Box<dyn Read>;

/// Lines of either format.
pub(crate) enum Source {
    /// The log as auditd or `ausearch` writes it.
    Log(Lines<Stream>),
    /// The export format of journald.
    Journal(Journal<Stream>),
}

impl Source {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// Finds out how the stream is compressed, and its format.
    pub(crate) fn new(input: impl Read + 'static) -> io::Result<Self> {
        let mut lines = Lines::new(decompressed(input)?);
        if lines.starts_with(journal::FIRST_FIELD)? {
            return Ok(Self::Journal(Journal::new(lines)));
        }
        Ok(Self::Log(lines))
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        match self {
            Self::Log(lines) => lines.next(),
            Self::Journal(journal) => journal.next(),
        }
    }

    /// The number of the current line, or of the last line of the journal's current entry.
    pub(crate) const fn line_number(&self) -> u64 {
        match self {
            Self::Log(lines) => lines.number(),
            Self::Journal(journal) => journal.line_number(),
        }
    }

    /// How many bytes were read so far, after decompression.
    pub(crate) const fn read_bytes(&self) -> u64 {
        match self {
            Self::Log(lines) => lines.read_bytes(),
            Self::Journal(journal) => journal.read_bytes(),
        }
    }
}

/// Decompresses gzip, xz and zstd, which are known by their first bytes, not by the file's name.
///
/// # Source
/// RFC 1952, the xz file format 1.2.1, RFC 8878.
fn decompressed(mut input: impl Read + 'static) -> io::Result<Stream> {
    let mut head = [0; 6];
    let mut len = 0;
    while let Some(room) = head.get_mut(len..).filter(|room| !room.is_empty()) {
        match input.read(room) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let head = head.get(..len).unwrap_or_default().to_vec();
    let kind = Compression::of(&head);
    let input = Cursor::new(head).chain(input);
    Ok(match kind {
        Compression::None => Box::new(input),
        Compression::Gzip => Box::new(MultiGzDecoder::new(input)),
        Compression::Xz => Box::new(XzReader::new(input, true)),
        Compression::Zstd => Box::new(Frames::Next(Box::new(input))),
    })
}

enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

impl Compression {
    const fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

type Decoder = StreamingDecoder<Stream, ruzstd::decoding::FrameDecoder>;

/// The frames of a zstd file, one after the other.
enum Frames {
    /// The stream is before a frame, or at its end.
    Next(Stream),
    In(Box<Decoder>),
    Ended,
}

impl Read for Frames {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(self, Self::Ended) {
                Self::Ended => return Ok(0),
                Self::Next(mut input) => {
                    let mut first = [0];
                    if input.read(&mut first)? == 0 {
                        return Ok(0);
                    }
                    let input: Stream = Box::new(Cursor::new(first).chain(input));
                    let decoder = StreamingDecoder::new(input).map_err(io::Error::other)?;
                    *self = Self::In(Box::new(decoder));
                }
                Self::In(mut decoder) => {
                    let count = decoder.read(room)?;
                    if count > 0 || room.is_empty() {
                        *self = Self::In(decoder);
                        return Ok(count);
                    }
                    *self = Self::Next(decoder.into_inner());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
