//! The sockets on which the daemon listens.
//!
//! This file creates a socket so that two brokers never share it, or takes one over from the service
//! manager. It does not know what is served there.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::User;

/// How long to wait after a failed accept: usually the process has no free descriptor.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: UnixListener,
    /// What to remove at shutdown; `None` for a socket from the service manager.
    own: Option<OwnSocket>,
}

/// A socket that this process created, and its lock.
#[derive(Debug)]
struct OwnSocket {
    path: PathBuf,
    /// Whether this process created the directory too.
    has_own_directory: bool,
    /// Held while the socket exists. The lock file stays, because another broker may have it open.
    _lock: Flock<File>,
}

impl Listener {
    /// Creates a socket with this mode, and its directory if that is missing.
    ///
    /// # Errors
    /// If another broker listens there, or the socket cannot be created.
    pub(crate) fn bind(path: &Path, mode: u32) -> anyhow::Result<Self> {
        let listen = || {
            let claim = OwnSocket::claim(path)?;
            anyhow::Ok(Self { socket: bind(path, mode)?, own: Some(claim) })
        };
        listen().with_context(|| format!("cannot listen at {}", path.display()))
    }

    /// The socket that the service manager passed to this process, if it passed one.
    ///
    /// # Errors
    /// If it passed anything but one listening unix socket.
    ///
    /// # Source
    /// `sd_listen_fds(3)`.
    pub(crate) fn handed_over() -> anyhow::Result<Option<Self>> {
        let mut descriptors = sd_notify::listen_fds().context("bad LISTEN_FDS")?;
        let Some(descriptor) = descriptors.next() else { return Ok(None) };
        ensure!(
            descriptors.next().is_none(),
            "the service manager passed several sockets; expected one"
        );
        let socket = crate::sys::handed_over_listener(descriptor)
            .context("the service manager passed something other than a listening unix socket")?;
        Ok(Some(Self { socket, own: None }))
    }

    /// Makes the user the owner of the directory if this process created it, so that the user can
    /// remove the socket at shutdown.
    ///
    /// # Errors
    /// If the owner cannot be changed.
    pub(crate) fn give_directory_to(&self, user: &User) -> anyhow::Result<()> {
        let Some(own) = self.own.as_ref().filter(|own| own.has_own_directory) else {
            return Ok(());
        };
        let Some(directory) = own.path.parent() else { return Ok(()) };
        nix::unistd::chown(directory, Some(user.uid), Some(user.gid)).with_context(|| {
            format!("cannot make {} the owner of {}", user.name, directory.display())
        })
    }

    /// The address of the socket, for log lines.
    pub(crate) fn describe(&self) -> String {
        match &self.own {
            Some(own) => own.path.display().to_string(),
            None => "the socket that the service manager passed".to_owned(),
        }
    }

    /// The directory in which the daemon has to remove files at shutdown.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.own.as_ref().and_then(|own| own.path.parent())
    }
}

impl OwnSocket {
    /// Makes sure that no other broker listens at the path, and removes the socket of a killed one.
    fn claim(path: &Path) -> anyhow::Result<Self> {
        let mut has_own_directory = false;
        if let Some(directory) = path.parent() {
            has_own_directory = !directory.exists();
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
        }
        let lock_path = lock_path(path);
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&lock_path)
            .with_context(|| format!("cannot open {}", lock_path.display()))?;
        let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => bail!("another audit-broker listens there"),
            Err((_, errno)) => return Err(errno.into()),
        };
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => bail!("a file that is not a socket is in the way; move it"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { path: path.to_owned(), has_own_directory, _lock: lock })
    }
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        // If the unprivileged user may not, the next broker removes the socket.
        let _ = fs::remove_file(&self.path);
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Creates the socket for its owner only and then sets the mode, so that no other user can connect
/// before.
fn bind(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let all_permissions = nix::sys::stat::Mode::from_bits_truncate(0o777);
    let umask = nix::sys::stat::umask(all_permissions);
    let socket = UnixListener::bind(path);
    nix::sys::stat::umask(umask);
    let socket = socket?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
