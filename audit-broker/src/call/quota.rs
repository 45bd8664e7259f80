//! The quota of each login, container and uid: connections, request bodies, turns and event streams.
//!
//! Quotas keep one caller from using up what other callers need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::who::quota_holder::QuotaHolder;
use crate::who::subject::Subject;

/// The limit for all containers together, as a multiple of the limit for one.
const CONTAINERS_SHARE: u32 = 8;

/// How many request bodies of one holder the broker keeps in memory at the same time. Each may take
/// several megabytes.
const DOCUMENTS_LIMIT: usize = 16;

/// How many calls of one holder have a turn at the same time, and for how many new connections of a uid the
/// broker identifies the caller. Other holders wait for these at most, and not for a holder's thousand calls
/// and connections.
const TURNS_LIMIT: usize = 32;

/// The longest wait for a turn. If dockerd hangs, calls that it does not answer keep their turns, and the
/// holder's other calls go on without one.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);

/// How many filtered event streams one holder may have open. For such a stream, the broker asks dockerd
/// about the objects of its events.
pub(crate) const EVENT_STREAMS_LIMIT: usize = 16;

/// The use of each quota, by holder.
#[derive(Debug, Default)]
pub(crate) struct Quotas(Holdings);

type Holdings = Arc<Mutex<HashMap<QuotaHolder, Holding>>>;

#[derive(Debug)]
struct Holding {
    connections: u32,
    documents: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    event_streams: Arc<Semaphore>,
}

/// The place of one connection in the quota of its holder.
#[derive(Debug)]
pub(crate) struct Quota {
    holder: QuotaHolder,
    documents: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    event_streams: Arc<Semaphore>,
    holdings: Holdings,
}

impl Quotas {
    /// Takes a place in the caller's quota. A container also takes one in the quota of all containers.
    ///
    /// # Errors
    ///
    /// Those of [`Quotas::take`].
    pub(crate) fn take_for(
        &self,
        subject: &Subject,
        limit: u32,
    ) -> Result<(Quota, Option<Quota>), String> {
        let among = subject.container.as_ref().map(|_| self.take(QuotaHolder::Containers, limit));
        Ok((self.take(QuotaHolder::of(subject), limit)?, among.transpose()?))
    }

    /// Takes a place for one more connection.
    ///
    /// # Errors
    ///
    /// A message for the caller, if the holder has used up the quota.
    pub(crate) fn take(&self, holder: QuotaHolder, limit: u32) -> Result<Quota, String> {
        let limit = match holder {
            QuotaHolder::Containers => limit.saturating_mul(CONTAINERS_SHARE),
            QuotaHolder::Arriving(_)
            | QuotaHolder::Container(_)
            | QuotaHolder::Auid(_)
            | QuotaHolder::Uid(_) => limit,
        };
        let mut holdings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = holdings.entry(holder.clone()).or_insert_with(|| Holding {
            connections: 0,
            documents: Arc::new(Semaphore::new(DOCUMENTS_LIMIT)),
            turns: Arc::new(Semaphore::new(TURNS_LIMIT)),
            event_streams: Arc::new(Semaphore::new(EVENT_STREAMS_LIMIT)),
        });
        if holding.connections >= limit {
            return Err(format!(
                "the connection quota of {holder} is used up ({limit}); close some connections, or \
                 ask an administrator to raise connections_per_uid"
            ));
        }
        holding.connections += 1;
        let documents = Arc::clone(&holding.documents);
        let turns = Arc::clone(&holding.turns);
        let event_streams = Arc::clone(&holding.event_streams);
        Ok(Quota { holder, documents, turns, event_streams, holdings: Arc::clone(&self.0) })
    }
}

impl Quota {
    /// Waits for a place for one more request body. Dropping the permit frees the place.
    pub(crate) async fn document(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.documents.acquire().await.ok()
    }

