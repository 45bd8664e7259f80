//! A cache of the user database: people and groups by their numbers.
//!
//! The database may be on another host and answer slowly, so the broker queries it on separate threads
//! and caches each answer for a while. A change to its local files invalidates the cache. If the
//! database does not answer, the last answer stays valid: a person without groups would not be in the
//! groups that policies protect or restrict.

mod sources;

use std::collections::{BTreeSet, HashMap};
use std::ffi::CString;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use crate::owner::Owner;
use sources::Sources;

/// How long an answer of the database is cached, while its local files stay unchanged.
pub(crate) const CACHED_FOR: Duration = Duration::from_secs(10);

/// How much longer [`People::knowing`] caches its people, so that the database is never queried.
const GIVEN_FOR: Duration = Duration::from_secs(3600);

/// Most people, and most groups, that are cached.
const CACHE_LIMIT: usize = 10_000;

/// A person with a login uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// The number, if the database has no name.
    pub(crate) name: String,
    /// The names of the person's groups in the database.
    pub(crate) groups: BTreeSet<String>,
}

/// The cache of people and groups.
#[derive(Debug, Default)]
pub(crate) struct People {
    persons: Cache<u32, Arc<Person>>,
    groups: Cache<u32, String>,
    sources: Sources,
}

type Cache<Key, Value> = Mutex<HashMap<Key, DatabaseAnswer<Value>>>;

/// An answer of the database, with its time and the generation of the local files.
#[derive(Clone, Debug)]
struct DatabaseAnswer<Value> {
    since: Instant,
    generation: u64,
    value: Value,
}

impl People {
    /// A cache that starts with these people. The database need not know them.
    pub(crate) fn knowing(people: impl IntoIterator<Item = (u32, Person)>) -> Self {
        let since = Instant::now() + GIVEN_FOR;
        let given = people.into_iter().map(|(uid, person)| {
            (uid, DatabaseAnswer { since, generation: 0, value: Arc::new(person) })
        });
        Self { persons: Mutex::new(given.collect()), ..Self::default() }
    }

    /// A number that grows when a local file of the user database changes.
    pub(crate) fn generation(&self) -> u64 {
        self.sources.generation()
    }

    /// The person with this uid. Without a name and groups if the database has never answered.
    pub(crate) async fn person(&self, uid: u32) -> Arc<Person> {
        let look = move || Some(Arc::new(Person::look_up(uid)?));
        let generation = self.generation();
        cached(&self.persons, uid, generation, look)
            .await
            .unwrap_or_else(|| Arc::new(Person::nameless(uid)))
    }

    /// The person with this uid, without leaving the thread: from the cache regardless of age, or else
    /// from the database. After a change to the local files, the broker queries the database again.
    /// `None` if the database does not answer and never has.
    pub(crate) fn person_at_once(&self, uid: u32) -> Option<Arc<Person>> {
        let look = || Some(Arc::new(Person::look_up(uid)?));
        cached_at_once(&self.persons, uid, self.generation(), look)
    }

    /// Adds the name that the user database has for the owner, if no name was recorded. The name stays
    /// missing if the database does not answer.
    pub(crate) async fn named(&self, owner: Owner) -> Owner {
        let Some(uid) = owner.person().map(|person| person.uid) else { return owner };
        let look = move || Some(Arc::new(Person::look_up(uid)?));
        let person = cached(&self.persons, uid, self.generation(), look).await;
        owner.named(|_| Some(person?.name.clone()))
    }

    /// As [`People::named`], without leaving the thread.
    pub(crate) fn named_at_once(&self, owner: Owner) -> Owner {
        owner.named(|uid| Some(self.person_at_once(uid)?.name.clone()))
    }

    /// The names of these groups. A group without a name is given as its number.
    pub(crate) async fn groups(&self, gids: &[u32]) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for gid in gids.iter().copied() {
            let look = move || group_name(Gid::from_raw(gid));
            let found = cached(&self.groups, gid, self.generation(), look).await;
            names.insert(found.unwrap_or_else(|| gid.to_string()));
        }
        names
    }

    /// As [`People::groups`], without leaving the thread. `None` if the database does not answer.
    pub(crate) fn groups_at_once(&self, gids: &[u32]) -> Option<BTreeSet<String>> {
        let generation = self.generation();
        let name = |gid: &u32| {
            let look = || group_name(Gid::from_raw(*gid));
            cached_at_once(&self.groups, *gid, generation, look)
        };
        gids.iter().map(name).collect()
    }
}

impl Person {
    /// Queries the database, not the cache; `None` if it does not answer.
    ///
    /// # Source
    /// `getpwnam(3)`: some databases return ENOENT or ESRCH for an unknown user.
    pub(crate) fn look_up(uid: u32) -> Option<Self> {
        match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => Some(Self { groups: groups_of(&user)?, name: user.name }),
            Ok(None) | Err(Errno::ENOENT | Errno::ESRCH) => Some(Self::nameless(uid)),
            Err(errno) => {
                tracing::error!("cannot look up uid {uid} in the user database: {errno}");
                None
            }
        }
    }

    /// The current name in the database, or else the number.
    pub(crate) fn name_of(uid: u32) -> String {
        Self::look_up(uid).unwrap_or_else(|| Self::nameless(uid)).name
    }

    fn nameless(uid: u32) -> Self {
        Self { name: uid.to_string(), groups: BTreeSet::new() }
    }
}

