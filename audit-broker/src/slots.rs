//! How much of the daemon each uid and each login holds, so that nobody can take what others need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Whose connections are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    Uid(u32),
    /// A login, whatever uids it takes on.
    Auid(u32),
}

/// How many bodies of requests one holder may have in hand at the same time. Each may take some
/// megabytes.
const DOCUMENTS_LIMIT: usize = 16;

/// What each holder has.
#[derive(Debug, Default)]
pub(crate) struct Slots(Holdings);

type Holdings = Arc<Mutex<HashMap<Holder, Holding>>>;

#[derive(Debug)]
struct Holding {
    connections: u32,
    documents: Arc<Semaphore>,
}

/// One connection's place among those of its holder.
#[derive(Debug)]
pub(crate) struct Slot {
    holder: Holder,
    documents: Arc<Semaphore>,
    holdings: Holdings,
}

impl Slots {
    /// A place for one more; `None` if the holder has as many as it may.
    pub(crate) fn take(&self, holder: Holder, limit: u32) -> Option<Slot> {
        let mut holdings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holding = holdings.entry(holder).or_insert_with(|| Holding {
            connections: 0,
            documents: Arc::new(Semaphore::new(DOCUMENTS_LIMIT)),
        });
        if holding.connections >= limit {
            return None;
        }
        holding.connections += 1;
        let documents = Arc::clone(&holding.documents);
        Some(Slot { holder, documents, holdings: Arc::clone(&self.0) })
    }
}

impl Slot {
    /// Waits until the holder may have one more body in hand. It is given back when it is dropped.
    pub(crate) async fn document(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.documents.acquire().await.ok()
    }
}

impl Drop for Slot {
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
    use super::*;

    #[test]
    fn each_holder_has_its_own_limit() {
        let slots = Slots::default();
        let first = slots.take(Holder::Uid(1), 2).unwrap();
        let second = slots.take(Holder::Uid(1), 2).unwrap();
        assert!(slots.take(Holder::Uid(1), 2).is_none());
        let other = slots.take(Holder::Auid(1), 2).unwrap();
        drop(first);
        drop(slots.take(Holder::Uid(1), 2).unwrap());
        drop((second, other));
        assert!(slots.0.lock().unwrap().is_empty());
    }
}
