//! Archives of images, whose names the broker judges.
//!
//! The broker reads the client's archive and writes another for dockerd: plain tar, with only the kinds of
//! entries that archives of images have, and with each document written from its types. So nothing in
//! the archive can mean one thing to the broker and another to dockerd. The documents that name images
//! come last and without names: until the broker has judged the names, dockerd has no image.
//!
//! This file does no I/O. Its memory does not grow with the archive.
//!
//! # Source
//! `Load` in `image/tarexport/load.go` of moby, and `ImportIndex` in `core/images/archive/importer.go` of
//! containerd: both read the documents only after the whole archive.

mod compression;
mod document;
mod header;

pub(crate) use compression::{Decompressor, PIECE_BYTES};
pub(crate) use document::NamedImages;
use document::{ArchiveDocument, Documents};
use header::{BLOCK_BYTES, Kind, TarEntry};

use crate::refusal::Refusal;

/// Longest document that the broker reads from an archive, in bytes.
const DOCUMENT_LIMIT_BYTES: u64 = 1 << 20;

/// Longest extended header, in bytes.
const EXTENDED_LIMIT_BYTES: u64 = 64 << 10;

/// An archive on its way to dockerd.
#[derive(Debug, Default)]
pub(crate) struct ImageArchive {
    place: ArchivePosition,
    /// The part of a block, document or extended header that has arrived.
    held: Vec<u8>,
    documents: Documents,
}

/// What the next byte of the archive belongs to.
#[derive(Debug, Default)]
enum ArchivePosition {
    /// The header of an entry.
    #[default]
    Header,
    /// The content of an entry.
    Content { left: u64, padding: usize, to: Target },
    /// The bytes that fill the last block of an entry.
    Padding { left: usize },
    /// After the end of the archive. dockerd ignores the rest.
    End,
}

/// Where the content of an entry goes.
#[derive(Clone, Copy, Debug)]
enum Target {
    Dockerd,
    Document(ArchiveDocument),
    /// An extended header, which the broker only checks.
    Extended,
    /// A document that dockerd does not need.
    Nowhere,
}

impl ImageArchive {
    /// Reads the next bytes, and appends what dockerd gets.
    ///
    /// # Errors
    /// If the archive has an entry that archives of images do not have, or a document that the broker
    /// cannot read.
    pub(crate) fn push(&mut self, mut input: &[u8], output: &mut Vec<u8>) -> Result<(), Refusal> {
        while !input.is_empty() {
            input = match &mut self.place {
                ArchivePosition::End => return Ok(()),
                ArchivePosition::Header => self.push_header(input, output)?,
                ArchivePosition::Padding { left } => {
                    let (_, rest) = split(input, *left);
                    *left -= input.len() - rest.len();
                    if *left == 0 {
                        self.place = ArchivePosition::Header;
                    }
                    rest
                }
                ArchivePosition::Content { .. } => self.push_content(input, output)?,
            };
        }
        Ok(())
    }

