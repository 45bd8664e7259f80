//! Splits a record that is longer than the kernel keeps.
//!
//! This file knows the layout of texts, byte by byte. It does no I/O.
//!
//! The kernel keeps 8560 bytes of text and drops the rest without an error. A record that fits is one
//! text. A longer record becomes several texts, and each is complete: every part repeats the short
//! fields, holds a piece of each value that was cut, says `part=2/5` and ends in `res=`.
//!
//! A command line is always cut. Other values are cut only if they leave no room. The decoded command
//! lines of all parts, joined in order, are the whole command line.

use std::borrow::Cow;
use std::io::Write;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::encoding::{encoded_len, plain_prefix_len};
use crate::error::Error;
use crate::record::{Entry, Record, Value};
use crate::text;

/// Least room for the pieces of cut values in each part, in bytes.
const PIECES_MINIMUM_BYTES: usize = 1024;

/// Room in each part for its number, and for the size and hash of a value past the limit, in bytes.
const PART_FIELDS_BYTES: usize =
    "part=99999/99999 missing=18446744073709551615 hash=sha256: ".len() + 64;

impl Record<'_> {
    /// The texts that the kernel receives: one, or several if the record is long.
    ///
    /// # Errors
    /// [`Error::Field`] for a mistake in a field, [`Error::NoOutcome`] without an outcome,
    /// [`Error::TooManyFields`] if the short fields alone fill a record.
    pub fn texts(&self) -> Result<Vec<Vec<u8>>, Error> {
        let mut texts = Vec::new();
        for_each_text(self, &mut Vec::new(), |text| texts.push(text.to_vec()))?;
        Ok(texts)
    }

    /// Passes each text to `take`, in order, without a copy of its own for each.
    ///
    /// `scratch` holds the text under construction. A caller that reuses it avoids allocations.
    ///
    /// # Errors
    /// As [`texts`](Self::texts), before the first text.
    pub fn each_text(&self, scratch: &mut Vec<u8>, take: impl FnMut(&[u8])) -> Result<(), Error> {
        for_each_text(self, scratch, take)
    }
}

/// Passes each text of the record to `take`, in order. None is longer than [`Record::TEXT_LIMIT_BYTES`].
///
/// `scratch` holds the text under construction. A caller that reuses it avoids allocations.
pub(crate) fn for_each_text(
    record: &Record<'_>,
    scratch: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Error> {
    let outcome = record.check()?;
    scratch.clear();
    // Most records are short. Writing one before measuring it saves a pass over its values.
    if text::whole_len_at_least(record) <= Record::TEXT_LIMIT_BYTES {
        text::write_whole(record, outcome, scratch);
        if scratch.len() <= Record::TEXT_LIMIT_BYTES {
            take(scratch);
            return Ok(());
        }
    }

    let mut fields = record.entries.clone();
    fields.push(text::exe(record));
    let room_bytes = Record::TEXT_LIMIT_BYTES
        .checked_sub(text::end_len(record) + PART_FIELDS_BYTES)
        .ok_or(Error::TooManyFields { limit_bytes: Record::TEXT_LIMIT_BYTES })?;
    let (kept_bytes, cut) = choose_cut(&fields, room_bytes)?;
    let limit_bytes = record.value_limit_bytes;
    let parts = lay_out(&cut, room_bytes - kept_bytes, limit_bytes);
    for (index, pieces) in parts.iter().enumerate() {
        scratch.clear();
        let (exe, others) = fields.split_last().ok_or(Error::NoOutcome)?;
        write_fields(others, &cut, pieces, scratch);
        write_part_fields((index + 1, parts.len()), limit_bytes, &cut, pieces, scratch);
        write_fields(std::slice::from_ref(exe), &cut, pieces, scratch);
        text::write_end(record, outcome, scratch);
        take(scratch);
    }
    Ok(())
}

/// A value that continues from part to part.
struct Cut<'a> {
    name: &'a str,
    value: &'a [u8],
    /// Where the value is cut if possible: at the starts of its words.
    seams: Cow<'a, [usize]>,
    is_verbatim: bool,
}

impl<'a> Cut<'a> {
    /// Length of the longest prefix that fits into the room when written.
    fn fitting_len(&self, value: &[u8], room_bytes: usize) -> usize {
        if self.is_verbatim {
            return value.len().min(room_bytes);
        }
        let plain = plain_prefix_len(value).min(room_bytes.saturating_sub("\"\"".len()));
        let hexadecimal = value.len().min(room_bytes / 2);
        plain.max(hexadecimal)
    }

    /// A piece of the value, as a value to write.
    fn piece(&self, range: Range<usize>) -> Option<Value<'a>> {
        let piece = self.value.get(range)?;
        Some(if self.is_verbatim { Value::Verbatim(piece) } else { Value::Untrusted(piece) })
    }
}

/// The piece of a cut value in one part.
struct Piece {
    name_index: usize,
    range: Range<usize>,
}

