//! Runs the calls of one owner one after another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::owner::Owner;

/// A lock for each owner. It exists while a call of the owner holds it or waits for it.
#[derive(Debug, Default)]
pub(crate) struct OwnerLocks(Mutex<HashMap<Owner, Weak<tokio::sync::Mutex<()>>>>);

impl OwnerLocks {
    /// The lock of this owner.
    pub(crate) fn of(&self, owner: &Owner) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(owner).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        locks.insert(owner.clone(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_has_one_lock_while_a_call_holds_it() {
        let locks = OwnerLocks::default();
        let first = locks.of(&Owner::Root);
        assert!(Arc::ptr_eq(&first, &locks.of(&Owner::Root)));
        let other = locks.of(&Owner::Container("a".to_owned()));
        assert!(!Arc::ptr_eq(&first, &other));
        drop((first, other));
        drop(locks.of(&Owner::Root));
        assert_eq!(locks.0.lock().unwrap().len(), 1);
    }
}