    fn push_header<'a>(
        &mut self,
        input: &'a [u8],
        output: &mut Vec<u8>,
    ) -> Result<&'a [u8], Refusal> {
        let (piece, rest) = split(input, BLOCK_BYTES - self.held.len());
        self.held.extend_from_slice(piece);
        if self.held.len() < BLOCK_BYTES {
            return Ok(rest);
        }
        let block = std::mem::take(&mut self.held);
        self.place = match header::parse(&block)? {
            None => ArchivePosition::End,
            Some(entry) => self.begin(&entry, output)?,
        };
        Ok(rest)
    }

    /// Begins an entry. dockerd gets its header unless the broker withholds the entry.
    fn begin(
        &mut self,
        entry: &TarEntry,
        output: &mut Vec<u8>,
    ) -> Result<ArchivePosition, Refusal> {
        let first = entry.path.split('/').next().unwrap_or_default();
        let is_reserved = first == "repositories" || ArchiveDocument::named(first).is_some();
        if is_reserved && !(entry.kind == Kind::File && entry.path == first) {
            return Err(unusual(&entry.path, "it is no file"));
        }
        let target = match &entry.kind {
            Kind::Extended => Target::Extended,
            Kind::File if entry.path == "repositories" => Target::Nowhere,
            Kind::File => {
                ArchiveDocument::named(&entry.path).map_or(Target::Dockerd, Target::Document)
            }
            Kind::Directory | Kind::Link(_) => Target::Dockerd,
        };
        match target {
            Target::Dockerd => header::write(entry, output),
            Target::Document(document) => self.documents.refuse_second(document)?,
            Target::Extended | Target::Nowhere => {}
        }
        let limit = match target {
            Target::Dockerd | Target::Nowhere => u64::MAX,
            Target::Document(_) => DOCUMENT_LIMIT_BYTES,
            Target::Extended => EXTENDED_LIMIT_BYTES,
        };
        if entry.size > limit {
            return Err(unusual(&entry.path, format_args!("it has more than {limit} bytes")));
        }
        let padding = header::padding(entry.size);
        if entry.size == 0 {
            self.end(target, 0, output)?;
            return Ok(ArchivePosition::Header);
        }
        Ok(ArchivePosition::Content { left: entry.size, padding, to: target })
    }

    fn push_content<'a>(
        &mut self,
        input: &'a [u8],
        output: &mut Vec<u8>,
    ) -> Result<&'a [u8], Refusal> {
        let ArchivePosition::Content { left, padding, to } = &mut self.place else {
            return Ok(input);
        };
        let most = usize::try_from(*left).unwrap_or(usize::MAX);
        let (piece, rest) = split(input, most);
        *left -= u64::try_from(piece.len()).unwrap_or(u64::MAX);
        match to {
            Target::Dockerd => output.extend_from_slice(piece),
            Target::Document(_) | Target::Extended => self.held.extend_from_slice(piece),
            Target::Nowhere => {}
        }
        if *left == 0 {
            let (target, padding) = (*to, *padding);
            self.end(target, padding, output)?;
            self.place = match padding {
                0 => ArchivePosition::Header,
                left => ArchivePosition::Padding { left },
            };
        }
        Ok(rest)
    }

    /// Ends the content of an entry.
    fn end(&mut self, target: Target, padding: usize, output: &mut Vec<u8>) -> Result<(), Refusal> {
        match target {
            Target::Dockerd => output.resize(output.len() + padding, 0),
            Target::Document(document) => {
                self.documents.read(document, &std::mem::take(&mut self.held))?;
            }
            Target::Extended => header::check_extended(&std::mem::take(&mut self.held))?,
            Target::Nowhere => {}
        }
        Ok(())
    }

    /// The images that the archive holds, and the rest of the archive: the documents without names.
    ///
    /// # Errors
    /// If the archive breaks off, or has no document that lists its images.
    pub(crate) fn finish(self) -> Result<(NamedImages, Vec<u8>), Refusal> {
        if !matches!(self.place, ArchivePosition::End) && !(self.is_between_entries()) {
            return Err(Refusal::bad_request("the archive breaks off"));
        }
        let mut output = Vec::new();
        let images = self.documents.finish(&mut output)?;
        output.resize(output.len() + 2 * BLOCK_BYTES, 0);
        Ok((images, output))
    }

    fn is_between_entries(&self) -> bool {
        matches!(self.place, ArchivePosition::Header) && self.held.is_empty()
    }
}

/// The first bytes, at most so many, and the rest.
fn split(bytes: &[u8], most: usize) -> (&[u8], &[u8]) {
    bytes.split_at(most.min(bytes.len()))
}

/// The refusal of an entry that archives of images do not have.
fn unusual(path: &str, why: impl std::fmt::Display) -> Refusal {
    Refusal::bad_request(format!(
        "the archive has an unusual entry, `{}`: {why}; write it with `docker save`",
        path.escape_debug()
    ))
}

#[cfg(test)]
mod tests;
