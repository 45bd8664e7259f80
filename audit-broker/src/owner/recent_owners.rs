//! The owners of short-lived objects, in memory only.

use std::collections::{BTreeMap, HashMap};

use super::Owner;

/// Owners by id, up to a limit. The oldest claim is dropped when the limit is exceeded.
#[derive(Debug)]
pub(super) struct RecentOwners {
    limit: usize,
    /// Each owner with its key in `order`.
    owners: HashMap<String, (u64, Owner)>,
    /// Ids from the oldest claim to the newest.
    order: BTreeMap<u64, String>,
    next: u64,
}

impl RecentOwners {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, owners: HashMap::new(), order: BTreeMap::new(), next: 0 }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Owner> {
        self.owners.get(id).map(|(_, owner)| owner)
    }

    pub(super) fn claim(&mut self, id: &str, owner: &Owner) {
        self.forget(id);
        self.owners.insert(id.to_owned(), (self.next, owner.clone()));
        self.order.insert(self.next, id.to_owned());
        self.next += 1;
        if self.owners.len() > self.limit
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.owners.remove(&oldest);
        }
    }

    pub(super) fn forget(&mut self, id: &str) {
        if let Some((place, _)) = self.owners.remove(id) {
            self.order.remove(&place);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Owner)> {
        self.owners.iter().map(|(id, (_, owner))| (id, owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_claims_are_dropped() {
        let mut recent = RecentOwners::new(3);
        for (id, auid) in [("a", 1), ("b", 2), ("c", 3), ("a", 4), ("d", 5)] {
            recent.claim(id, &Owner::login(auid));
        }
        assert_eq!(recent.get("b"), None);
        assert_eq!(recent.get("a"), Some(&Owner::login(4)));
        recent.forget("c");
        recent.forget("never");
        recent.claim("e", &Owner::Root);
        assert_eq!(recent.get("c"), None);
        assert_eq!(recent.all().count(), 3);
        assert_eq!(recent.order.len(), 3);
    }
}
