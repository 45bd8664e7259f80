//! From a connection to the process that made it.
//!
//! Knows how to be sure that what is read is about that process and no other: the kernel gives a
//! descriptor of it, and while the process lives its pid is nobody else's.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::{Gid, Pid};

use super::proc::Process;
use super::{Subject, cgroup};
use crate::sys;

/// What the socket itself says of who connected.
#[derive(Debug)]
pub(crate) struct Peer {
    pid: u32,
    uid: u32,
    gid: u32,
    groups: Vec<Gid>,
    label: Option<Vec<u8>>,
    process: OwnedFd,
}

/// Why it is not known who connected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unidentified {
    /// The socket does not say.
    #[error("the kernel does not say who connected")]
    Socket {
        /// What the system call answered.
        source: io::Error,
    },
    /// The process ended while it was looked at.
    #[error("the process that connected has ended; let it wait for the answer")]
    Ended,
    /// `/proc` does not say.
    #[error("the process that connected cannot be looked at in /proc")]
    Proc {
        /// What reading answered.
        source: io::Error,
    },
    /// The thread that looks has ended.
    #[error("nobody is left to look who connected; restart audit-broker")]
    NoPeerReader,
}

impl Peer {
    /// The pid and the uid, which the socket keeps whatever becomes of the process.
    ///
    /// # Errors
    /// If it is no unix socket.
    pub(crate) fn ids(socket: BorrowedFd<'_>) -> io::Result<(u32, u32)> {
        let credentials = getsockopt(&socket, sockopt::PeerCredentials)?;
        Ok((credentials.pid().unsigned_abs(), credentials.uid()))
    }

    /// Asks the socket for everything.
    ///
    /// # Errors
    /// If the process has ended already on a kernel before 6.5, or there is no descriptor left.
    ///
    /// # Source
    /// `unix(7)` for SO_PEERCRED; `sk_getsockopt` in `net/core/sock.c` for the others.
    pub(crate) fn of(socket: BorrowedFd<'_>) -> Result<Self, Unidentified> {
        let socket_error = |source| Unidentified::Socket { source };
        let credentials = getsockopt(&socket, sockopt::PeerCredentials)
            .map_err(|errno| socket_error(errno.into()))?;
        let pid = u32::try_from(credentials.pid()).unwrap_or(0);
        let process = match sys::peer_pidfd(socket) {
            Ok(process) => process,
            Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => {
                open_older(credentials.pid(), credentials.uid())?
            }
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
                return Err(Unidentified::Ended);
            }
            Err(error) => return Err(socket_error(error)),
        };
        Ok(Self {
            pid,
            uid: credentials.uid(),
            gid: credentials.gid(),
            groups: sys::peer_groups(socket).map_err(socket_error)?,
            label: sys::peer_label(socket).map_err(socket_error)?,
            process,
        })
    }

    /// Looks at the process. The caller may not have a landlock domain of its own: that would hide
    /// other processes' programs and namespaces.
    ///
    /// # Errors
    /// If the process has ended meanwhile, so that what was read may be another's.
    pub(crate) fn look(self) -> Result<Subject, Unidentified> {
        let seen = self.read();
        if has_ended(self.process.as_fd()) {
            return Err(Unidentified::Ended);
        }
        seen.map_err(|source| Unidentified::Proc { source })
    }

    fn read(&self) -> io::Result<Subject> {
        let process = Process::new(self.pid);
        let (auid, session) = process.login()?;
        let terminal = process.terminal()?;
        let mut groups = vec![self.gid];
        groups
            .extend(self.groups.iter().map(|group| group.as_raw()).filter(|gid| *gid != self.gid));
        Ok(Subject {
            pid: self.pid,
            uid: self.uid,
            groups,
            auid,
            session,
            exe: process.exe(),
            cwd: process.cwd(),
            terminal,
            label: self.label.clone(),
            cgroup: cgroup::path_of(self.pid)?,
            is_namespaced: process.has_own_namespace("user")?,
            is_contained: process.has_own_namespace("pid")?,
            container: None,
        })
    }
}

/// Kernels before 6.5 give the pid only. If the process ended before this is called, another may
/// have its pid; one with the same uid is then taken for it.
fn open_older(pid: i32, uid: u32) -> Result<OwnedFd, Unidentified> {
    let process =
        sys::pidfd_open(Pid::from_raw(pid)).map_err(|error| match error.raw_os_error() {
            Some(libc::ESRCH) => Unidentified::Ended,
            _ => Unidentified::Socket { source: error },
        })?;
    match Process::new(pid.unsigned_abs()).effective_uid() {
        Ok(found) if found == uid => Ok(process),
        _ => Err(Unidentified::Ended),
    }
}

/// A descriptor of a process can be read from once the process has ended.
///
/// # Source
/// `pidfd_open(2)`.
fn has_ended(process: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::new(process, PollFlags::POLLIN)];
    !matches!(poll(&mut polled, PollTimeout::ZERO), Ok(0))
}