/// Chooses the values to cut: command lines, then the longest values until the others leave room.
/// Returns the size of the others, in bytes, and the values.
fn choose_cut<'a>(fields: &[Entry<'a>], room_bytes: usize) -> Result<(usize, Vec<Cut<'a>>), Error> {
    let mut candidates: Vec<&Entry<'_>> = fields.iter().collect();
    candidates.sort_by_key(|field| {
        let is_command_line = matches!(field.value, Value::CommandLine(_));
        std::cmp::Reverse((is_command_line, text::field_len(field)))
    });

    let mut kept_bytes: usize = fields.iter().map(text::field_len).sum();
    let mut cut = Vec::new();
    for field in candidates {
        let (value, seams) = match field.value {
            Value::CommandLine(line) => (line.as_bytes(), Cow::Borrowed(line.word_starts())),
            _ if kept_bytes + PIECES_MINIMUM_BYTES <= room_bytes => break,
            Value::Untrusted(value) | Value::Label(Some(value)) => (value, Cow::Borrowed(&[][..])),
            Value::Verbatim(fields) => (fields, Cow::Owned(starts_after_spaces(fields))),
            Value::Word(_) | Value::Number(_) | Value::Label(None) => continue,
        };
        kept_bytes -= text::field_len(field);
        let is_verbatim = matches!(field.value, Value::Verbatim(_));
        cut.push(Cut { name: field.name, value, seams, is_verbatim });
    }
    if kept_bytes + PIECES_MINIMUM_BYTES > room_bytes {
        return Err(Error::TooManyFields { limit_bytes: Record::TEXT_LIMIT_BYTES });
    }
    // The command comes last, so the first part already shows the program and the directory.
    cut.reverse();
    Ok((kept_bytes, cut))
}

fn starts_after_spaces(fields: &[u8]) -> Vec<usize> {
    let spaces = fields.iter().enumerate().filter(|(_, byte)| **byte == b' ');
    spaces.map(|(index, _)| index + 1).collect()
}

/// Fills part after part with pieces of the cut values.
fn lay_out(cut: &[Cut<'_>], room_bytes: usize, limit_bytes: usize) -> Vec<Vec<Piece>> {
    let mut parts = vec![Vec::new()];
    let mut left_bytes = room_bytes;
    for (name_index, cut) in cut.iter().enumerate() {
        let Cut { name, value, seams, .. } = cut;
        let end = value.len().min(limit_bytes);
        let mut start = 0;
        while start < end {
            let overhead_bytes = name.len() + "= ".len();
            let rest = value.get(start..end).unwrap_or_default();
            let fits = cut.fitting_len(rest, left_bytes.saturating_sub(overhead_bytes));
            let len = if fits < rest.len() { at_seam(seams, start, fits) } else { fits };
            let continues = len < rest.len();
            if len == 0 || (continues && left_bytes < PIECES_MINIMUM_BYTES) {
                parts.push(Vec::new());
                left_bytes = room_bytes;
                continue;
            }
            let piece = rest.get(..len).unwrap_or_default();
            let written_bytes = if cut.is_verbatim { len } else { encoded_len(piece) };
            left_bytes -= overhead_bytes + written_bytes;
            if let Some(part) = parts.last_mut() {
                part.push(Piece { name_index, range: start..start + len });
            }
            start += len;
            // A part has one piece of a value, and room for one `missing` field.
            if continues || end < value.len() {
                left_bytes = 0;
            }
        }
    }
    parts
}

/// The last seam within `len` bytes from `start`, as a length; `len` itself if there is none.
fn at_seam(seams: &[usize], start: usize, len: usize) -> usize {
    let next = seams.partition_point(|seam| *seam <= start + len);
    let last = next.checked_sub(1).and_then(|index| seams.get(index)).copied().unwrap_or(0);
    if last > start { last - start } else { len }
}

fn write_fields(fields: &[Entry<'_>], cut: &[Cut<'_>], pieces: &[Piece], text: &mut Vec<u8>) {
    for field in fields {
        let Some(name_index) = cut.iter().position(|cut| cut.name == field.name) else {
            text::write_field(field, text);
            continue;
        };
        let piece = pieces.iter().find(|piece| piece.name_index == name_index);
        let value =
            cut.get(name_index).zip(piece).and_then(|(cut, piece)| cut.piece(piece.range.clone()));
        if let Some(value) = value {
            text::write_field(&Entry { name: field.name, value }, text);
        }
    }
}

fn write_part_fields(
    (number, count): (usize, usize),
    limit_bytes: usize,
    cut: &[Cut<'_>],
    pieces: &[Piece],
    text: &mut Vec<u8>,
) {
    // Writing to a vector cannot fail.
    let _ = write!(text, "part={number}/{count} ");
    let ended = pieces.iter().find_map(|piece| {
        let value = cut.get(piece.name_index)?.value;
        let missing = value.len().checked_sub(piece.range.end)?;
        (missing > 0 && piece.range.end == limit_bytes).then_some((missing, value))
    });
    if let Some((missing, value)) = ended {
        let _ = write!(text, "missing={missing} hash=sha256:{:x} ", Sha256::digest(value));
    }
}

#[cfg(test)]
mod tests;
