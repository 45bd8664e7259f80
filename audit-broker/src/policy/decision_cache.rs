//! Caches the decisions of the policies.
//!
//! A judgement depends on the policies and on the query, and on nothing else: not on the time, and not
//! on an earlier judgement. So an equal query gets the same judgement, until a reload makes a new set of
//! policies with an empty cache. An evaluation that fails is logged once and denies, like any other
//! judgement, as long as it is cached. This file compares whole queries. It does not evaluate a policy.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Judgement;
use super::query::{
    CallFacts, ContainerFacts, ImageFacts, ObjectFacts, PolicyQuery, Principal, Resource,
};

/// Most cached judgements. The cache is emptied when it is full.
const JUDGEMENTS_LIMIT: usize = 256;

/// Longest text of a query that is cached, in bytes. A command can be megabytes long. With this limit, callers
/// can make the cache hold a few megabytes at most.
const QUERY_LIMIT_BYTES: usize = 2 << 10;

/// The judgements of one set of policies.
#[derive(Debug, Default)]
pub(super) struct DecisionCache {
    hasher: RandomState,
    /// By the hash of the query. The hash has a random key, so that no caller can make two queries with the
    /// same hash.
    cached: Mutex<HashMap<u64, Cached>>,
}

#[derive(Debug)]
struct Cached {
    query: OwnedQuery,
    judgement: Judgement,
}

/// A query that borrows nothing.
#[derive(Debug)]
struct OwnedQuery {
    principal: Principal,
    action: String,
    resource: OwnedResource,
    call: CallFacts,
}

#[derive(Debug)]
enum OwnedResource {
    Daemon,
    Container(ContainerFacts),
    Image(ImageFacts),
    Volume(ObjectFacts),
    Network(ObjectFacts),
}

/// Where the judgement of a query belongs.
pub(super) struct Place(u64);

impl DecisionCache {
    /// The place of a query, and its judgement if it is cached. `None` for a query that is too long.
    pub(super) fn get(&self, query: &PolicyQuery<'_>) -> Option<(Place, Option<Judgement>)> {
        let mut counting = Counting { hasher: self.hasher.build_hasher(), bytes: 0 };
        query.hash(&mut counting);
        if counting.bytes > QUERY_LIMIT_BYTES {
            return None;
        }
        let hash = counting.finish();
        let cached = self.cached();
        let found = cached.get(&hash).filter(|cached| cached.query.is(query));
        Some((Place(hash), found.map(|cached| cached.judgement.clone())))
    }

    pub(super) fn insert(&self, Place(hash): Place, query: &PolicyQuery<'_>, judgement: Judgement) {
        let query = OwnedQuery::of(query);
        let mut cached = self.cached();
        if cached.len() >= JUDGEMENTS_LIMIT {
            cached.clear();
        }
        cached.insert(hash, Cached { query, judgement });
    }

    /// Empties the cache.
    #[cfg(all(test, feature = "live"))]
    pub(super) fn clear(&self) {
        self.cached().clear();
    }

    fn cached(&self) -> MutexGuard<'_, HashMap<u64, Cached>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnedQuery {
    fn of(query: &PolicyQuery<'_>) -> Self {
        let resource = match query.resource {
            Resource::Daemon => OwnedResource::Daemon,
            Resource::Container(container) => OwnedResource::Container(container.clone()),
            Resource::Image(image) => OwnedResource::Image(image.clone()),
            Resource::Volume(volume) => OwnedResource::Volume(volume.clone()),
            Resource::Network(network) => OwnedResource::Network(network.clone()),
        };
        Self {
            principal: query.principal.clone(),
            action: query.action.to_owned(),
            resource,
            call: query.call.clone(),
        }
    }

    fn is(&self, query: &PolicyQuery<'_>) -> bool {
        let resource = match &self.resource {
            OwnedResource::Daemon => Resource::Daemon,
            OwnedResource::Container(container) => Resource::Container(container),
            OwnedResource::Image(image) => Resource::Image(image),
            OwnedResource::Volume(volume) => Resource::Volume(volume),
            OwnedResource::Network(network) => Resource::Network(network),
        };
        let Self { principal, action, call, .. } = self;
        PolicyQuery { principal, action, resource, call } == *query
    }
}

/// A hasher that counts the bytes.
struct Counting<Inner> {
    hasher: Inner,
    bytes: usize,
}

