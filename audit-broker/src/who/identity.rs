//! Identifies the caller of a connection.
//!
//! This file knows the three sources: the socket, the peer reader, and dockerd if the process runs in a
//! container. It does not know what the caller requests.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use crate::dockerd::object::{self, Container};
use crate::dockerd::upstream::{Found, Unreachable};
use crate::owner::{OwnedKind, OwnerTable};
use crate::policy::Principal;
use crate::who::owner_finder::OwnerFinder;
use crate::who::peer_reader::PeerReader;
use crate::who::people::{CACHED_FOR, People};
use crate::who::principal::principal_of;
use crate::who::subject::{
    ContainerSubject, Peer, Subject, Unidentified, cgroup_of, container_ids,
};

/// The result of identifying the caller.
#[derive(Debug)]
pub(crate) enum Identity {
    Known(KnownCaller),
    /// The broker refuses every request of such a caller. Holds the facts that the socket provides, and
    /// the reason why the others are missing.
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

/// The principal of a caller, with the time of the lookup.
#[derive(Clone, Debug)]
struct CachedPrincipal {
    principal: Rc<Principal>,
    generation: u64,
    since: Instant,
}

impl KnownCaller {
    /// The current principal of the caller. The broker looks it up again after a while, because root
    /// may remove the caller from a group while the connection is open.
    pub(crate) async fn principal(&self, owners: &OwnerTable, people: &People) -> Rc<Principal> {
        let cached = self.principal.borrow().clone();
        if cached.generation == people.generation() && cached.since.elapsed() < CACHED_FOR {
            return cached.principal;
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

/// Identifies the caller. `pid` and `uid` are the socket's, for a caller that stays unknown.
pub(crate) async fn identify(
    pid: u32,
    uid: u32,
    peer: Result<Peer, Unidentified>,
    reader: &PeerReader,
    owner_finder: &OwnerFinder<'_>,
) -> Identity {
    let seen = match peer {
        Ok(peer) => reader.inspect(peer).await,
        Err(error) => Err(error),
    };
    match seen {
        Ok(mut subject) => {
            // A process in a container must not pass for a process of the host.
            subject.container = match container(&subject.cgroup, owner_finder).await {
                Ok(container) => container,
                Err(error) => {
                    let reason = format!("cannot identify the calling container: {error}");
                    return Identity::Unknown(Rc::new(subject), reason);
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
                CachedPrincipal::now(&subject, owner_finder.owners, owner_finder.people).await,
            );
            Identity::Known(KnownCaller { subject: Rc::new(subject), principal })
        }
        Err(error) => Identity::Unknown(Rc::new(Subject::unknown(pid, uid)), error.to_string()),
    }
}

/// The container of a process with this control group; `None` if it is in none.
///
/// # Errors
/// If dockerd does not answer a question about a container that may be the one.
async fn container(
    cgroup: &[u8],
    owner_finder: &OwnerFinder<'_>,
) -> Result<Option<ContainerSubject>, Unreachable> {
    for id in container_ids(cgroup) {
        let found = object::container(id, owner_finder.version, owner_finder.upstream).await?;
        let Found::Yes(container) = found else { continue };
        if !is_in(&container, cgroup) {
            continue;
        }
        return Ok(Some(ContainerSubject {
            name: container.name().to_owned(),
            image: container.image().to_owned(),
            labels: container.labels().clone(),
            owner: owner_finder.owner_of(&container).await?,
            id: container.id,
        }));
    }
    Ok(None)
}

/// Whether `cgroup` is the control group of the container's first process or below it. A process that
/// may create control groups can give one the name of a container's, but it cannot move the container's
/// first process there.
fn is_in(container: &Container, cgroup: &[u8]) -> bool {
    let own = container.pid().and_then(|pid| cgroup_of(pid).ok());
    own.is_some_and(|own| {
        cgroup
            .strip_prefix(own.as_slice())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}
