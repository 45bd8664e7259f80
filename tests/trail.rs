//! Follows the audit log while auditd writes and rotates it.
//!
//! auditd renames a full `audit.log` to `audit.log.1`. The reader keeps the file open and reads it to its
//! end. Then it looks up the number that the file has now, and opens the file with the number before it.
//! A reader that keeps up misses nothing, however often the log rotates.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const LOG: &str = "/var/log/audit/audit.log";

/// Most rotated files to search for the one that was read last.
const ROTATED_LIMIT: u32 = 99;

/// The audit log from now on.
pub(crate) struct Trail {
    file: BufReader<File>,
    inode: u64,
    /// The start of a line that auditd has not finished.
    begun: Vec<u8>,
}

impl Trail {
    /// Starts at the current end of the log.
    pub(crate) fn from_now() -> Self {
        let mut trail = Self::open(Path::new(LOG));
        trail.file.seek(SeekFrom::End(0)).expect("cannot seek in the audit log");
        trail
    }

    /// Passes each new line to `line`.
    pub(crate) fn read(&mut self, mut line: impl FnMut(&[u8])) {
        loop {
            // Looked up first: auditd writes nothing to a file after it renames it, so the loop below
            // reads the whole file.
            let next = self.next_file();
            while self.file.read_until(b'\n', &mut self.begun).expect("cannot read the log") > 0 {
                if let Some(whole) = self.begun.strip_suffix(b"\n") {
                    line(whole);
                    self.begun.clear();
                }
            }
            match next {
                Some(path) => {
                    let begun = std::mem::take(&mut self.begun);
                    *self = Self::open(&path);
                    self.begun = begun;
                }
                None => return,
            }
        }
    }

    fn open(path: &Path) -> Self {
        let file = File::open(path).expect("cannot open the audit log");
        let inode = file.metadata().expect("cannot stat the audit log").ino();
        Self { file: BufReader::with_capacity(1 << 20, file), inode, begun: Vec::new() }
    }

    /// The file after the open one, if auditd has started one.
    fn next_file(&self) -> Option<PathBuf> {
        let path = |number: u32| match number {
            0 => PathBuf::from(LOG),
            number => PathBuf::from(format!("{LOG}.{number}")),
        };
        let is_open = |path: &PathBuf| fs::metadata(path).is_ok_and(|it| it.ino() == self.inode);
        let place = || (0..ROTATED_LIMIT).find(|number| is_open(&path(*number)));
        // A search may miss the file while auditd renames it, so this tries again.
        let place = (0..1000).find_map(|_| {
            let found = place();
            if found.is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            found
        });
        place.expect("the log was rotated away faster than it was read").checked_sub(1).map(path)
    }
}
