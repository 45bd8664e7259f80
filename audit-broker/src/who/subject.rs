//! Who is at the other end of a connection.
//!
//! Knows what the kernel says of the process that connected. What a client says of itself plays no
//! part in it.

mod cgroup;
mod peer;
mod proc;

use std::collections::BTreeMap;

use audit_core::{Auid, Session};

use crate::owner::Owner;
pub(crate) use audit_host::cgroup::container_ids;
pub(crate) use cgroup::path_of as cgroup_of;
pub(crate) use peer::{Peer, Unidentified};

/// The uid of a process that is root only inside a container or a user namespace. No user of the
/// host has it.
pub(crate) const NOBODY: u32 = u32::MAX;

/// Who acts: the process that connected to the socket, as it was then.
///
/// A descriptor that is passed on, or kept over an exec, stays in the name of who connected.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    /// The groups that the process really has, its primary one first.
    pub(crate) groups: Vec<u32>,
    /// The login uid as the process has it; `None` if unset. See [`Subject::trusted_login`].
    pub(crate) auid: Option<Auid>,
    /// The login session; `None` if unset.
    pub(crate) session: Option<Session>,
    pub(crate) exe: Option<Vec<u8>>,
    pub(crate) cwd: Option<Vec<u8>>,
    /// The terminal's name without `/dev/`.
    pub(crate) terminal: Option<String>,
    /// The label that a security module gives the process.
    pub(crate) label: Option<Vec<u8>>,
    /// The control group's path.
    pub(crate) cgroup: Vec<u8>,
    /// Whether the process has a user namespace of its own, where it may be root.
    pub(crate) is_namespaced: bool,
    /// Whether the process has a pid namespace of its own, so that it is in some container.
    pub(crate) is_contained: bool,
    /// The container of docker's that the process runs in.
    pub(crate) container: Option<ContainerSubject>,
}

impl Subject {
    /// The word for what it is, in records.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self { container: Some(_), .. } => "container",
            Self { is_namespaced: true, .. } => "user-namespace",
            _ if self.trusted_login().is_some() => "login",
            _ => "service",
        }
    }

    /// The login uid if the broker can trust it: the process runs as that user, or as root of the
    /// host, which could have taken on any login uid anyway.
    ///
    /// A process without a login uid may set its login uid to any number, once and without a right
    /// to it. So the login uid of a process that runs as another user is only a claim. So is root's
    /// of a process that is root inside a container only.
    ///
    /// # Source
    /// `audit_set_loginuid` in `kernel/auditsc.c` of Linux.
    pub(crate) fn trusted_login(&self) -> Option<Auid> {
        let is_root = self.host_uid() == 0;
        self.auid.filter(|auid| is_root || (self.uid == auid.number() && self.uid != 0))
    }

    /// The uid on the host.
    pub(crate) const fn host_uid(&self) -> u32 {
        if self.is_namespaced || self.is_contained { NOBODY } else { self.uid }
    }

    /// Somebody of whom the socket says no more than this.
    pub(crate) const fn unknown(pid: u32, uid: u32) -> Self {
        Self {
            pid,
            uid,
            groups: Vec::new(),
            auid: None,
            session: None,
            exe: None,
            cwd: None,
            terminal: None,
            label: None,
            cgroup: Vec::new(),
            is_namespaced: false,
            is_contained: false,
            container: None,
        }
    }
}

/// A container that calls docker itself, since it has the socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContainerSubject {
    pub(crate) id: String,
    /// Name and image as docker tells them; empty where it does not.
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Who made it; `None` if that is not known.
    pub(crate) owner: Option<Owner>,
}
