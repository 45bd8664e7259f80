//! The sockets at which the daemon is reached.
//!
//! Knows how a socket is made so that two brokers never share one, and how one is taken over from
//! the service manager.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::User;

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: UnixListener,
    /// What is removed at the end; nothing for a socket that was taken over.
    made: Option<OwnSocket>,
}

/// A socket that this process made, and the lock that says so.
#[derive(Debug)]
struct OwnSocket {
    path: PathBuf,
    /// Whether the directory was made with it.
    has_own_directory: bool,
    /// Held as long as the socket is there. Its file stays, since another broker may have it open.
    _lock: Flock<File>,
}

impl Listener {
    /// Makes the socket with the given mode, in a directory that is made if it is missing.
    ///
    /// # Errors
    /// If another broker serves the socket, or it cannot be made.
    pub(crate) fn bind(path: &Path, mode: u32) -> anyhow::Result<Self> {
        let listen = || {
            let claim = OwnSocket::claim(path)?;
            anyhow::Ok(Self { socket: bind(path, mode)?, made: Some(claim) })
        };
        listen().with_context(|| format!("cannot listen at {}", path.display()))
    }

    /// The socket that the service manager hands over, if it does.
    ///
    /// # Errors
    /// If it hands over another thing than one listening unix socket.
    ///
    /// # Source
    /// `sd_listen_fds(3)`.
    pub(crate) fn handed_over() -> anyhow::Result<Option<Self>> {
        let mut descriptors = sd_notify::listen_fds().context("bad LISTEN_FDS")?;
        let Some(descriptor) = descriptors.next() else { return Ok(None) };
        ensure!(
            descriptors.next().is_none(),
            "the service manager hands over several sockets; one is expected"
        );
        let socket = crate::sys::handed_over_listener(descriptor)
            .context("the service manager hands over another thing than a listening unix socket")?;
        Ok(Some(Self { socket, made: None }))
    }

    /// Lets the user remove the socket at the end, if the directory is the daemon's own.
    ///
    /// # Errors
    /// If the directory cannot be given away.
    pub(crate) fn give_directory_to(&self, user: &User) -> anyhow::Result<()> {
        let Some(made) = self.made.as_ref().filter(|made| made.has_own_directory) else {
            return Ok(());
        };
        let Some(directory) = made.path.parent() else { return Ok(()) };
        nix::unistd::chown(directory, Some(user.uid), Some(user.gid))
            .with_context(|| format!("cannot give {} to {}", directory.display(), user.name))
    }

    /// Where it is, for people.
    pub(crate) fn describe(&self) -> String {
        match &self.made {
            Some(made) => made.path.display().to_string(),
            None => "the socket of the service manager".to_owned(),
        }
    }

    /// The directory in which files have to be removed at the end.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.made.as_ref().and_then(|made| made.path.parent())
    }
}

impl OwnSocket {
    /// Makes sure that nobody else serves the path, and removes what a killed broker left there.
    fn claim(path: &Path) -> anyhow::Result<Self> {
        let mut has_own_directory = false;
        if let Some(directory) = path.parent() {
            has_own_directory = !directory.exists();
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
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
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => bail!("another audit-broker serves it"),
            Err((_, errno)) => return Err(errno.into()),
        };
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => bail!("something that is no socket is there; move it away"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { path: path.to_owned(), has_own_directory, _lock: lock })
    }
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        // An unprivileged user may not be allowed to; the next broker does it then.
        let _ = fs::remove_file(&self.path);
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Nobody can connect before the mode is set: the socket is made for its owner only.
fn bind(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let everything_masked = nix::sys::stat::Mode::from_bits_truncate(0o777);
    let umask = nix::sys::stat::umask(everything_masked);
    let socket = UnixListener::bind(path);
    nix::sys::stat::umask(umask);
    let socket = socket?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
