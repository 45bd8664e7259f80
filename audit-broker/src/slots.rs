//! How many connections each uid has open, so that nobody can take those of others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many connections each uid has open.
#[derive(Debug, Default)]
pub(crate) struct Slots(Arc<Mutex<HashMap<u32, u32>>>);

/// One connection's place among those of its uid.
#[derive(Debug)]
pub(crate) struct Slot {
    uid: u32,
    slots: Arc<Mutex<HashMap<u32, u32>>>,
}

impl Slots {
    /// A place for one more; `None` if the uid has as many as it may.
    pub(crate) fn take(&self, uid: u32, limit: u32) -> Option<Slot> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(uid).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Slot { uid, slots: Arc::clone(&self.0) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_uid_has_its_own_limit() {
        let slots = Slots::default();
        let first = slots.take(1, 2).unwrap();
        let second = slots.take(1, 2).unwrap();
        assert!(slots.take(1, 2).is_none());
        let other = slots.take(2, 2).unwrap();
        drop(first);
        drop(slots.take(1, 2).unwrap());
        drop((second, other));
        assert!(slots.0.lock().unwrap().is_empty());
    }
}
