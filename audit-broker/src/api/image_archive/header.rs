//! The headers of entries in a tar archive.
//!
//! # Source
//! `pax`, "ustar Interchange Format", in POSIX.1-2024.

use super::unusual;
use crate::refusal::Refusal;

/// The size of a header, and the unit of content.
pub(super) const BLOCK_BYTES: usize = 512;

/// Longest path of an entry, in bytes.
const PATH_LIMIT_BYTES: usize = 100;

/// An entry that archives of images have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TarEntry {
    /// Without `.` and `..`, and without a slash at either end.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// The size of the content, in bytes.
    pub(super) size: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    /// A symlink from the layer of one image to the same layer of another, with its target.
    Link(String),
    /// More about the next entry.
    Extended,
}

/// Where the fields of a header are.
const PATH: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;
const TARGET: std::ops::Range<usize> = 157..257;
const MAGIC: std::ops::Range<usize> = 257..263;
const PREFIX: std::ops::Range<usize> = 345..500;

/// Reads the header of an entry; `None` at the end of the archive.
///
/// # Errors
/// If archives of images have no such entry.
pub(super) fn parse(block: &[u8]) -> Result<Option<TarEntry>, Refusal> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if number(field(block, CHECKSUM)) != Some(checksum(block)) {
        return Err(Refusal::bad_request("the archive is no tar archive, or it is damaged"));
    }
    let path = text(field(block, PATH));
    let has_prefix = field(block, MAGIC) == b"ustar\0" && field(block, PREFIX).first() != Some(&0);
    if has_prefix {
        return Err(too_long(&path));
    }
    let size = number(field(block, SIZE));
    let size = size.ok_or_else(|| unusual(&path, "its size is not an octal number"))?;
    let kind = match block.get(TYPE) {
        Some(b'0' | 0) => Kind::File,
        Some(b'5') => Kind::Directory,
        Some(b'2') => Kind::Link(text(field(block, TARGET))),
        Some(b'x') => return Ok(Some(TarEntry { path, kind: Kind::Extended, size })),
        Some(b'L' | b'K') => return Err(too_long(&path)),
        _ => return Err(unusual(&path, "it is no file, directory or link to a layer")),
    };
    if size > 0 && !matches!(kind, Kind::File) {
        return Err(unusual(&path, "only files have content"));
    }
    let plain = plain_path(&path).ok_or_else(|| unusual(&path, "its path is not plain"))?;
    if let Kind::Link(target) = &kind
        && !is_of_layers(&plain, target)
    {
        return Err(unusual(&path, "it is a link, but not from one layer to another"));
    }
    Ok(Some(TarEntry { path: plain, kind, size }))
}

fn too_long(path: &str) -> Refusal {
    unusual(path, format_args!("its path has more than {PATH_LIMIT_BYTES} bytes"))
}

fn field(block: &[u8], place: std::ops::Range<usize>) -> &[u8] {
    block.get(place).unwrap_or_default()
}

/// The text up to the first NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// An octal number between blanks and NULs.
fn number(bytes: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(bytes).ok()?.trim_matches([' ', '\0']);
    let is_octal = digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    is_octal.then(|| u64::from_str_radix(digits, 8).ok())?
}

/// The sum of all bytes, with blanks in the place of the sum.
fn checksum(block: &[u8]) -> u64 {
    let byte = |(place, byte): (usize, &u8)| {
        u64::from(if CHECKSUM.contains(&place) { b' ' } else { *byte })
    };
    block.iter().enumerate().map(byte).sum()
}

/// The path without a leading `./` and a slash at the end. `None` if it may lead elsewhere, or is a
/// document with something below it.
fn plain_path(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = if path.is_empty() { "." } else { path };
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..") && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    (path == "." || path.split('/').all(is_name)).then(|| path.to_owned())
}

/// Whether a link leads from the layer of one image to that of another, as docker and podman write it:
/// `A/layer.tar -> ../B/layer.tar` or `../B.tar`.
fn is_of_layers(path: &str, target: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_layer = |path: &str| path.strip_suffix("/layer.tar").is_some_and(is_name);
    let target = target.strip_prefix("../").unwrap_or_default();
    is_layer(path) && (is_layer(target) || target.strip_suffix(".tar").is_some_and(is_name))
}

/// Checks an extended header. Its records must not change what the header of the entry says.
///
/// # Errors
/// If a record does.
pub(super) fn check_extended(content: &[u8]) -> Result<(), Refusal> {
    let mut rest = content;
    while !rest.is_empty() {
        let (key, after) = record(rest).ok_or_else(|| {
            Refusal::bad_request("the archive has an extended header that is no pax header")
        })?;
        let is_harmless = matches!(
            key,
            "mtime" | "atime" | "ctime" | "uid" | "gid" | "uname" | "gname" | "comment"
        ) || key.starts_with("SCHILY.")
            || key.starts_with("LIBARCHIVE.");
        if !is_harmless {
            return Err(unusual(key, "the broker does not know this pax header"));
        }
        rest = after;
    }
    Ok(())
}

