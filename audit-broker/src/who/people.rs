//! People and groups by their numbers, as the user database knows them.
//!
//! The database may be on another host and take its time, so it is asked on threads of its own, and
//! what it says counts for a while. A change of its local files counts at once. Where it cannot be
//! asked, what it said last goes on to count: somebody without groups is not in those that policies
//! protect or restrict.

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

/// How long what the database says counts, while its local files stay as they are.
pub(crate) const COUNTS_FOR: Duration = Duration::from_secs(10);

/// How much longer it counts where the database is not to be asked.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// Most people and groups that are kept.
const KEPT_LIMIT: usize = 10_000;

/// Somebody with a login uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// The number, where the database has no name.
    pub(crate) name: String,
    /// The names of the groups that the database gives them.
    pub(crate) groups: BTreeSet<String>,
}

/// What has been asked lately.
#[derive(Debug, Default)]
pub(crate) struct People {
    persons: Cached<u32, Arc<Person>>,
    groups: Cached<u32, String>,
    sources: Sources,
}

type Cached<Key, Value> = Mutex<HashMap<Key, Entry<Value>>>;

/// What the database said, when, and in which generation of its local files.
#[derive(Clone, Debug)]
struct Entry<Value> {
    since: Instant,
    generation: u64,
    value: Value,
}

impl People {
    /// With people whom the database need not know.
    pub(crate) fn knowing(people: impl IntoIterator<Item = (u32, Person)>) -> Self {
        let since = Instant::now() + KNOWN_FOR;
        let known = people
            .into_iter()
            .map(|(uid, person)| (uid, Entry { since, generation: 0, value: Arc::new(person) }));
        Self { persons: Mutex::new(known.collect()), ..Self::default() }
    }

    /// A number that grows when a local file of the user database changes.
    pub(crate) fn generation(&self) -> u64 {
        self.sources.generation()
    }

    /// The person with this uid. Without a name and groups if the database never said who that is.
    pub(crate) async fn person(&self, uid: u32) -> Arc<Person> {
        let look = move || Some(Arc::new(Person::look_up(uid)?));
        let generation = self.generation();
        remember(&self.persons, uid, generation, look)
            .await
            .unwrap_or_else(|| Arc::new(Person::nameless(uid)))
    }

    /// The person with this uid, without leaving the thread: as they were known last, or else from
    /// the database itself. A change of the local files makes the broker ask the database again.
    /// `None` if it cannot be asked and was not before.
    pub(crate) fn person_at_once(&self, uid: u32) -> Option<Arc<Person>> {
        let look = || Some(Arc::new(Person::look_up(uid)?));
        remember_at_once(&self.persons, uid, self.generation(), look)
    }

    /// The owner with the name that the user database has for the person, where none was recorded.
    /// Without one still if the database cannot be asked.
    pub(crate) async fn named(&self, owner: Owner) -> Owner {
        let Some(uid) = owner.person().map(|person| person.uid) else { return owner };
        let look = move || Some(Arc::new(Person::look_up(uid)?));
        let person = remember(&self.persons, uid, self.generation(), look).await;
        owner.named(|_| Some(person?.name.clone()))
    }

    /// The same, without leaving the thread.
    pub(crate) fn named_at_once(&self, owner: Owner) -> Owner {
        owner.named(|uid| Some(self.person_at_once(uid)?.name.clone()))
    }

    /// The names of these groups; the number of one that has none.
    pub(crate) async fn groups(&self, gids: &[u32]) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for gid in gids.iter().copied() {
            let look = move || group_name(Gid::from_raw(gid));
            let found = remember(&self.groups, gid, self.generation(), look).await;
            names.insert(found.unwrap_or_else(|| gid.to_string()));
        }
        names
    }

    /// The same, without leaving the thread. `None` if the database cannot be asked.
    pub(crate) fn groups_at_once(&self, gids: &[u32]) -> Option<BTreeSet<String>> {
        let generation = self.generation();
        let name = |gid: &u32| {
            let look = || group_name(Gid::from_raw(*gid));
            remember_at_once(&self.groups, *gid, generation, look)
        };
        gids.iter().map(name).collect()
    }
}

