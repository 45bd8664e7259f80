//! One lock for each name of an image.
//!
//! A call that sets or removes a name reads which image has the name, asks the policies, asks dockerd to
//! change the name, and changes the table of owners. No other call of this broker may change the name
//! in between.
//!
//! A call locks all of its names at once, so that two calls cannot deadlock. Trusted callers come before
//! ordinary callers; otherwise calls are served in the order of arrival. A name that no call holds or
//! waits for takes no memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// How long a call waits for its names, in addition to the time that the calls before it may need for
/// their records.
pub(crate) const NAME_TIMEOUT: Duration = Duration::from_secs(30);

/// The names that a call changes, as docker writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    These(BTreeSet<String>),
    /// All tags of one repository.
    OfRepository(String),
    /// All names, for an archive of images.
    Any,
}

impl Names {
    pub(crate) fn one(name: &str) -> Self {
        Self::These(BTreeSet::from([name.to_owned()]))
    }
}

/// The repository of a name with a tag.
fn repository(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(repository, _)| repository)
}

/// The caller's rank in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The caller may give any name to an image.
    Trusted,
    Ordinary,
}

/// How long a call holds its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// While dockerd changes a name.
    Change,
    /// While dockerd pulls an image. The registry and the caller control how long that takes. A
    /// trusted caller does not wait for an ordinary caller's pull: [`NameLock::revoked`] ends the
    /// pull. A load of an archive does not wait for it either.
    Pull,
}

/// The names that a call waits for or holds.
#[derive(Debug)]
struct WantedNames {
    rank: Rank,
    names: Names,
    hold: Hold,
    revoked: Arc<Notify>,
}

/// All locks in force, and the queue of waiting calls.
#[derive(Clone, Debug)]
pub(crate) struct NameLocks {
    queue: Arc<Mutex<Queue>>,
    timeout: Duration,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    held: BTreeMap<u64, WantedNames>,
    waiting: BTreeMap<(Rank, u64), (WantedNames, oneshot::Sender<()>)>,
}

/// A lock on names. No other call changes them while it lives.
#[derive(Debug)]
#[must_use]
pub(crate) struct NameLock {
    queue: Arc<Mutex<Queue>>,
    place: (Rank, u64),
    revoked: Arc<Notify>,
}

impl NameLocks {
    /// No locks. `record_timeout` is how long a call that holds names may wait for its record.
    pub(crate) fn new(record_timeout: Duration) -> Self {
        Self { queue: Arc::default(), timeout: NAME_TIMEOUT + record_timeout }
    }

    /// Waits until no other call holds one of the names.
    ///
    /// # Errors
    /// If another call does not unlock a name in time.
    pub(crate) async fn lock(
        &self,
        names: Names,
        rank: Rank,
        hold: Hold,
    ) -> Result<NameLock, Refusal> {
        let (granting, granted) = oneshot::channel();
        // Leaves the queue when it is dropped, even if the client disconnects while it waits.
        let lock = {
            let mut queue = locked(&self.queue);
            let place = (rank, queue.next);
            queue.next = queue.next.wrapping_add(1);
            let revoked = Arc::<Notify>::default();
            let lock =
                NameLock { queue: Arc::clone(&self.queue), place, revoked: Arc::clone(&revoked) };
            queue.waiting.insert(place, (WantedNames { rank, names, hold, revoked }, granting));
            queue.grant();
            queue.revoke_for(place);
            lock
        };
        match timeout(self.timeout, granted).await {
            Ok(Ok(())) => Ok(lock),
            Ok(Err(_)) | Err(_) => {
                Err(Refusal::conflict("another call is changing this image name; try again later"))
            }
        }
    }
}

impl NameLock {
    /// Ends when a trusted caller wants one of the names of an ordinary caller's pull.
    pub(crate) async fn revoked(&self) {
        self.revoked.notified().await;
    }
}

impl Drop for NameLock {
    fn drop(&mut self) {
        let mut queue = locked(&self.queue);
        queue.held.remove(&self.place.1);
        queue.waiting.remove(&self.place);
        queue.grant();
    }
}

