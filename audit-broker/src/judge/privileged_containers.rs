//! Which containers have something of the host.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is known of containers. It does not change while a container is there.
#[derive(Debug, Default)]
pub(crate) struct PrivilegedContainers(Mutex<HashMap<String, CachedAnswer>>);

#[derive(Clone, Copy, Debug)]
enum CachedAnswer {
    Judged {
        is_privileged: bool,
    },
    /// dockerd was asked and told nothing that the broker reads.
    Unreadable {
        since: Instant,
    },
}

/// Whether dockerd is to be asked for a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CacheLookup {
    /// Nobody has asked yet.
    First,
    /// It could not be read some time ago.
    Again,
    /// It is known, or could not be read just now.
    No,
}

/// Most containers that are cached.
const CACHED_LIMIT: usize = 100_000;

/// How long a container that could not be read is left alone. Each look at one that something else
/// has locked takes as long as dockerd may take.
const RETRY_AFTER: Duration = Duration::from_secs(60);

impl PrivilegedContainers {
    pub(crate) fn remember(&self, id: &str, is_privileged: bool) {
        self.insert(id, CachedAnswer::Judged { is_privileged });
    }

    /// The container could not be read just now. What is known of it stays.
    pub(crate) fn remember_unreadable(&self, id: &str) {
        if self.knows(id).is_none() {
            self.insert(id, CachedAnswer::Unreadable { since: Instant::now() });
        }
    }

    /// Whether the container has something of the host; `None` if that is not known.
    pub(crate) fn knows(&self, id: &str) -> Option<bool> {
        match self.known().get(id)? {
            CachedAnswer::Judged { is_privileged } => Some(*is_privileged),
            CachedAnswer::Unreadable { .. } => None,
        }
    }

    /// Whether dockerd is to be asked for the container.
    pub(crate) fn look(&self, id: &str) -> CacheLookup {
        match self.known().get(id) {
            None => CacheLookup::First,
            Some(CachedAnswer::Unreadable { since }) if since.elapsed() >= RETRY_AFTER => {
                CacheLookup::Again
            }
            Some(CachedAnswer::Unreadable { .. } | CachedAnswer::Judged { .. }) => CacheLookup::No,
        }
    }

    fn insert(&self, id: &str, what: CachedAnswer) {
        let mut known = self.known();
        if known.len() >= CACHED_LIMIT {
            known.clear();
        }
        known.insert(id.to_owned(), what);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, CachedAnswer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s33_what_cannot_be_read_is_left_alone_for_a_while() {
        let privileged = PrivilegedContainers::default();
        assert_eq!(privileged.look("a"), CacheLookup::First);
        privileged.remember_unreadable("a");
        assert_eq!((privileged.look("a"), privileged.knows("a")), (CacheLookup::No, None));
        let since = Instant::now().checked_sub(RETRY_AFTER).unwrap();
        privileged.insert("a", CachedAnswer::Unreadable { since });
        assert_eq!(privileged.look("a"), CacheLookup::Again);
        privileged.remember("a", false);
        privileged.remember_unreadable("a");
        assert_eq!((privileged.look("a"), privileged.knows("a")), (CacheLookup::No, Some(false)));
    }
}
