//! Reads files of each compression.

use std::io::Write;

use super::*;

fn lines(bytes: &[u8]) -> io::Result<Vec<String>> {
    let mut source = Source::new(Cursor::new(bytes.to_vec()))?;
    let mut found = Vec::new();
    while let Some(line) = source.next()? {
        let Line::Text(text) = line else { continue };
        found.push(String::from_utf8_lossy(text).into_owned());
    }
    Ok(found)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

/// `printf 'a\nb\n' | xz`
const XZ: &[u8] = include_bytes!("tests_data/two_lines.xz");

#[test]
fn compressed_files_are_known_by_their_first_bytes() {
    for bytes in [b"a\nb\n".to_vec(), gzip(b"a\nb\n"), zstd(b"a\nb\n"), XZ.to_vec()] {
        assert_eq!(lines(&bytes).unwrap(), ["a", "b"]);
    }
}

/// logrotate and `cat` append one compressed file to another.
#[test]
fn a_file_may_have_several_members() {
    for member in [gzip(b"a\nb\n"), zstd(b"a\nb\n"), XZ.to_vec()] {
        assert_eq!(lines(&member.repeat(2)).unwrap(), ["a", "b", "a", "b"]);
    }
}

#[test]
fn a_damaged_file_is_an_error_and_no_panic() {
    let text: Vec<u8> =
        (0..50_000_u32).flat_map(|number| format!("{number}\n").into_bytes()).collect();
    for whole in [gzip(&text), zstd(&text), XZ.to_vec()] {
        for cut in [7, whole.len() / 2, whole.len() - 1] {
            assert!(lines(&whole[..cut]).is_err(), "{cut} of {}", whole.len());
        }
        for at in (0..whole.len()).step_by(whole.len() / 40 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            let _ = lines(&damaged);
        }
    }
}

#[test]
fn an_empty_stream_has_no_lines() {
    assert_eq!(lines(b"").unwrap(), [""; 0]);
    assert_eq!(lines(b"\x1f").unwrap(), ["\x1f"]);
}
