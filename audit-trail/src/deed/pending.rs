//! Deeds that wait for the record of their outcome.

use std::collections::{HashMap, VecDeque};

use super::sender::Sender;
use super::{Deed, Outcome};
use crate::time::Stamp;

/// Which records may belong to a deed: the process that wrote them, and the caller's pid in them.
pub(super) type Key = (Sender, u32);

/// Deeds that wait for the record of their outcome, in the order of their requests.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: HashMap<Key, Vec<Deed>>,
    /// All waiting deeds, the oldest first, and some that wait no longer.
    order: VecDeque<(Key, Stamp)>,
    count: usize,
    held_bytes: usize,
}

/// Most waiting deeds. Some calls never get another record, so this many wait in a long log.
const COUNT_LIMIT: usize = 8192;

/// Most bytes that waiting deeds hold, about.
const HELD_LIMIT_BYTES: usize = 16 << 20;

impl Pending {
    /// Adds a deed. Passes on the oldest ones if too many wait.
    pub(super) fn add(&mut self, key: Key, deed: Deed, done: &mut impl FnMut(Deed)) {
        self.order.push_back((key, deed.stamp));
        self.count += 1;
        self.held_bytes += deed.len();
        // A vector that grows by itself begins with room for four.
        self.waiting.entry(key).or_insert_with(|| Vec::with_capacity(1)).push(deed);
        while self.count > COUNT_LIMIT || self.held_bytes > HELD_LIMIT_BYTES {
            let Some((key, stamp)) = self.order.pop_front() else { break };
            if let Some(deed) = self.take(key, |deed| deed.stamp == stamp) {
                done(deed);
            }
        }
        if self.order.len() > 2 * self.count + COUNT_LIMIT {
            let waiting = &self.waiting;
            self.order.retain(|(key, stamp)| {
                waiting.get(key).is_some_and(|deeds| deeds.iter().any(|it| it.stamp == *stamp))
            });
        }
    }

    /// Changes the deed with this stamp.
    pub(super) fn change(
        &mut self,
        key: Key,
        stamp: Stamp,
        change: impl FnOnce(&mut Deed),
    ) -> bool {
        let deeds = self.waiting.get_mut(&key).into_iter().flatten();
        let Some(deed) = deeds.rev().find(|deed| deed.stamp == stamp) else { return false };
        let before = deed.len();
        change(deed);
        self.held_bytes = (self.held_bytes + deed.len()).saturating_sub(before);
        true
    }

    /// Takes the oldest deed that fits.
    pub(super) fn take(&mut self, key: Key, fits: impl Fn(&Deed) -> bool) -> Option<Deed> {
        let deeds = self.waiting.get_mut(&key)?;
        let index = deeds.iter().position(fits)?;
        let deed = deeds.remove(index);
        if deeds.is_empty() {
            self.waiting.remove(&key);
        }
        self.count -= 1;
        self.held_bytes = self.held_bytes.saturating_sub(deed.len());
        Some(deed)
    }

    /// Takes the deed with this stamp if it waits only for records that follow directly.
    pub(super) fn take_settled(&mut self, key: Key, stamp: Stamp) -> Option<Deed> {
        self.take(key, |deed| deed.stamp == stamp && deed.outcome != Outcome::Requested)
    }

    /// Takes all deeds whose key fits, the oldest first.
    pub(super) fn take_all(&mut self, fits: impl Fn(&Key) -> bool) -> Vec<Deed> {
        let keys: Vec<Key> = self.waiting.keys().filter(|key| fits(key)).copied().collect();
        let mut taken: Vec<Deed> =
            keys.iter().filter_map(|key| self.waiting.remove(key)).flatten().collect();
        taken.sort_by_key(|deed| deed.stamp);
        self.count -= taken.len();
        let bytes = taken.iter().map(Deed::len).sum();
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        taken
    }
}

impl Deed {
    /// About how many bytes this deed holds.
    fn len(&self) -> usize {
        let given = self.given.iter().map(|given| {
            let texts = [&given.source, &given.place, &given.name];
            given.word.len() + texts.into_iter().flatten().map(Vec::len).sum::<usize>()
        });
        let access = self
            .access
            .iter()
            .map(|access| access.word.len() + access.detail.as_ref().map_or(0, Vec::len));
        size_of::<Self>() + self.object.len() + given.sum::<usize>() + access.sum::<usize>()
    }
}