impl<Inner: Hasher> Hasher for Counting<Inner> {
    fn finish(&self) -> u64 {
        self.hasher.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        // The hash of a query that is too long is not used.
        if self.bytes <= QUERY_LIMIT_BYTES {
            self.hasher.write(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::user;
    use crate::policy::{Policy, PolicyDecision};

    fn judgement(is_allowed: bool) -> Judgement {
        Judgement { decision: PolicyDecision { is_allowed, policy: None }, reported: None }
    }

    fn cached(cache: &DecisionCache, query: &PolicyQuery<'_>) -> Option<Judgement> {
        cache.get(query).and_then(|(_, judgement)| judgement)
    }

    #[test]
    fn only_an_equal_query_gets_a_cached_judgement() {
        let cache = DecisionCache::default();
        let (principal, call) = (user("dwalsh", 1001, &["docker"]), CallFacts::default());
        let container = ContainerFacts::of_root();
        let resource = Resource::Container(&container);
        let query =
            PolicyQuery { principal: &principal, action: "container-start", resource, call: &call };
        let (place, found) = cache.get(&query).unwrap();
        assert_eq!(found, None);
        cache.insert(place, &query, judgement(true));
        assert_eq!(cached(&cache, &query), Some(judgement(true)));

        let other_groups = user("dwalsh", 1001, &[]);
        let other_uid = user("dwalsh", 1002, &["docker"]);
        let as_root = CallFacts { is_as_root: true, ..CallFacts::default() };
        let mut labelled = container.clone();
        labelled.labels.insert("team".to_owned(), "a".to_owned());
        for other in [
            PolicyQuery { principal: &other_groups, ..query },
            PolicyQuery { principal: &other_uid, ..query },
            PolicyQuery { action: "container-stop", ..query },
            PolicyQuery { call: &as_root, ..query },
            PolicyQuery { resource: Resource::Container(&labelled), ..query },
            PolicyQuery { resource: Resource::Image(&container.image), ..query },
            PolicyQuery { resource: Resource::Daemon, ..query },
        ] {
            assert_eq!(cached(&cache, &other), None, "{other:?}");
        }
    }

    fn creation<'a>(principal: &'a Principal, call: &'a CallFacts) -> PolicyQuery<'a> {
        PolicyQuery { principal, action: "container-create", resource: Resource::Daemon, call }
    }

    #[test]
    fn the_cache_stays_small() {
        let cache = DecisionCache::default();
        let principal = user("dwalsh", 1001, &[]);
        let long = CallFacts { command: "x".repeat(QUERY_LIMIT_BYTES), ..CallFacts::default() };
        assert!(cache.get(&creation(&principal, &long)).is_none());
        for number in 0..2 * JUDGEMENTS_LIMIT {
            let call = CallFacts { name: number.to_string(), ..CallFacts::default() };
            let query = creation(&principal, &call);
            let (place, _) = cache.get(&query).unwrap();
            cache.insert(place, &query, judgement(false));
            assert!(cache.cached().len() <= JUDGEMENTS_LIMIT);
        }
    }

    #[test]
    fn s29_a_caller_who_left_a_group_gets_a_new_decision() {
        let text = r#"@id("a") permit(principal in Group::"docker-admin", action, resource);"#;
        let (policy, call) = (Policy::from_text(text).unwrap(), CallFacts::default());
        for (groups, expected) in [(&["docker-admin"][..], true), (&[], false)] {
            let principal = user("dwalsh", 1001, groups);
            let judgement = policy.ask(&creation(&principal, &call));
            assert_eq!(judgement.decision.is_allowed, expected, "{groups:?}");
        }
    }

    #[test]
    fn a_repeated_question_gets_the_same_answer() {
        let text = r#"@id("list") permit (principal, action == Action::"image-list", resource)
            when { context.name == "" };"#;
        let policy = Policy::from_text(text).unwrap();
        let principal = user("dwalsh", 1001, &[]);
        let named = CallFacts { name: "web".to_owned(), ..CallFacts::default() };
        for _ in 0..3 {
            for (call, expected) in [(&CallFacts::default(), true), (&named, false)] {
                let query = PolicyQuery {
                    principal: &principal,
                    action: "image-list",
                    resource: Resource::Daemon,
                    call,
                };
                assert_eq!(policy.ask(&query).decision.is_allowed, expected);
            }
        }
    }
}
