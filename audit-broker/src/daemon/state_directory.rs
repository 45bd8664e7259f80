//! The directory in which the broker keeps what outlives it.
//!
//! Two brokers that wrote there would each undo what the other has written: owners would lose what
//! they made, and former owners would get it back. So a broker locks the directory for as long as it
//! runs, and does not start where another one has it.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{Uid, User, chown};

/// The directory, locked until this is dropped.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    /// The lock is on the directory itself, so that there is no file that somebody could replace.
    _lock: Flock<File>,
}

impl StateDirectory {
    /// Makes the directory if it is missing, locks it and gives it to the user. Only the user may
    /// look into it.
    ///
    /// # Errors
    /// If another broker uses the directory, by whatever path, or it cannot be made, locked or given
    /// away.
    ///
    /// # Source
    /// `flock(2)`: the lock is on the inode, and it ends with the process.
    pub(crate) fn lock(directory: &Path, user: &User) -> anyhow::Result<Self> {
        let shown = directory.display();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot make state_dir {shown}"))?;
        let opened = File::options()
            .read(true)
            .custom_flags(libc::O_DIRECTORY)
            .open(directory)
            .with_context(|| format!("cannot open state_dir {shown}"))?;
        let lock = match Flock::lock(opened, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, Errno::EWOULDBLOCK)) => bail!(
                "another audit-broker uses state_dir {shown}; stop it, or give this one a \
                 state_dir of its own"
            ),
            Err((_, errno)) => {
                return Err(errno).with_context(|| format!("cannot lock state_dir {shown}"));
            }
        };
        if Uid::effective().is_root() {
            chown(directory, Some(user.uid), Some(user.gid))
                .with_context(|| format!("cannot give state_dir {shown} to {}", user.name))?;
        }
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s15_a_directory_has_one_broker_at_a_time_by_whatever_path() {
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