/// The key of the first record, `LENGTH KEY=VALUE` and a new line, and the records after it.
fn record(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(bytes.get(..blank)?).ok()?.parse().ok()?;
    let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((std::str::from_utf8(record.get(..equals)?).ok()?, bytes.get(length..)?))
}

/// How many bytes fill the last block of content.
pub(super) fn padding(size: u64) -> usize {
    let block = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
    usize::try_from(size.next_multiple_of(block) - size).unwrap_or(0)
}

/// Writes a header: of the entry it has the path, the kind and the size.
pub(super) fn write(entry: &TarEntry, output: &mut Vec<u8>) {
    let (kind, mode, target) = match &entry.kind {
        Kind::File => (b'0', "0000644", ""),
        Kind::Directory => (b'5', "0000755", ""),
        Kind::Link(target) => (b'2', "0000777", target.as_str()),
        // The broker writes no extended headers.
        Kind::Extended => return,
    };
    let mut block = [0_u8; BLOCK_BYTES];
    let mut put = |place: usize, bytes: &[u8]| {
        for (to, from) in block.iter_mut().skip(place).zip(bytes) {
            *to = *from;
        }
    };
    put(PATH.start, entry.path.as_bytes());
    put(PATH.end, mode.as_bytes());
    put(108, b"0000000\x000000000\0");
    put(SIZE.start, format!("{:011o}", entry.size).as_bytes());
    put(136, b"00000000000");
    put(TYPE, &[kind]);
    put(TARGET.start, target.as_bytes());
    put(MAGIC.start, b"ustar\x0000");
    let sum = checksum(&block);
    let mut put = |place: usize, bytes: &[u8]| {
        for (to, from) in block.iter_mut().skip(place).zip(bytes) {
            *to = *from;
        }
    };
    put(CHECKSUM.start, format!("{sum:06o}\0 ").as_bytes());
    output.extend_from_slice(&block);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: u8, path: &str, target: &str) -> Vec<u8> {
        let mut block = Vec::new();
        write(&TarEntry { path: path.to_owned(), kind: Kind::File, size: 0 }, &mut block);
        block[TYPE] = kind;
        block[TARGET.start..TARGET.start + target.len()].copy_from_slice(target.as_bytes());
        let sum = checksum(&block);
        block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }

    #[test]
    fn k08_only_entries_of_image_archives_are_read() {
        let layer = "../bb/layer.tar";
        for (kind, path, target, is_read) in [
            (b'0', "a.json", "", true),
            (0, "./a.json", "", true),
            (b'5', "blobs/sha256/", "", true),
            (b'2', "aa/layer.tar", layer, true),
            (b'2', "aa/layer.tar", "../bb.tar", true),
            (b'2', "aa/layer.tar", "../../bb/layer.tar", false),
            (b'2', "aa/layer.tar", "/bb/layer.tar", false),
            (b'2', "aa", layer, false),
            (b'2', "manifest.json", "../bb.tar", false),
            (b'0', "../manifest.json", "", false),
            (b'0', "a/../manifest.json", "", false),
            (b'0', "a//manifest.json", "", false),
            (b'0', "a/./manifest.json", "", false),
            (b'0', "/manifest.json", "", false),
            (b'0', "a b", "", false),
            (b'1', "a", "manifest.json", false),
            (b'3', "a", "", false),
            (b'6', "a", "", false),
            (b'g', "a", "", false),
            (b'L', "a", "", false),
            (b'S', "a", "", false),
            (b'7', "a", "", false),
        ] {
            assert_eq!(
                parse(&block(kind, path, target)).is_ok(),
                is_read,
                "{kind} {path} {target}"
            );
        }
        let mut damaged = block(b'0', "a", "");
        damaged[0] = b'b';
        assert!(parse(&damaged).is_err());
        assert_eq!(parse(&[0; BLOCK_BYTES]).unwrap(), None);
    }

    #[test]
    fn k08_an_extended_header_cannot_change_an_entry() {
        let record = |text: &str| {
            // The length counts itself: two digits, a blank and the new line.
            format!("{} {text}\n", text.len() + 4)
        };
        for (content, is_harmless) in [
            (record("mtime=1350244992"), true),
            (record("mtime=1350244992.023960108") + &record("comment=hallo"), true),
            (record("SCHILY.xattr.user.a=1"), true),
            (record("path=manifest.json"), false),
            (record("linkpath=manifest.json"), false),
            (record("mtime=1350244992") + &record("size=1111"), false),
            (record("GNU.sparse.major=1.0"), false),
            ("99 mtime=1\n".to_owned(), false),
            ("0 mtime=1\n".to_owned(), false),
            ("x".to_owned(), false),
        ] {
            assert_eq!(check_extended(content.as_bytes()).is_ok(), is_harmless, "{content}");
        }
    }
}
