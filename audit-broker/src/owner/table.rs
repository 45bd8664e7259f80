//! The table of owners that the broker keeps itself.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::{Context, ensure};

use super::kind::Keeping;
use super::log::{Log, LogChange, Owners};
use super::recent::Recent;
use super::{OwnedKind, Owner};

/// Most owners that are kept in memory only, of each kind. Who makes more makes the oldest, perhaps
/// of somebody else, be nobody's: which refuses, and gives nothing away.
const RECENT_LIMIT: usize = 100_000;

/// Longest id, in bytes: that of a volume is a name, and dockerd makes a directory of it.
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

/// Everything in the table at `path`, which a broker may have open. Empty if there is no table.
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

/// Who made what, for several threads at once. One process may have a file open at a time.
///
/// All of it is in memory, where it is looked up without touching a file. What a kind of thing
/// needs decides what else a claim does:
///
/// | kind | a claim | survives |
/// |---|---|---|
/// | processes in containers, builds | in memory only | nothing; dockerd forgets them too |
/// | containers, volumes, networks, names of images, swarm's | one write, without fsync | the end of the broker; else the label tells it |
/// | images, plugins | a write and an fsync: milliseconds, so not on a thread that serves others | a loss of power |
///
/// Once in 10,000 changes or more, the file is written anew, with an fsync, whatever the kind.
///
/// The table does not know what became of things while the broker did not run. What labels tell
/// then goes over it, and what dockerd does not have is to be forgotten: [`OwnerTable::all`] says
/// what there is.
#[derive(Debug)]
pub(crate) struct OwnerTable {
    /// Locked before `owners`, and kept until a change is in both.
    log: Mutex<Log>,
    owners: RwLock<Owners>,
    recent: RwLock<HashMap<OwnedKind, Recent>>,
}

impl OwnerTable {
    /// Opens the table, or begins one, with mode 0600.
    ///
    /// `name_of` gives the name that the user database has for a uid. A person whom an earlier version
    /// of the broker wrote without a name is taken to be the one who has the uid now.
    ///
    /// A damaged file is kept as `NAME.broken-SECONDS`, with a warning. What its whole part told of
    /// images and plugins is taken over, which have no label; all else is to be found by labels.
    ///
    /// # Errors
    /// If the file may not be read, or none can be written in its directory.
    pub(crate) fn open(
        path: &Path,
        name_of: &dyn Fn(u32) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let (log, owners) = Log::open(path, name_of).context("cannot open the table of owners")?;
        Ok(Self { log: Mutex::new(log), owners: RwLock::new(owners), recent: RwLock::default() })
    }

    /// Whose it is; `None` if that is not known.
    pub(crate) fn get(&self, kind: OwnedKind, id: &str) -> Option<Owner> {
        match kind.keeping() {
            Keeping::Memory => reading(&self.recent).get(&kind)?.get(id).cloned(),
            _ => reading(&self.owners).get(&kind)?.get(id).cloned(),
        }
    }

    /// Makes it somebody's, whosever it was.
    ///
    /// # Errors
    /// If the id or owner cannot be one; if the file cannot be written, in which case the claim
    /// holds all the same until the broker ends, and is written with the next.
    pub(crate) fn claim(&self, kind: OwnedKind, id: &str, owner: &Owner) -> anyhow::Result<()> {
        ensure!(is_id(id), "no {} has the id `{}`", kind.name(), id.escape_debug());
        let text = owner.to_string();
        ensure!(text.parse().as_ref() == Ok(owner), "nobody is `{}`", text.escape_debug());
        if kind.keeping() == Keeping::Memory {
            let mut recent = writing(&self.recent);
            recent.entry(kind).or_insert_with(|| Recent::new(RECENT_LIMIT)).claim(id, owner);
            return Ok(());
        }
        let mut log = locked(&self.log);
        writing(&self.owners).entry(kind).or_default().insert(id.to_owned(), owner.clone());
        log.add(LogChange::Claim(kind, id, owner), &reading(&self.owners))?;
        if kind.keeping() == Keeping::Synced {
            let file = log.file();
            drop(log);
            // Another try would succeed without writing what this one could not.
            file.sync_data()
                .inspect_err(|_| locked(&self.log).tear())
                .context("the table of owners cannot be synced")?;
        }
        Ok(())
    }

    /// It is gone.
    ///
    /// # Errors
    /// If the file cannot be written: it is forgotten all the same until the broker ends.
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

    /// Everything of a kind that is known to be somebody's, in no order.
    pub(crate) fn all(&self, kind: OwnedKind) -> Vec<(String, Owner)> {
        let copy = |(id, owner): (&String, &Owner)| (id.clone(), owner.clone());
        match kind.keeping() {
            Keeping::Memory => {
                let recent = reading(&self.recent);
                recent.get(&kind).into_iter().flat_map(Recent::all).map(copy).collect()
            }
            _ => reading(&self.owners).get(&kind).into_iter().flatten().map(copy).collect(),
        }
    }
}

fn is_id(id: &str) -> bool {
    let is_in_line = |letter: char| !letter.is_whitespace() && !letter.is_control();
    !id.is_empty() && id.len() <= ID_LIMIT_BYTES && id.chars().all(is_in_line)
}

/// No change is made in part while a lock is held, so that a thread that panicked spoilt nothing.
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