fn groups_of(user: &User) -> Option<BTreeSet<String>> {
    let name = CString::new(user.name.as_bytes()).ok()?;
    match getgrouplist(&name, user.gid) {
        Ok(gids) => gids.into_iter().map(group_name).collect(),
        Err(errno) => {
            tracing::error!("cannot look up the groups of {}: {errno}", user.name);
            None
        }
    }
}

/// The name of a group, or its number if it has none; `None` if the database does not answer.
fn group_name(gid: Gid) -> Option<String> {
    match Group::from_gid(gid) {
        Ok(Some(group)) => Some(group.name),
        Ok(None) | Err(Errno::ENOENT | Errno::ESRCH) => Some(gid.to_string()),
        Err(errno) => {
            tracing::error!("cannot look up gid {gid} in the group database: {errno}");
            None
        }
    }
}

/// The cached value if it is fresh, or else the result of `look`. If `look` finds nothing or cannot get
/// a thread, the stale value.
async fn cached<Key, Value>(
    cache: &Cache<Key, Value>,
    key: Key,
    generation: u64,
    look: impl FnOnce() -> Option<Value> + Send + 'static,
) -> Option<Value>
where
    Key: Copy + Eq + Hash,
    Value: Clone + Send + 'static,
{
    let entry = entry(cache, key);
    if let Some(entry) = &entry
        && entry.generation == generation
        && entry.since.elapsed() < CACHED_FOR
    {
        return Some(entry.value.clone());
    }
    let Some(value) = tokio::task::spawn_blocking(look).await.ok().flatten() else {
        return entry.map(|entry| entry.value);
    };
    store(cache, key, generation, &value);
    Some(value)
}

/// As [`cached`], without leaving the thread. A cached value of any age counts, unless the local files
/// have changed since.
fn cached_at_once<Key: Copy + Eq + Hash, Value: Clone>(
    cache: &Cache<Key, Value>,
    key: Key,
    generation: u64,
    look: impl FnOnce() -> Option<Value>,
) -> Option<Value> {
    let entry = entry(cache, key);
    if let Some(entry) = &entry
        && entry.generation == generation
    {
        return Some(entry.value.clone());
    }
    let Some(value) = look() else { return entry.map(|entry| entry.value) };
    store(cache, key, generation, &value);
    Some(value)
}

fn entry<Key: Copy + Eq + Hash, Value: Clone>(
    cache: &Cache<Key, Value>,
    key: Key,
) -> Option<DatabaseAnswer<Value>> {
    cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
}

fn store<Key: Copy + Eq + Hash, Value: Clone>(
    cache: &Cache<Key, Value>,
    key: Key,
    generation: u64,
    value: &Value,
) {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() >= CACHE_LIMIT {
        cache.clear();
    }
    cache.insert(key, DatabaseAnswer { since: Instant::now(), generation, value: value.clone() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn root_has_a_name_and_unknown_users_and_groups_a_number() {
        let people = People::default();
        let root = people.person(0).await;
        assert_eq!(root.name, "root");
        assert!(root.groups.contains("root"));
        assert_eq!(people.person(0).await, root);
        assert_eq!(people.person(3_999_999).await.name, "3999999");
        let groups = people.groups(&[0, 3_999_999]).await;
        assert_eq!(groups, BTreeSet::from(["root".to_owned(), "3999999".to_owned()]));
    }

    #[tokio::test]
    async fn a_failed_lookup_returns_the_last_answer() {
        let since = Instant::now().checked_sub(CACHED_FOR).unwrap();
        let cache = Cache::default();
        cache.lock().unwrap().insert(1, DatabaseAnswer { since, generation: 0, value: "old" });
        assert_eq!(cached(&cache, 1, 0, || None).await, Some("old"));
        assert_eq!(cached(&cache, 2, 0, || None).await, None);
        assert_eq!(cached(&cache, 1, 0, || Some("new")).await, Some("new"));
        assert_eq!(cached(&cache, 1, 0, || Some("newer")).await, Some("new"));
    }

    #[tokio::test]
    async fn s29_a_change_to_the_local_files_invalidates_the_cache() {
        let cache = Cache::default();
        assert_eq!(cached(&cache, 1, 0, || Some("admin")).await, Some("admin"));
        assert_eq!(cached(&cache, 1, 1, || Some("nobody")).await, Some("nobody"));
        assert_eq!(cached_at_once(&cache, 1, 1, || Some("newer")), Some("nobody"));
        assert_eq!(cached_at_once(&cache, 1, 2, || None), Some("nobody"));
        assert_eq!(cached_at_once(&cache, 1, 2, || Some("removed")), Some("removed"));
    }
}
