//! Compressed archives of images.
//!
//! dockerd takes an archive as plain tar, or compressed with gzip, bzip2, xz or zstd. The broker reads
//! plain tar and gzip, and sends dockerd plain tar.

use std::io::Write;

use flate2::write::MultiGzDecoder;

use crate::refusal::Refusal;

/// How compressed data begins, with the program that decompresses it. A zstd stream may also begin with a
/// frame to skip.
///
/// # Source
/// `Detect` in moby's `pkg/compression`; RFC 8878, 3.1.
const OTHERS: [(&[u8], &str); 3] =
    [(b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd")];
const GZIP: &[u8] = b"\x1f\x8b\x08";

/// How many bytes show the compression.
const SIGN_BYTES: usize = 10;

/// The most compressed bytes to decompress at once. gzip makes at most 1032 bytes of one.
pub(crate) const PIECE_BYTES: usize = 4096;

/// Decompresses an archive as it comes.
pub(crate) enum Decompressor {
    /// The first bytes, as long as they do not show the compression.
    Begun(Vec<u8>),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Decompressor").finish_non_exhaustive()
    }
}

impl Default for Decompressor {
    fn default() -> Self {
        Self::Begun(Vec::new())
    }
}

impl Decompressor {
    /// Decompresses at most [`PIECE_BYTES`].
    ///
    /// # Errors
    /// If the data is damaged, or compressed with another program than gzip.
    pub(crate) fn push(&mut self, input: &[u8]) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Plain => Ok(input.to_vec()),
            Self::Gzip(decoder) => {
                decoder.write_all(input).map_err(|error| damaged(&error))?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Begun(begun) => {
                begun.extend_from_slice(input);
                if begun.len() < SIGN_BYTES {
                    return Ok(Vec::new());
                }
                let begun = std::mem::take(begun);
                *self = Self::of(&begun)?;
                self.push(&begun)
            }
        }
    }

    fn of(beginning: &[u8]) -> Result<Self, Refusal> {
        if beginning.starts_with(GZIP) {
            return Ok(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))));
        }
        match OTHERS.iter().find(|(sign, _)| beginning.starts_with(sign)) {
            None => Ok(Self::Plain),
            Some((_, program)) => Err(Refusal::bad_request(format!(
                "the archive is compressed with {program}, and the broker judges the names in plain \
                 archives and in those of gzip; use `{program} -dc FILE | docker load`"
            ))),
        }
    }

    /// The last bytes.
    ///
    /// # Errors
    /// If the data breaks off.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Plain => Ok(Vec::new()),
            Self::Begun(begun) => Ok(std::mem::take(begun)),
            Self::Gzip(decoder) => {
                decoder.try_finish().map_err(|error| damaged(&error))?;
                Ok(std::mem::take(decoder.get_mut()))
            }
        }
    }
}

fn damaged(error: &std::io::Error) -> Refusal {
    Refusal::bad_request(format!("the archive cannot be decompressed: {error}"))
}
