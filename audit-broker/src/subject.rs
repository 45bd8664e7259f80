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
pub(crate) use cgroup::{container_ids, path_of as cgroup_of};
pub(crate) use peer::{Peer, Unidentified};

/// Who acts: the process that connected to the socket, as it was then.
///
/// A descriptor that is passed on, or kept over an exec, stays in the name of who connected.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    /// The groups that the process really has, its primary one first.
    pub(crate) groups: Vec<u32>,
    /// The login uid; `None` if unset.
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
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self { container: Some(_), .. } => "container",
            Self { is_namespaced: true, .. } => "user-namespace",
            Self { auid: None, .. } => "service",
            Self { .. } => "login",
        }
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
