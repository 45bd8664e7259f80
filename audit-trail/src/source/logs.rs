//! Finds the files of a log: the one that auditd writes, and the rotated ones.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Source;
use crate::lines::Line;
use crate::record::Record;
use crate::time::Time;

/// Where auditd writes if its configuration does not say.
///
/// # Source
/// `auditd.conf(5)`, `log_file`.
pub const DEFAULT_LOG: &str = "/var/log/audit/audit.log";

const CONFIGURATION: &str = "/etc/audit/auditd.conf";

/// Lines at the start of a file that may be read to find its first time.
const FIRST_LINES: usize = 100;

/// How often the files are listed again if they have changed.
const LISTING_ATTEMPTS: usize = 10;

/// A file of a log, known by its inode: auditd renames its files while it rotates them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    device: u64,
    inode: u64,
}

/// The log that auditd writes on this host.
///
/// Reads `log_file` from `/etc/audit/auditd.conf`. Returns [`DEFAULT_LOG`] if that file cannot be read or
/// has no such line.
#[must_use]
pub fn configured() -> PathBuf {
    log_file(&fs::read(CONFIGURATION).unwrap_or_default())
}

/// The log that auditd writes with this text of `auditd.conf`.
///
/// # Source
/// `auditd.conf(5)`: `keyword = value`, keywords regardless of case.
#[must_use]
pub fn log_file(configuration: &[u8]) -> PathBuf {
    let file = configuration.split(|byte| *byte == b'\n').find_map(|line| {
        let at = memchr::memchr(b'=', line)?;
        let is_it = line.get(..at)?.trim_ascii().eq_ignore_ascii_case(b"log_file");
        let value = line.get(at + 1..)?.trim_ascii();
        is_it.then(|| OsStr::from_bytes(value).into())
    });
    file.unwrap_or_else(|| DEFAULT_LOG.into())
}

/// The files of a log, the oldest first: `audit.log.2.gz`, `audit.log.1`, `audit.log`.
///
/// A directory stands for the log `audit.log` in it. The files whose names begin with that of the log
/// and `.` or `-` belong to it. They are ordered by the time of their first record, whatever scheme
/// rotated them.
///
/// # Errors
/// If the directory or the log itself cannot be read.
pub(crate) fn files(log: &Path) -> io::Result<Vec<LogFile>> {
    let log = if log.is_dir() { log.join("audit.log") } else { log.to_owned() };
    let mut files = listed(&log)?;
    // If auditd rotates the files while they are listed, one may be missing.
    for _ in 0..LISTING_ATTEMPTS {
        let again = listed(&log)?;
        if again == files {
            break;
        }
        files = again;
    }
    let mut timed: Vec<_> = files.into_iter().map(|file| (file.first_time(), file)).collect();
    timed.sort_by_key(|(time, _)| *time);
    Ok(timed.into_iter().map(|(_, file)| file).collect())
}

