//! Which containers have something of the host.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What is known of containers. It does not change while a container is there.
#[derive(Debug, Default)]
pub(crate) struct Privileged(Mutex<HashMap<String, bool>>);

/// Most containers that are remembered.
const REMEMBERED_LIMIT: usize = 100_000;

impl Privileged {
    pub(crate) fn remember(&self, id: &str, is_privileged: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_LIMIT {
            known.clear();
        }
        known.insert(id.to_owned(), is_privileged);
    }

    /// Whether the container has something of the host; `None` if nobody has looked.
    pub(crate) fn knows(&self, id: &str) -> Option<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }
}
