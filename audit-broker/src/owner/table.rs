//! The ownership table: the broker's own store of owners.
//!
//! This file knows what each kind of owner must survive. It does not know labels or dockerd.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::{Context, ensure};

use super::kind::Durability;
use super::log::{Log, LogChange, Owners};
use super::recent_owners::RecentOwners;
use super::{OwnedKind, Owner};

/// Most owners of each kind that are in memory only. Beyond that, the oldest object loses its owner,
/// even if it belongs to another caller. Objects without an owner are refused, so no rights leak.
const RECENT_LIMIT: usize = 100_000;

/// Longest id, in bytes. The id of a volume is its name, and dockerd creates a directory with it.
///
/// # Source
/// `NAME_MAX` in `include/uapi/linux/limits.h` is 255; a build's id has three parts.
const ID_LIMIT_BYTES: usize = 1024;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnerEntry {
    pub(crate) kind: OwnedKind,
    pub(crate) id: String,
    pub(crate) owner: Owner,
}

/// All entries of the table at `path`, which a running broker may have open. Empty if the file does
/// not exist.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn read_table(path: &Path) -> std::io::Result<Vec<OwnerEntry>> {
    let owners = Log::read(path)?;
    let entries = owners.into_iter().flat_map(|(kind, owners)| {
        owners.into_iter().map(move |(id, owner)| OwnerEntry { kind, id, owner })
    });
    Ok(entries.collect())
}

/// The owner of each object, for several threads at once. Only one process may open the file for
/// writing.
///
/// Lookups are answered from memory and touch no file. The cost of a claim depends on the kind:
///
/// | kind | a claim | survives |
/// |---|---|---|
/// | execs, builds | memory only | nothing; dockerd forgets them too |
/// | containers, volumes, networks | one write, no fsync | the end of the broker; after a power failure the label names the owner |
/// | image names, swarm objects | one write, no fsync | the end of the broker; after a power failure root becomes the owner |
/// | images, plugins, users of the classic builder's cache | a write and an fsync: milliseconds, so not on a thread that serves others | a power failure |
///
/// After 10,000 or more changes, the next claim of any written kind rewrites the file and syncs it.
///
/// The table does not see changes that happen while the broker is not running. Labels then override
/// the table, and the broker must remove the entries of objects that dockerd no longer has. Use
/// [`OwnerTable::all`] to find them.
#[derive(Debug)]
pub(crate) struct OwnerTable {
    /// Locked before `owners`. A writer holds it until the change is in both.
    log: Mutex<Log>,
    owners: RwLock<Owners>,
    recent: RwLock<HashMap<OwnedKind, RecentOwners>>,
}

impl OwnerTable {
    /// Opens the table or creates it, with mode 0600.
    ///
    /// `name_of` returns the name that the user database has for a uid. If it did not answer when the
    /// broker recorded a person, the current user with that uid becomes the owner.
    ///
    /// A damaged file is renamed to `NAME.broken-SECONDS`, with a warning. From the undamaged lines,
    /// the table keeps the owners of images and plugins, and the users of the classic builder's cache. The
    /// owners of containers, volumes and networks can be read from their labels. Root becomes the owner of
    /// all other objects.
    ///
    /// # Errors
    /// If the broker may not read the file or cannot write a new one in its directory.
    pub(crate) fn open(
        path: &Path,
        name_of: &dyn Fn(u32) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let (log, owners) = Log::open(path, name_of).context("cannot open the ownership table")?;
        Ok(Self { log: Mutex::new(log), owners: RwLock::new(owners), recent: RwLock::default() })
    }

    /// The owner of an object; `None` if it is not known.
    pub(crate) fn get(&self, kind: OwnedKind, id: &str) -> Option<Owner> {
        match kind.durability() {
            Durability::Memory => reading(&self.recent).get(&kind)?.get(id).cloned(),
            Durability::Written | Durability::Synced => {
                reading(&self.owners).get(&kind)?.get(id).cloned()
            }
        }
    }

    /// Sets the owner of an object. It replaces any previous owner.
    ///
    /// # Errors
    /// If the id or the owner is not valid, or if the file cannot be written. In the latter case the
    /// claim still counts while the broker runs, and the next change writes it.
    pub(crate) fn claim(&self, kind: OwnedKind, id: &str, owner: &Owner) -> anyhow::Result<()> {
        ensure!(is_id(id), "`{}` is not an id of a {}", id.escape_debug(), kind.name());
        let text = owner.to_string();
        ensure!(
            text.parse().as_ref() == Ok(owner),
            "`{}` is not a valid owner",
            text.escape_debug()
        );
        if kind.durability() == Durability::Memory {
            let mut recent = writing(&self.recent);
            recent.entry(kind).or_insert_with(|| RecentOwners::new(RECENT_LIMIT)).claim(id, owner);
            return Ok(());
        }
        let mut log = locked(&self.log);
        writing(&self.owners).entry(kind).or_default().insert(id.to_owned(), owner.clone());
        log.add(LogChange::Claim(kind, id, owner), &reading(&self.owners))?;
        if kind.durability() == Durability::Synced {
            let file = log.file();
            drop(log);
            // A retry of the sync would succeed without writing the data that this one failed to write.
            file.sync_data()
                .inspect_err(|_| locked(&self.log).mark_torn())
                .context("cannot sync the ownership table")?;
        }
        Ok(())
    }

    /// Removes the owner of an object that no longer exists.
    ///
    /// # Errors
    /// If the file cannot be written. The removal still counts while the broker runs.
    pub(crate) fn forget(&self, kind: OwnedKind, id: &str) -> anyhow::Result<()> {
        if let Some(recent) = writing(&self.recent).get_mut(&kind) {
            recent.forget(id);
            return Ok(());
        }
        let mut log = locked(&self.log);
        let was = writing(&self.owners).get_mut(&kind).and_then(|owners| owners.remove(id));
        match was {
            Some(_) => log.add(LogChange::Forget(kind, id), &reading(&self.owners)),
            None => Ok(()),
        }
    }

    /// All objects of a kind that have a known owner, in no particular order.
    pub(crate) fn all(&self, kind: OwnedKind) -> Vec<(String, Owner)> {
        let copy = |(id, owner): (&String, &Owner)| (id.clone(), owner.clone());
        match kind.durability() {
            Durability::Memory => {
                let recent = reading(&self.recent);
                recent.get(&kind).into_iter().flat_map(RecentOwners::all).map(copy).collect()
            }
            Durability::Written | Durability::Synced => {
                reading(&self.owners).get(&kind).into_iter().flatten().map(copy).collect()
            }
        }
    }
}

fn is_id(id: &str) -> bool {
    let is_in_line = |letter: char| !letter.is_whitespace() && !letter.is_control();
    !id.is_empty() && id.len() <= ID_LIMIT_BYTES && id.chars().all(is_in_line)
}

/// Ignores poisoning: no code panics in the middle of a change while it holds a lock.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn reading<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