impl Queue {
    /// Gives names to the calls that no longer have to wait. A call also waits for the calls before it,
    /// so that none waits forever. Takes time linear in the length of the queue.
    fn grant(&mut self) {
        let mut taken = TakenNames::default();
        self.held.values().for_each(|held| taken.add(held));
        let mut ready = Vec::new();
        for (place, (wanted, _)) in &self.waiting {
            if !taken.conflicts_with(wanted) {
                ready.push(*place);
            }
            taken.add(wanted);
        }
        for place in ready {
            let Some((wanted, granting)) = self.waiting.remove(&place) else { continue };
            self.held.insert(place.1, wanted);
            // If the caller has disconnected, its lock unlocks the names when it is dropped.
            let _ = granting.send(());
        }
    }

    /// Revokes the ordinary callers' pulls for which this trusted caller would have to wait.
    fn revoke_for(&self, place: (Rank, u64)) {
        let Some((wanted, _)) = self.waiting.get(&place) else { return };
        let is_below = |held: &&WantedNames| held.rank > wanted.rank && held.hold == Hold::Pull;
        for held in self.held.values().filter(is_below) {
            let mut taken = TakenNames::default();
            taken.add(held);
            if taken.conflicts_with(wanted) {
                held.revoked.notify_one();
            }
        }
    }
}

/// The names of several calls.
#[derive(Default)]
struct TakenNames<'a> {
    changed: NameSet<'a>,
    pulled: NameSet<'a>,
}

#[derive(Default)]
struct NameSet<'a> {
    names: HashSet<&'a str>,
    /// The repositories of these names.
    places: HashSet<&'a str>,
    /// Repositories of which all names are taken.
    repositories: HashSet<&'a str>,
    has_any: bool,
}

impl<'a> TakenNames<'a> {
    fn add(&mut self, wanted: &'a WantedNames) {
        match wanted.hold {
            Hold::Change => self.changed.add(&wanted.names),
            Hold::Pull => self.pulled.add(&wanted.names),
        }
    }

    fn conflicts_with(&self, wanted: &WantedNames) -> bool {
        let is_pull = wanted.hold == Hold::Pull;
        let is_any = wanted.names == Names::Any;
        self.changed.overlaps(&wanted.names)
            || (!is_any && self.pulled.overlaps(&wanted.names))
            || (self.changed.has_any && !is_pull)
    }
}

impl<'a> NameSet<'a> {
    fn add(&mut self, names: &'a Names) {
        match names {
            Names::These(these) => {
                self.names.extend(these.iter().map(String::as_str));
                self.places.extend(these.iter().map(|name| repository(name)));
            }
            Names::OfRepository(repository) => {
                self.repositories.insert(repository);
            }
            Names::Any => self.has_any = true,
        }
    }

    /// Whether one of the names is in the set. [`Names::Any`] in the set does not count here.
    fn overlaps(&self, names: &Names) -> bool {
        match names {
            Names::These(these) => these.iter().any(|name| {
                self.names.contains(name.as_str()) || self.repositories.contains(repository(name))
            }),
            Names::OfRepository(repository) => {
                self.places.contains(repository.as_str())
                    || self.repositories.contains(repository.as_str())
            }
            Names::Any => !self.names.is_empty() || !self.repositories.is_empty(),
        }
    }
}

