//! Reads the short files of `/proc`.
//!
//! This file must not know what they say.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Longest file that [`read_once`] reads, in bytes.
const FILE_LIMIT_BYTES: usize = 4096;

/// Reads a file of `/proc` that has one line. The kernel gives such a file with one system call.
///
/// # Errors
/// Those of the system calls; [`io::ErrorKind::InvalidData`] for a longer file.
pub(crate) fn read_once(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut content = [0; FILE_LIMIT_BYTES];
    loop {
        match file.read(&mut content) {
            Ok(len) if len < FILE_LIMIT_BYTES => {
                return Ok(content.get(..len).unwrap_or_default().to_vec());
            }
            Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        assert!(read_once(Path::new("/proc/thread-self/stat")).unwrap().ends_with(
            b"
"
        ));
        let error = read_once(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
