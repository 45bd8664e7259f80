//! From a connection to who it is.
//!
//! Knows whom to ask: the socket, the peer reader, and dockerd for a process that runs in a container.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use crate::dockerd::object::{self, Container};
use crate::dockerd::upstream::{Found, Unreachable};
use crate::owner::{OwnedKind, OwnerTable};
use crate::policy::Principal;
use crate::who::peer_reader::PeerReader;
use crate::who::people::{COUNTS_FOR, People};
use crate::who::principal::principal_of;
use crate::who::registrar::Registrar;
use crate::who::subject::{
    ContainerSubject, Peer, Subject, Unidentified, cgroup_of, container_ids,
};

/// Whether it is known who is at the other end.
#[derive(Debug)]
pub(crate) enum Identity {
    Known(KnownCaller),
    /// Nothing is done for who is not known. What the socket says of them, and why it is not all.
    Unknown(Rc<Subject>, String),
}

impl Identity {
    pub(crate) fn subject(&self) -> &Rc<Subject> {
        match self {
            Self::Known(KnownCaller { subject, .. }) | Self::Unknown(subject, _) => subject,
        }
    }
}

/// A caller whom the broker has identified.
#[derive(Debug)]
pub(crate) struct KnownCaller {
    pub(crate) subject: Rc<Subject>,
    principal: RefCell<CachedPrincipal>,
}

/// The caller as policies know it, and when the broker found that out.
#[derive(Clone, Debug)]
struct CachedPrincipal {
    principal: Rc<Principal>,
    generation: u64,
    since: Instant,
}

impl KnownCaller {
    /// The caller as policies know it now: a connection may stay open while root takes the caller
    /// out of a group.
    pub(crate) async fn principal(&self, owners: &OwnerTable, people: &People) -> Rc<Principal> {
        let seen = self.principal.borrow().clone();
        if seen.generation == people.generation() && seen.since.elapsed() < COUNTS_FOR {
            return seen.principal;
        }
        let now = CachedPrincipal::now(&self.subject, owners, people).await;
        let principal = Rc::clone(&now.principal);
        self.principal.replace(now);
        principal
    }
}

impl CachedPrincipal {
    async fn now(subject: &Subject, owners: &OwnerTable, people: &People) -> Self {
        let (generation, since) = (people.generation(), Instant::now());
        let maker_of = |id: &str| owners.get(OwnedKind::Container, id);
        let principal = Rc::new(principal_of(subject, people, &maker_of).await);
        Self { principal, generation, since }
    }
}

/// Finds out who connected, of whom the socket says this pid and uid.
pub(crate) async fn identify(
    pid: u32,
    uid: u32,
    peer: Result<Peer, Unidentified>,
    reader: &PeerReader,
    registrar: &Registrar<'_>,
) -> Identity {
    let seen = match peer {
        Ok(peer) => reader.look(peer).await,
        Err(error) => Err(error),
    };
    match seen {
        Ok(mut subject) => {
            // Who is in a container must not count as a process of the host.
            subject.container = match container(&subject.cgroup, registrar).await {
                Ok(container) => container,
                Err(error) => {
                    let why = format!("cannot find out which container calls: {error}");
                    return Identity::Unknown(Rc::new(subject), why);
                }
            };
            tracing::debug!(
                "{} connected: pid {}, uid {}, groups {:?}",
                subject.kind(),
                subject.pid,
                subject.uid,
                subject.groups
            );
            let principal = RefCell::new(
                CachedPrincipal::now(&subject, registrar.owners, registrar.people).await,
            );
            Identity::Known(KnownCaller { subject: Rc::new(subject), principal })
        }
        Err(error) => Identity::Unknown(Rc::new(Subject::unknown(pid, uid)), error.to_string()),
    }
}

/// The container that a process with this control group is in.
///
/// # Errors
/// If dockerd does not tell of one that it may be in.
async fn container(
    cgroup: &[u8],
    registrar: &Registrar<'_>,
) -> Result<Option<ContainerSubject>, Unreachable> {
    for id in container_ids(cgroup) {
        let found = object::container(id, registrar.version, registrar.upstream).await?;
        let Found::Yes(container) = found else { continue };
        if !is_in(&container, cgroup) {
            continue;
        }
        return Ok(Some(ContainerSubject {
            name: container.name().to_owned(),
            image: container.image().to_owned(),
            labels: container.labels().clone(),
            owner: registrar.owner_of(&container).await?,
            id: container.id,
        }));
    }
    Ok(None)
}

/// Whether the control group is the container's own or below it. Whoever may make control groups may
/// name one like a container's, and not put the container's first process into it.
fn is_in(container: &Container, cgroup: &[u8]) -> bool {
    let first = container.pid().and_then(|pid| cgroup_of(pid).ok());
    first.is_some_and(|first| {
        cgroup.strip_prefix(first.as_slice()).is_some_and(|r| r.is_empty() || r.starts_with(b"/"))
    })
}
