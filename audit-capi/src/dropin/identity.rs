//! The login uid and the login session of this process, as libaudit reads them.
//!
//! This file knows two files below `/proc/self`. They belong to the process's first thread, unlike the
//! ids that the kernel adds to records: those belong to the sending thread.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

use audit_core::{Auid, Session};

use crate::sys::{self, Errno};

/// The login uid of this process, or 4294967295 (-1) if it is unset.
///
/// Also -1 if `/proc/self/loginuid` cannot be read. Then `errno` says why; otherwise `errno` is 0. A
/// kernel without audit has no such file: `errno` is `ENOENT`.
///
/// # Source
/// `audit_getloginuid` in `lib/libaudit.c` of audit-userspace 3.0.9.
#[unsafe(no_mangle)]
pub extern "C" fn audit_getloginuid() -> libc::uid_t {
    answer(read_number("/proc/self/loginuid"), Auid::UNSET)
}

/// The login session of this process, or 4294967295 (-1) if it is unset.
///
/// 4294967294 (-2) if `/proc/self/sessionid` cannot be read. Then `errno` says why; otherwise `errno`
/// is 0.
///
/// # Source
/// `audit_get_session` in `lib/libaudit.c` of audit-userspace 3.0.9.
#[unsafe(no_mangle)]
pub extern "C" fn audit_get_session() -> u32 {
    answer(read_number("/proc/self/sessionid"), Session::UNSET - 1)
}

fn answer(number: Result<u32, Errno>, failed: u32) -> u32 {
    let (number, errno) = match number {
        Ok(number) => (number, Errno(0)),
        Err(errno) => (failed, errno),
    };
    sys::set_errno(errno);
    number
}

/// Longest content that libaudit believes, in bytes: its buffer has room for one more.
const NUMBER_LIMIT_BYTES: usize = 15;

fn read_number(path: &str) -> Result<u32, Errno> {
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path)?;
    let mut buffer = [0; NUMBER_LIMIT_BYTES + 1];
    let len = loop {
        match file.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    match buffer.get(..len) {
        Some(content) if len <= NUMBER_LIMIT_BYTES => Ok(parse(content)),
        // libaudit reports a failure and leaves `errno` at 0.
        _ => Err(Errno(0)),
    }
}

/// The number as `strtol(3)` reads it, cut to 32 bits. 0 without a digit.
fn parse(content: &[u8]) -> u32 {
    let content = content.trim_ascii_start();
    let (is_negative, digits) = match content {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits
        .fold(0_u32, |number, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')));
    if is_negative { number.wrapping_neg() } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        for (content, number) in [
            (&b"1000"[..], 1000),
            (b"4294967295", u32::MAX),
            (b"0\n", 0),
            (b" 12x", 12),
            (b"-1", u32::MAX),
            (b"4294967297", 1),
            (b"", 0),
            (b"x", 0),
        ] {
            assert_eq!(parse(content), number, "{content:?}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_gives_the_errno() {
        assert_eq!(read_number("/proc/self/no-such-file"), Err(Errno(libc::ENOENT)));
        assert_eq!(read_number("/proc/self"), Err(Errno(libc::ELOOP)));
        assert_eq!(read_number("/proc/self/status"), Err(Errno(0)));
    }
}
