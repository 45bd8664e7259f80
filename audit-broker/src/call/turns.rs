//! Runs the calls of one owner one after another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::owner::Owner;

/// A lock for each owner. It exists while a call of the owner holds it or waits for it.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Owner, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// The lock of this owner.
    pub(crate) fn of(&self, owner: &Owner) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(owner).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        turns.insert(owner.clone(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_has_one_lock_while_a_call_holds_it() {
        let turns = Turns::default();
        let first = turns.of(&Owner::Root);
        assert!(Arc::ptr_eq(&first, &turns.of(&Owner::Root)));
        let other = turns.of(&Owner::Container("a".to_owned()));
        assert!(!Arc::ptr_eq(&first, &other));
        drop((first, other));
        drop(turns.of(&Owner::Root));
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
