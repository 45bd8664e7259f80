//! The holder of a quota: the login, the container or the uid that calls are counted for.

use std::fmt;

use crate::who::subject::Subject;

/// Whose connections are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// A uid of which no more is known yet. Apart from [`Holder::Uid`], since the root of a
    /// container has the uid of the host's.
    Arriving(u32),
    /// A container, whatever uids its processes take on.
    Container(String),
    /// All containers together: who can start one can start many.
    Containers,
    /// A login that the broker trusts, also while it is root.
    Auid(u32),
    /// A process without a login uid, or with one that the broker does not trust.
    Uid(u32),
}

impl Holder {
    /// Who the caller is counted as.
    pub(crate) fn of(subject: &Subject) -> Self {
        match (&subject.container, subject.trusted_login()) {
            (Some(container), _) => Self::Container(container.id.clone()),
            (None, Some(auid)) => Self::Auid(auid.number()),
            (None, None) => Self::Uid(subject.uid),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arriving(uid) | Self::Uid(uid) => write!(formatter, "uid {uid}"),
            Self::Container(id) => write!(formatter, "container {id}"),
            Self::Containers => formatter.write_str("all containers together"),
            Self::Auid(auid) => write!(formatter, "auid {auid}"),
        }
    }
}
