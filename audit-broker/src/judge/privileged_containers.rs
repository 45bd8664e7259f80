//! Caches which containers have access to the host.
//!
//! This file does not ask dockerd and does not judge. Its callers do both.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A cache of judgements about containers, by id. The access of a container does not change as long
/// as it exists.
#[derive(Debug, Default)]
pub(crate) struct PrivilegedContainers(Mutex<HashMap<String, CachedAnswer>>);

#[derive(Clone, Copy, Debug)]
enum CachedAnswer {
    Judged {
        is_privileged: bool,
    },
    /// dockerd did not give a response that the broker can read.
    Unreadable {
        since: Instant,
    },
}

/// Whether the broker must ask dockerd about a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DockerdLookup {
    /// Yes: the container is not in the cache.
    First,
    /// Yes: reading it failed more than [`RETRY_AFTER`] ago.
    Retry,
    /// No: the answer is cached, or reading it failed recently.
    NotNeeded,
}

/// The most containers in the cache.
const CACHED_LIMIT: usize = 100_000;

/// How long the broker waits before it asks again about a container that it could not read. If
/// dockerd holds the container's lock, each attempt lasts until the timeout.
const RETRY_AFTER: Duration = Duration::from_secs(60);

impl PrivilegedContainers {
    pub(crate) fn cache(&self, id: &str, is_privileged: bool) {
        self.insert(id, CachedAnswer::Judged { is_privileged });
    }

    /// Caches that reading the container failed. A cached judgement stays.
    pub(crate) fn cache_unreadable(&self, id: &str) {
        if self.knows(id).is_none() {
            self.insert(id, CachedAnswer::Unreadable { since: Instant::now() });
        }
    }

    /// Whether the container has access to the host; `None` if unknown.
    pub(crate) fn knows(&self, id: &str) -> Option<bool> {
        match self.cached().get(id)? {
            CachedAnswer::Judged { is_privileged } => Some(*is_privileged),
            CachedAnswer::Unreadable { .. } => None,
        }
    }

    /// Whether the broker must ask dockerd about the container.
    pub(crate) fn lookup_needed(&self, id: &str) -> DockerdLookup {
        match self.cached().get(id) {
            None => DockerdLookup::First,
            Some(CachedAnswer::Unreadable { since }) if since.elapsed() >= RETRY_AFTER => {
                DockerdLookup::Retry
            }
            Some(CachedAnswer::Unreadable { .. } | CachedAnswer::Judged { .. }) => {
                DockerdLookup::NotNeeded
            }
        }
    }

    fn insert(&self, id: &str, answer: CachedAnswer) {
        let mut cached = self.cached();
        if cached.len() >= CACHED_LIMIT {
            cached.clear();
        }
        cached.insert(id.to_owned(), answer);
    }

    fn cached(&self) -> MutexGuard<'_, HashMap<String, CachedAnswer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s33_an_unreadable_container_is_retried_after_a_while() {
        let privileged = PrivilegedContainers::default();
        assert_eq!(privileged.lookup_needed("a"), DockerdLookup::First);
        privileged.cache_unreadable("a");
        assert_eq!(
            (privileged.lookup_needed("a"), privileged.knows("a")),
            (DockerdLookup::NotNeeded, None)
        );
        let since = Instant::now().checked_sub(RETRY_AFTER).unwrap();
        privileged.insert("a", CachedAnswer::Unreadable { since });
        assert_eq!(privileged.lookup_needed("a"), DockerdLookup::Retry);
        privileged.cache("a", false);
        privileged.cache_unreadable("a");
        assert_eq!(
            (privileged.lookup_needed("a"), privileged.knows("a")),
            (DockerdLookup::NotNeeded, Some(false))
        );
    }
}