/// The files that exist now, the oldest first if they are numbered.
///
/// # Errors
/// If the directory cannot be read, or no file exists.
pub(crate) fn listed(log: &Path) -> io::Result<Vec<LogFile>> {
    let mut files = Vec::new();
    for path in names(log)? {
        match LogFile::of(path) {
            Ok(file) => files.push(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if files.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such log"));
    }
    Ok(files)
}

/// The paths of the log and its rotated files, the oldest first if they are numbered.
fn names(log: &Path) -> io::Result<Vec<PathBuf>> {
    let directory = log.parent().filter(|path| !path.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let name = log.file_name().unwrap_or_default().as_bytes().to_vec();
    let mut rotated = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let suffix = file_name.as_bytes().strip_prefix(name.as_slice());
        if let Some([b'.' | b'-', rest @ ..]) = suffix {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let number = rest.get(..digits).and_then(crate::time::number);
            if let Some(number) = number {
                rotated.push((number, directory.join(&file_name)));
            }
        }
    }
    rotated.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    Ok(rotated.into_iter().map(|(_, path)| path).chain([log.to_owned()]).collect())
}

impl LogFile {
    /// The file that has this path now.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn of(path: PathBuf) -> io::Result<Self> {
        let metadata = fs::metadata(&path)?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }

    /// Whether this is the same file, perhaps under another name.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// The time of the first record. A file without one counts as the newest, since auditd has just made
    /// it.
    fn first_time(&self) -> Time {
        let find = || -> io::Result<Option<Time>> {
            let mut source = Source::open(&self.path)?;
            for _ in 0..FIRST_LINES {
                match source.next()? {
                    None => return Ok(None),
                    Some(Line::TooLong) => {}
                    Some(Line::Text(text)) => {
                        if let Ok(record) = Record::parse(text) {
                            return Ok(Some(record.stamp().time));
                        }
                    }
                }
            }
            Ok(None)
        };
        find().ok().flatten().unwrap_or(Time::from_millis(u64::MAX))
    }

    /// Opens the file, wherever rotation has moved it.
    ///
    /// # Errors
    /// If the file no longer exists, or cannot be read.
    pub(crate) fn open(&self) -> io::Result<File> {
        if let Some(file) = self.open_at(&self.path)? {
            return Ok(file);
        }
        // The name is now that of another file. Rotation keeps the directory.
        let directory = self.path.parent().unwrap_or(Path::new("."));
        for entry in fs::read_dir(directory)? {
            if let Some(file) = self.open_at(&entry?.path())? {
                return Ok(file);
            }
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "the file was rotated away"))
    }

    /// Opens the file at the path if it is this one.
    fn open_at(&self, path: &Path) -> io::Result<Option<File>> {
        let is_this =
            |metadata: &fs::Metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode);
        match fs::metadata(path) {
            Ok(metadata) if is_this(&metadata) => {}
            _ => return Ok(None),
        }
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result?,
        };
        Ok(is_this(&file.metadata()?).then_some(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("audit-trail-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        path
    }

    fn write(path: &Path, second: u32) {
        fs::write(path, format!("type=LOGIN msg=audit({second}.000:1): pid=1\n")).unwrap();
    }

    fn file_names(log: &Path) -> Vec<String> {
        let files = files(log).unwrap();
        let name = |file: &LogFile| file.path.file_name().unwrap().to_str().unwrap().to_owned();
        files.iter().map(name).collect()
    }

    #[test]
    fn rotated_files_come_in_the_order_of_time() {
        let directory = directory("order");
        let log = directory.join("audit.log");
        for (name, second) in [
            ("audit.log", 40),
            ("audit.log.1", 30),
            ("audit.log.2", 20),
            ("audit.log.10", 10),
            ("audit.log-20261101", 5),
        ] {
            write(&directory.join(name), second);
        }
        for other in ["audit.log.bak", "audit.logs", "other.log.1"] {
            write(&directory.join(other), 1);
        }
        let expected =
            ["audit.log-20261101", "audit.log.10", "audit.log.2", "audit.log.1", "audit.log"];
        assert_eq!(file_names(&log), expected);
        assert_eq!(file_names(&directory), expected);
        fs::write(&log, "").unwrap();
        assert_eq!(file_names(&log), expected);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_file_is_found_after_it_was_rotated() {
        let directory = directory("rotation");
        let log = directory.join("audit.log");
        write(&log, 1);
        let found = files(&log).unwrap();
        fs::rename(&log, directory.join("audit.log.1")).unwrap();
        write(&log, 2);
        let file = found[0].open().unwrap();
        assert_eq!(file.metadata().unwrap().ino(), found[0].inode);
        fs::remove_file(directory.join("audit.log.1")).unwrap();
        assert_eq!(found[0].open().unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_configuration_names_the_log() {
        let path = |text: &str| log_file(text.as_bytes());
        assert_eq!(path("#x\nLog_File = /a/b c \nx=1"), Path::new("/a/b c"));
        assert_eq!(path("max_log_file = 8\n"), Path::new(DEFAULT_LOG));
    }
}
