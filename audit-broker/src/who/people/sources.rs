//! Detects changes to the local files of the user database.
//!
//! This file knows where the C library looks for users and groups on this host. It reads no file's
//! content.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The files and directories that change when a local user or group does.
///
/// # Source
/// `nsswitch.conf(5)`, `passwd(5)`, `group(5)`, `nss-systemd(8)`; `libnss-extrausers`, `libnss-db`.
const PATHS: [&str; 12] = [
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
    "/etc/userdb",
    "/run/userdb",
    "/run/host/userdb",
    "/usr/lib/userdb",
    "/run/systemd/userdb",
    "/var/lib/extrausers/passwd",
    "/var/lib/extrausers/group",
    "/var/lib/misc/passwd.db",
    "/var/lib/misc/group.db",
];

/// How long the broker assumes, after a check, that no file has changed.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Values that change when a file is written or replaced: inode, size, and the time of the last change.
/// `None` if the file does not exist.
type FileStamp = Option<(u64, u64, i64, i64)>;

/// The local files of the user database.
#[derive(Debug, Default)]
pub(super) struct Sources(Mutex<Option<FileStamps>>);

/// The result of the last check.
#[derive(Debug)]
struct FileStamps {
    at: Instant,
    stamps: Vec<FileStamp>,
    generation: u64,
}

impl Sources {
    /// A number that grows when a file changes, at most a quarter of a second later.
    pub(super) fn generation(&self) -> u64 {
        self.generation_of(&PATHS, CHECK_INTERVAL)
    }

    fn generation_of(&self, paths: &[&str], interval: Duration) -> u64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| last.at.elapsed() < interval) {
            return last.generation;
        }
        let (at, stamps) = (Instant::now(), paths.iter().map(|path| stamp(path)).collect());
        let generation = match last.as_ref() {
            None => 0,
            Some(last) if last.stamps == stamps => last.generation,
            Some(last) => last.generation + 1,
        };
        *last = Some(FileStamps { at, stamps, generation });
        generation
    }
}

fn stamp(path: &str) -> FileStamp {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s29_writing_replacing_or_removing_a_file_is_a_change() {
        let directory = std::env::temp_dir().join(format!("sources-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join("group");
        let path = file.to_str().unwrap();
        let sources = Sources::default();
        let generation = || sources.generation_of(&[path], Duration::ZERO);
        assert_eq!(generation(), 0);
        fs::write(&file, "a").unwrap();
        assert_eq!((generation(), generation()), (1, 1));
        fs::write(directory.join("new"), "b").unwrap();
        fs::rename(directory.join("new"), &file).unwrap();
        assert_eq!(generation(), 2);
        fs::remove_file(&file).unwrap();
        assert_eq!(generation(), 3);
        assert_eq!(sources.generation_of(&[path], Duration::from_secs(60)), 3);
        fs::remove_dir(&directory).unwrap();
    }
}
