//! Follows the log while auditd writes and rotates it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::lines::LINE_LIMIT_BYTES;
use crate::record::Record;
use crate::source::logs::{LogFile, listed};

/// The log that auditd writes, from now on.
///
/// auditd renames a full `audit.log` to `audit.log.1`. The follower keeps the file open and reads it to its
/// end. Then it opens the file that auditd started after it. A follower that keeps up misses nothing,
/// however often the log rotates.
///
/// # Limits
/// The follower holds one buffer of 1 MiB, and one line of at most
/// [`LINE_LIMIT_BYTES`]. Programs other than auditd that rotate the log must
/// number its files as auditd does.
///
/// # Example
/// ```no_run
/// use audit_trail::{Follower, configured_log};
///
/// let mut log = Follower::from_now(&configured_log())?;
/// loop {
///     log.read(|record| println!("{}", record.stamp()))?;
///     std::thread::sleep(std::time::Duration::from_secs(1));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Follower {
    log: PathBuf,
    file: BufReader<File>,
    identity: LogFile,
    /// The start of a line that auditd has not finished.
    begun: Vec<u8>,
    /// Whether the line that was begun is too long.
    is_too_long: bool,
}

const BUFFER_BYTES: usize = 1 << 20;

/// How often the place of the open file is looked up, once each millisecond, while auditd renames files.
const LOOKUP_ATTEMPTS: usize = 1000;

impl Follower {
    /// Starts at the current end of the log.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn from_now(log: &Path) -> io::Result<Self> {
        let mut follower = Self::open(log.to_owned(), LogFile::of(log.to_owned())?)?;
        follower.file.seek(SeekFrom::End(0))?;
        Ok(follower)
    }

    fn open(log: PathBuf, identity: LogFile) -> io::Result<Self> {
        let file = BufReader::with_capacity(BUFFER_BYTES, identity.open()?);
        Ok(Self { log, file, identity, begun: Vec::new(), is_too_long: false })
    }

    /// Passes on each record that auditd has written since the last call. Does not wait for more. Returns
    /// how many lines were no records.
    ///
    /// # Errors
    /// If the log cannot be read, or if the open file was deleted before all of it was read.
    pub fn read(&mut self, mut each: impl FnMut(&Record<'_>)) -> io::Result<u64> {
        let mut problems = 0;
        loop {
            // Looked up first: auditd writes nothing to a file after it renames it, so the loop below
            // reads the whole file.
            let next = self.next_file()?;
            while let Some(is_record) = self.read_line(&mut each)? {
                problems += u64::from(!is_record);
            }
            let Some(next) = next else { return Ok(problems) };
            let next = Self::open(std::mem::take(&mut self.log), next)?;
            *self = Self {
                begun: std::mem::take(&mut self.begun),
                is_too_long: self.is_too_long,
                ..next
            };
        }
    }

    /// Reads a line; `None` if auditd has not finished it. Says whether it is a record.
    fn read_line(&mut self, each: &mut impl FnMut(&Record<'_>)) -> io::Result<Option<bool>> {
        loop {
            let room = (LINE_LIMIT_BYTES + 1).saturating_sub(self.begun.len());
            let count = self.file.by_ref().take(room as u64).read_until(b'\n', &mut self.begun)?;
            if let Some(line) = self.begun.strip_suffix(b"\n") {
                let record = Record::parse(line).ok().filter(|_| !self.is_too_long);
                record.iter().for_each(each);
                let is_record = record.is_some();
                self.begun.clear();
                self.is_too_long = false;
                return Ok(Some(is_record));
            }
            if self.begun.len() > LINE_LIMIT_BYTES {
                self.begun.clear();
                self.is_too_long = true;
            } else if count == 0 {
                return Ok(None);
            }
        }
    }

    /// The file after the open one, if auditd has started one.
    fn next_file(&self) -> io::Result<Option<LogFile>> {
        if LogFile::of(self.log.clone()).is_ok_and(|file| file.is_same_as(&self.identity)) {
            return Ok(None);
        }
        for _ in 0..LOOKUP_ATTEMPTS {
            let files = self.files()?;
            // The names say nothing if auditd has renamed files in the meantime.
            if let Some(place) = files.iter().position(|file| file.is_same_as(&self.identity)) {
                if files == self.files()? {
                    return Ok(files.into_iter().nth(place + 1));
                }
            }
            thread::sleep(Duration::from_millis(1));
        }
        let problem = "the log was rotated away before it was read";
        Err(io::Error::new(io::ErrorKind::NotFound, problem))
    }

    /// The files that exist now. There may be none while auditd renames the only one.
    fn files(&self) -> io::Result<Vec<LogFile>> {
        match listed(&self.log) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    struct Log(PathBuf);

    impl Log {
        fn new(name: &str) -> Self {
            let directory = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            fs::create_dir_all(&directory).unwrap();
            let log = Self(directory.join("audit.log"));
            log.write("type=TEST msg=audit(1.000:1): before\n");
            log
        }

        fn write(&self, text: &str) {
            let mut file = OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn add(&self, serials: std::ops::Range<u64>) {
            for serial in serials {
                self.write(&format!("type=TEST msg=audit(1.000:{serial}): x\n"));
            }
        }

        fn numbered(&self, number: u32) -> PathBuf {
            PathBuf::from(format!("{}.{number}", self.0.display()))
        }

        fn rotate(&self) {
            for number in (1..4).rev() {
                let _ = fs::rename(self.numbered(number), self.numbered(number + 1));
            }
            fs::rename(&self.0, self.numbered(1)).unwrap();
        }
    }

    impl Drop for Log {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(self.0.parent().unwrap());
        }
    }

    fn serials(follower: &mut Follower) -> (Vec<u64>, u64) {
        let mut found = Vec::new();
        let problems = follower.read(|record| found.push(record.stamp().serial)).unwrap();
        (found, problems)
    }

    #[test]
    fn records_are_found_across_rotations_and_in_parts() {
        let log = Log::new("audit-trail-follow");
        let mut follower = Follower::from_now(&log.0).unwrap();
        assert_eq!(serials(&mut follower), (vec![], 0));
        log.add(2..4);
        log.rotate();
        // auditd has not made the next file yet.
        assert_eq!(serials(&mut follower), (vec![2, 3], 0));
        log.add(4..6);
        log.rotate();
        log.add(6..7);
        log.write("no record\ntype=TEST msg=audit(1.0");
        assert_eq!(serials(&mut follower), (vec![4, 5, 6], 1));
        log.write("00:7): x\n");
        assert_eq!(serials(&mut follower), (vec![7], 0));
    }

    #[test]
    fn a_line_that_is_too_long_is_a_problem_and_the_next_one_is_read() {
        let log = Log::new("audit-trail-follow-long");
        let mut follower = Follower::from_now(&log.0).unwrap();
        log.write(&format!("type=TEST msg=audit(1.000:2): {}", "x".repeat(3 * LINE_LIMIT_BYTES)));
        assert_eq!(serials(&mut follower), (vec![], 0));
        log.write("\n");
        log.add(3..4);
        assert_eq!(serials(&mut follower), (vec![3], 1));
    }

    #[test]
    fn a_file_that_was_deleted_is_an_error() {
        let log = Log::new("audit-trail-follow-deleted");
        let mut follower = Follower::from_now(&log.0).unwrap();
        fs::remove_file(&log.0).unwrap();
        log.add(2..3);
        let error = follower.read(|_| {}).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