    /// Waits for a turn, at most [`TURN_TIMEOUT`]. Dropping the permit ends the turn.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Some(turn);
        }
        // The semaphore is never closed.
        timeout(TURN_TIMEOUT, self.turns.acquire()).await.ok()?.ok()
    }

    /// A place for one more event stream, if one is free. Dropping the permit frees the place.
    pub(crate) fn event_stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.event_streams).try_acquire_owned().ok()
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let mut holdings = self.holdings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holding) = holdings.get_mut(&self.holder) {
            holding.connections -= 1;
            if holding.connections == 0 {
                holdings.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use audit_core::Auid;
    use futures_util::FutureExt;

    use super::*;
    use crate::who::subject::ContainerSubject;

    #[test]
    fn each_holder_has_a_quota() {
        let quotas = Quotas::default();
        let first = quotas.take(QuotaHolder::Uid(1), 2).unwrap();
        let second = quotas.take(QuotaHolder::Uid(1), 2).unwrap();
        assert!(quotas.take(QuotaHolder::Uid(1), 2).is_err());
        let other = quotas.take(QuotaHolder::Auid(1), 2).unwrap();
        drop(first);
        drop(quotas.take(QuotaHolder::Uid(1), 2).unwrap());
        drop((second, other));
        assert!(quotas.0.lock().unwrap().is_empty());
    }

    #[test]
    fn s33_event_streams_of_one_holder_have_a_quota() {
        let quotas = Quotas::default();
        let (one, same) =
            (quotas.take(QuotaHolder::Uid(1), 2).unwrap(), quotas.take(QuotaHolder::Uid(1), 2));
        let mut held: Vec<_> = (0..EVENT_STREAMS_LIMIT).map(|_| one.event_stream()).collect();
        assert!(held.iter().all(Option::is_some));
        let same = same.unwrap();
        assert!(same.event_stream().is_none());
        assert!(quotas.take(QuotaHolder::Uid(2), 1).unwrap().event_stream().is_some());
        held.pop();
        assert!(same.event_stream().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_one_holder_do_not_take_the_turns_of_another() {
        let quotas = Quotas::default();
        let [one, same] = [1, 1].map(|uid| quotas.take(QuotaHolder::Uid(uid), 2).unwrap());
        let other = quotas.take(QuotaHolder::Uid(2), 2).unwrap();
        let mut turns = Vec::new();
        for _ in 0..TURNS_LIMIT {
            turns.push(one.turn().await);
        }
        assert!(same.turn().now_or_never().is_none());
        assert!(other.turn().now_or_never().flatten().is_some());
        turns.pop();
        assert!(same.turn().now_or_never().flatten().is_some());
        turns.push(one.turn().await);
        // The holder's calls hang in dockerd, so the next one goes on without a turn.
        assert!(same.turn().await.is_none());
    }

    /// A process without a login uid may set its login uid to an administrator's.
    #[test]
    fn s23_a_claimed_login_does_not_use_the_quota_of_the_person() {
        let quotas = Quotas::default();
        let login = |auid, uid| Subject { auid: Auid::from_raw(auid), ..Subject::unknown(1, uid) };
        let liar = quotas.take_for(&login(1000, 33), 1).unwrap();
        let person = quotas.take_for(&login(1000, 1000), 1).unwrap();
        let text = quotas.take_for(&login(1001, 33), 1).unwrap_err();
        assert!(text.starts_with("the connection quota of uid 33 is used up (1)"), "{text}");
        let text = quotas.take_for(&login(1000, 0), 1).unwrap_err();
        assert!(text.starts_with("the connection quota of auid 1000 is used up (1)"), "{text}");
        drop((liar, person));
    }

    #[test]
    fn the_root_of_a_container_does_not_use_the_quota_of_the_hosts_root() {
        let quotas = Quotas::default();
        let host = Subject::unknown(1, 0);
        let container = |id: u32| {
            let container = ContainerSubject { id: id.to_string(), ..ContainerSubject::default() };
            Subject { container: Some(container), ..Subject::unknown(1, 0) }
        };
        let mut held: Vec<_> =
            (0..CONTAINERS_SHARE).map(|id| quotas.take_for(&container(id), 1).unwrap()).collect();
        assert!(
            quotas
                .take_for(&container(0), 1)
                .unwrap_err()
                .starts_with("the connection quota of container 0 is used up (1)")
        );
        let text = quotas.take_for(&container(CONTAINERS_SHARE), 1).unwrap_err();
        assert!(
            text.starts_with("the connection quota of all containers together is used up (8)"),
            "{text}"
        );
        held.push(quotas.take_for(&host, 1).unwrap());
        assert!(
            quotas
                .take_for(&host, 1)
                .unwrap_err()
                .starts_with("the connection quota of uid 0 is used up (1)")
        );
    }
}
