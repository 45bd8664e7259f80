//! The directory of the state that outlives the process: `state_dir`.
//!
//! Two brokers in one directory would overwrite each other's table of owners: owners would lose what
//! they made, and former owners would get it back. So a broker locks the directory while it runs,
//! and does not start if another broker holds the lock. This file does not know what is stored.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Uid, User, chown};

/// The directory, locked until this is dropped.
#[derive(Debug)]
pub(super) struct StateDirectory {
    /// The lock is on the directory itself, because a lock file could be replaced.
    _lock: Flock<File>,
}

impl StateDirectory {
    /// Creates the directory if it is missing, locks it and makes the user its owner. A new directory
    /// is open to its owner only.
    ///
    /// # Errors
    /// If another broker uses the directory, by whatever path, or the directory cannot be created,
    /// locked or given to the user.
    ///
    /// # Source
    /// `flock(2)`: the lock is on the inode, and the kernel releases it when the process ends.
    pub(super) fn lock(directory: &Path, user: &User) -> anyhow::Result<Self> {
        let shown = directory.display();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot create state_dir {shown}"))?;
        let opened = File::options()
            .read(true)
            .custom_flags(libc::O_DIRECTORY)
            .open(directory)
            .with_context(|| format!("cannot open state_dir {shown}"))?;
        let lock = match Flock::lock(opened, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, Errno::EWOULDBLOCK)) => bail!(
                "another audit-broker uses state_dir {shown}; stop it, or set another state_dir \
                 here"
            ),
            Err((_, errno)) => {
                return Err(errno).with_context(|| format!("cannot lock state_dir {shown}"));
            }
        };
        if Uid::effective().is_root() {
            chown(directory, Some(user.uid), Some(user.gid)).with_context(|| {
                format!("cannot make {} the owner of state_dir {shown}", user.name)
            })?;
        }
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s15_one_broker_at_a_time_uses_a_directory_by_whatever_path() {
        let directory = std::env::temp_dir().join(format!("state-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let (path, link) = (directory.join("state"), directory.join("link"));
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let user = User::from_uid(Uid::effective()).unwrap().unwrap();
        let lock = StateDirectory::lock(&path, &user).unwrap();
        for same in [&path, &link] {
            let error = StateDirectory::lock(same, &user).unwrap_err().to_string();
            assert!(error.contains("another audit-broker uses state_dir"), "{error}");
        }
        drop(lock);
        StateDirectory::lock(&link, &user).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
