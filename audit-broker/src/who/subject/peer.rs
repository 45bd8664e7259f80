//! Inspects the process that made a connection.
//!
//! This file knows how to avoid reading about another process that has reused the pid. The kernel provides
//! a pidfd of the process. While that process lives, no other process can have its pid. So the facts are
//! valid if the process is still alive after they were read.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::{Gid, Pid};

use super::proc::Process;
use super::{Subject, cgroup};
use crate::sys;

/// The facts that the socket itself provides about the process that connected.
#[derive(Debug)]
pub(crate) struct Peer {
    pid: u32,
    uid: u32,
    gid: u32,
    groups: Vec<Gid>,
    label: Option<Vec<u8>>,
    process: OwnedFd,
}

/// Why the process that connected could not be identified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unidentified {
    /// A system call on the socket failed.
    #[error("the kernel did not identify the process that connected")]
    Socket {
        /// The error of the system call.
        source: io::Error,
    },
    /// The process ended before the broker had inspected it.
    #[error("the process that connected has ended; it must stay alive until it gets the response")]
    Ended,
    /// A file in `/proc` could not be read.
    #[error("cannot inspect the process that connected in /proc")]
    Proc {
        /// The error of reading.
        source: io::Error,
    },
    /// The peer reader's thread has ended.
    #[error("the process-inspection thread has died; restart audit-broker")]
    NoPeerReader,
}

impl Peer {
    /// The pid and the uid. The socket still has them after the process has ended.
    ///
    /// # Errors
    /// If this is not a Unix socket.
    pub(crate) fn ids(socket: BorrowedFd<'_>) -> io::Result<(u32, u32)> {
        let credentials = getsockopt(&socket, sockopt::PeerCredentials)?;
        Ok((credentials.pid().unsigned_abs(), credentials.uid()))
    }

    /// All facts that the socket provides.
    ///
    /// # Errors
    /// If the process has already ended on a kernel before 6.5, or the broker has no file descriptor
    /// left.
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

    /// Inspects the process. The calling thread must not be in a landlock domain, which would hide the
    /// programs and namespaces of other processes.
    ///
    /// # Errors
    /// If the process has ended meanwhile, because the facts may be about another process then.
    pub(crate) fn inspect(self) -> Result<Subject, Unidentified> {
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

/// Opens a pidfd on kernels before 6.5, where the socket provides only the pid. If the process has ended
/// and a process with the same uid has reused its pid, this function cannot tell them apart.
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

/// A pidfd becomes readable when its process ends.
///
/// # Source
/// `pidfd_open(2)`.
fn has_ended(process: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::new(process, PollFlags::POLLIN)];
    !matches!(poll(&mut polled, PollTimeout::ZERO), Ok(0))
}
