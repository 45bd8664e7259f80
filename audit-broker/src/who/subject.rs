//! The subject: the process at the other end of a connection.
//!
//! This file knows the facts that the kernel provides about the process. It does not know anything that a
//! client says about itself.

mod cgroup;
mod peer;
mod proc;

use std::collections::BTreeMap;

use audit_core::{Auid, Session};

use crate::owner::Owner;
pub(crate) use audit_host::cgroup::container_ids;
pub(crate) use cgroup::path_of as cgroup_of;
pub(crate) use peer::{Peer, Unidentified};

/// The host uid of a process in another pid or user namespace, whose own uid means nothing on the host.
/// No user of the host has this uid.
pub(crate) const NOBODY: u32 = u32::MAX;

/// The process that connected to the socket, as it was at that time.
///
/// A connection stays in the name of this process, even if the process passes the descriptor to another
/// process or keeps it across an exec.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    /// The groups of the process itself, not of its user. The primary group comes first.
    pub(crate) groups: Vec<u32>,
    /// The login uid of the process; `None` if unset. It may be forged, see
    /// [`Subject::trusted_login`].
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
    /// Whether the process is in another user namespace than the broker. It may be root there.
    pub(crate) is_namespaced: bool,
    /// Whether the process is in another pid namespace than the broker, so it runs in some container.
    pub(crate) is_contained: bool,
    /// The docker container that the process runs in.
    pub(crate) container: Option<ContainerSubject>,
}

impl Subject {
    /// The kind of subject, as records write it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self { container: Some(_), .. } => "container",
            Self { is_namespaced: true, .. } => "user-namespace",
            _ if self.trusted_login().is_some() => "login",
            _ => "service",
        }
    }

    /// The login uid, if the broker can trust it. It can if the process runs as that user or as root of
    /// the host. Root could have set any login uid anyway.
    ///
    /// A process without a login uid may set it to any number, once and without any privilege. So the
    /// login uid of a process that runs as another user proves nothing. Nor does root's login uid prove
    /// anything if the process is root only in a container.
    ///
    /// # Source
    /// `audit_set_loginuid` in `kernel/auditsc.c` of Linux.
    pub(crate) fn trusted_login(&self) -> Option<Auid> {
        let is_root = self.host_uid() == 0;
        self.auid.filter(|auid| is_root || (self.uid == auid.number() && self.uid != 0))
    }

    /// The uid on the host; [`NOBODY`] if the process is in another namespace.
    pub(crate) const fn host_uid(&self) -> u32 {
        if self.is_namespaced || self.is_contained { NOBODY } else { self.uid }
    }

    /// A process of which only the socket's pid and uid are known.
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

/// A container that calls docker itself, because the socket is mounted in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContainerSubject {
    pub(crate) id: String,
    /// Name and image, as dockerd reports them; empty if it does not.
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// The owner of the container; `None` if it is not known.
    pub(crate) owner: Option<Owner>,
}