impl Person {
    /// Looks in the database now; `None` if it cannot be asked.
    ///
    /// # Source
    /// `getpwnam(3)`: some databases say with ENOENT or ESRCH that they have nobody.
    pub(crate) fn look_up(uid: u32) -> Option<Self> {
        match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => Some(Self { groups: groups_of(&user)?, name: user.name }),
            Ok(None) | Err(Errno::ENOENT | Errno::ESRCH) => Some(Self::nameless(uid)),
            Err(errno) => {
                tracing::error!("uid {uid} cannot be looked up in the user database: {errno}");
                None
            }
        }
    }

    /// The name that the database has now, or else the number.
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
            tracing::error!("the groups of {} cannot be looked up: {errno}", user.name);
            None
        }
    }
}

/// Its number, where the database has no name; `None` if that cannot be asked.
fn group_name(gid: Gid) -> Option<String> {
    match Group::from_gid(gid) {
        Ok(Some(group)) => Some(group.name),
        Ok(None) | Err(Errno::ENOENT | Errno::ESRCH) => Some(gid.to_string()),
        Err(errno) => {
            tracing::error!("gid {gid} cannot be looked up in the group database: {errno}");
            None
        }
    }
}

/// What is remembered for a while, or else what `look` finds. Where that finds nothing, or no thread
/// can be had, what was remembered last.
async fn remember<Key, Value>(
    kept: &Cached<Key, Value>,
    key: Key,
    generation: u64,
    look: impl FnOnce() -> Option<Value> + Send + 'static,
) -> Option<Value>
where
    Key: Copy + Eq + Hash,
    Value: Clone + Send + 'static,
{
    let last = last(kept, key);
    if let Some(last) = &last
        && last.generation == generation
        && last.since.elapsed() < COUNTS_FOR
    {
        return Some(last.value.clone());
    }
    let Some(value) = tokio::task::spawn_blocking(look).await.ok().flatten() else {
        return last.map(|last| last.value);
    };
    keep(kept, key, generation, &value);
    Some(value)
}

/// As [`remember`], without leaving the thread: what is remembered counts however old it is, but
/// not after a change of the local files.
fn remember_at_once<Key: Copy + Eq + Hash, Value: Clone>(
    kept: &Cached<Key, Value>,
    key: Key,
    generation: u64,
    look: impl FnOnce() -> Option<Value>,
) -> Option<Value> {
    let last = last(kept, key);
    if let Some(last) = &last
        && last.generation == generation
    {
        return Some(last.value.clone());
    }
    let Some(value) = look() else { return last.map(|last| last.value) };
    keep(kept, key, generation, &value);
    Some(value)
}

fn last<Key: Copy + Eq + Hash, Value: Clone>(
    kept: &Cached<Key, Value>,
    key: Key,
) -> Option<Entry<Value>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
}

fn keep<Key: Copy + Eq + Hash, Value: Clone>(
    kept: &Cached<Key, Value>,
    key: Key,
    generation: u64,
    value: &Value,
) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KEPT_LIMIT {
        kept.clear();
    }
    kept.insert(key, Entry { since: Instant::now(), generation, value: value.clone() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn root_has_a_name_and_the_unknown_a_number() {
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
    async fn what_cannot_be_looked_up_is_as_it_was_last() {
        let since = Instant::now().checked_sub(COUNTS_FOR).unwrap();
        let kept = Cached::default();
        kept.lock().unwrap().insert(1, Entry { since, generation: 0, value: "old" });
        assert_eq!(remember(&kept, 1, 0, || None).await, Some("old"));
        assert_eq!(remember(&kept, 2, 0, || None).await, None);
        assert_eq!(remember(&kept, 1, 0, || Some("new")).await, Some("new"));
        assert_eq!(remember(&kept, 1, 0, || Some("newer")).await, Some("new"));
    }

    #[tokio::test]
    async fn s29_a_change_of_the_local_files_counts_at_once() {
        let kept = Cached::default();
        assert_eq!(remember(&kept, 1, 0, || Some("admin")).await, Some("admin"));
        assert_eq!(remember(&kept, 1, 1, || Some("nobody")).await, Some("nobody"));
        assert_eq!(remember_at_once(&kept, 1, 1, || Some("newer")), Some("nobody"));
        assert_eq!(remember_at_once(&kept, 1, 2, || None), Some("nobody"));
        assert_eq!(remember_at_once(&kept, 1, 2, || Some("removed")), Some("removed"));
    }
}