/// Locks the queue. Each change of the queue is complete or not begun, so a panic leaves it intact.
fn locked(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use Hold::{Change, Pull};
    use Rank::{Ordinary, Trusted};
    use tokio::time::timeout;

    fn these(names: &[&str]) -> Names {
        Names::These(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn repository(name: &str) -> Names {
        Names::OfRepository(name.to_owned())
    }

    fn run(test: impl Future<Output = ()>) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(test);
    }

    /// Whether a second call gets its names while the first holds its own.
    async fn both_hold(first: (Names, Hold), second: (Names, Hold)) -> bool {
        let locks = NameLocks::new(Duration::ZERO);
        let _first = locks.lock(first.0, Ordinary, first.1).await.unwrap();
        let second = locks.lock(second.0, Ordinary, second.1);
        timeout(Duration::from_secs(1), second).await.is_ok()
    }

    #[test]
    fn calls_wait_for_each_other_if_they_change_the_same_name() {
        run(async {
            for (first, second, expected) in [
                ((these(&["a:1"]), Change), (these(&["a:1"]), Change), false),
                ((these(&["a:1"]), Change), (these(&["a:2"]), Change), true),
                ((these(&["a:1", "b:1"]), Change), (these(&["b:1", "c:1"]), Change), false),
                ((these(&["a:1"]), Change), (repository("a"), Pull), false),
                ((repository("a"), Pull), (these(&["a:1"]), Change), false),
                ((repository("a"), Pull), (these(&["a/b:1"]), Change), true),
                ((repository("a"), Pull), (repository("a"), Pull), false),
                ((Names::Any, Change), (these(&["a:1"]), Change), false),
                ((these(&["a:1"]), Change), (Names::Any, Change), false),
                ((Names::Any, Change), (Names::Any, Change), false),
                ((these(&["a:1"]), Pull), (Names::Any, Change), true),
                ((Names::Any, Change), (these(&["a:1"]), Pull), true),
                ((these(&["a:1"]), Pull), (these(&["a:1"]), Pull), false),
                ((these(&["r:5000/a:1"]), Change), (repository("r:5000/a"), Pull), false),
            ] {
                let shown = format!("{first:?} {second:?}");
                assert_eq!(both_hold(first, second).await, expected, "{shown}");
            }
        });
    }

    #[test]
    fn waiting_for_a_held_name_times_out() {
        run(async {
            let locks = NameLocks::new(Duration::ZERO);
            let held = locks.lock(Names::one("a:1"), Trusted, Change).await.unwrap();
            let refusal = locks.lock(Names::one("a:1"), Ordinary, Change).await.unwrap_err();
            assert_eq!(refusal.status.as_u16(), 409);
            assert!(refusal.message.contains("try again"));
            drop(held);
            let queue = locked(&locks.queue);
            assert!(queue.held.is_empty() && queue.waiting.is_empty(), "{queue:?}");
        });
    }

    #[test]
    fn a_caller_that_disconnects_leaves_the_queue() {
        run(async {
            let locks = NameLocks::new(Duration::ZERO);
            let held = locks.lock(Names::one("a:1"), Ordinary, Change).await.unwrap();
            let second = locks.lock(Names::one("a:1"), Ordinary, Change);
            assert!(timeout(Duration::from_secs(1), second).await.is_err());
            drop(held);
            drop(locks.lock(Names::one("a:1"), Ordinary, Change).await.unwrap());
            let queue = locked(&locks.queue);
            assert!(queue.held.is_empty() && queue.waiting.is_empty(), "{queue:?}");
        });
    }

    #[test]
    fn trusted_callers_come_first_and_others_in_their_order() {
        run(async {
            let locks = NameLocks::new(Duration::ZERO);
            let held = locks.lock(Names::one("a:1"), Ordinary, Change).await.unwrap();
            let order = std::cell::RefCell::new(Vec::new());
            let take = async |rank, number| {
                let lock = locks.lock(Names::one("a:1"), rank, Change).await.unwrap();
                order.borrow_mut().push(number);
                drop(lock);
            };
            let give = async { drop(held) };
            tokio::join!(take(Ordinary, 1), take(Ordinary, 2), take(Trusted, 3), give);
            assert_eq!(order.into_inner(), [3, 1, 2]);
        });
    }

    #[test]
    fn a_trusted_caller_ends_an_ordinary_caller_s_pull() {
        run(async {
            let locks = NameLocks::new(Duration::ZERO);
            let revoked = async |lock: NameLock| {
                timeout(Duration::from_secs(1), lock.revoked()).await.is_ok()
            };
            let pull = locks.lock(Names::one("a:1"), Ordinary, Pull).await.unwrap();
            let wanted = locks.lock(Names::one("a:1"), Trusted, Change);
            let (was_revoked, taken) = tokio::join!(revoked(pull), wanted);
            assert!(was_revoked);
            drop(taken.unwrap());
            for (rank, other_rank, other) in
                [(Ordinary, Ordinary, "a:1"), (Trusted, Trusted, "a:1"), (Ordinary, Trusted, "b:1")]
            {
                let pull = locks.lock(Names::one("a:1"), rank, Pull).await.unwrap();
                let wanted = locks.lock(Names::one(other), other_rank, Change);
                let (was_revoked, taken) = tokio::join!(revoked(pull), wanted);
                assert!(!was_revoked, "{rank:?} {other_rank:?} {other}");
                drop(taken.unwrap());
            }
        });
    }
}
