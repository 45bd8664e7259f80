//! The holder of a quota: the login, container or uid that the broker counts connections for.

use std::fmt;

use crate::who::subject::Subject;

/// All connections of one holder count against one quota.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum QuotaHolder {
    /// The uid of a caller that the broker has not identified yet. It differs from [`QuotaHolder::Uid`],
    /// because root in a container has the same uid as root of the host.
    Arriving(u32),
    /// A container, regardless of the uids of its processes.
    Container(String),
    /// All containers together, because a caller who can start one container can start many.
    Containers,
    /// A login that the broker trusts, even after it has become root.
    Auid(u32),
    /// A process without a login uid, or with one that the broker does not trust.
    Uid(u32),
}

impl QuotaHolder {
    /// The holder of the caller's quota.
    pub(crate) fn of(subject: &Subject) -> Self {
        match (&subject.container, subject.trusted_login()) {
            (Some(container), _) => Self::Container(container.id.clone()),
            (None, Some(auid)) => Self::Auid(auid.number()),
            (None, None) => Self::Uid(subject.uid),
        }
    }
}

impl fmt::Display for QuotaHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arriving(uid) | Self::Uid(uid) => write!(formatter, "uid {uid}"),
            Self::Container(id) => write!(formatter, "container {id}"),
            Self::Containers => formatter.write_str("all containers together"),
            Self::Auid(auid) => write!(formatter, "auid {auid}"),
        }
    }
}
