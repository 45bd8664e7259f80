//! Keeping the table of owners true to what dockerd has.
//!
//! Containers go by themselves, and their owners would be kept for ever. Volumes and networks tell
//! their owner by a label, and the table has it for the time when they are gone.

use std::collections::HashSet;

use crate::api::request::ApiVersion;
use crate::dockerd::listing::{Listed, list};
use crate::dockerd::upstream::{Unreachable, Upstream};
use crate::owner::{OwnedKind, OwnerTable, name_key};
use crate::who::people::People;
use crate::who::registrar::owner_of_object;

/// Kinds of which things go without the broker, whose owners are written down.
const KINDS: [OwnedKind; 6] = [
    OwnedKind::Container,
    OwnedKind::Image,
    OwnedKind::ImageName,
    OwnedKind::PulledName,
    OwnedKind::Volume,
    OwnedKind::Network,
];

/// What the table knows a thing by: a name by what it is the name of.
fn keys(kind: OwnedKind, listed: Listed) -> Vec<String> {
    let Listed { id, tags, .. } = listed;
    match kind {
        OwnedKind::ImageName | OwnedKind::PulledName => {
            tags.iter().flatten().map(|tag| name_key(tag, &id)).collect()
        }
        _ => vec![id],
    }
}

/// Forgets the owners of what dockerd does not have any more, and takes over what the labels of volumes
/// and networks say.
///
/// # Errors
/// If dockerd cannot be reached or a list is too long to be read; the other kinds are
/// tidied all the same.
pub(crate) async fn tidy(
    owners: &OwnerTable,
    people: &People,
    upstream: &Upstream,
) -> Result<(), Unreachable> {
    let mut tidied = Ok(());
    for kind in KINDS {
        tidied = tidy_kind(kind, owners, people, upstream).await.and(tidied);
    }
    tidied
}

async fn tidy_kind(
    kind: OwnedKind,
    owners: &OwnerTable,
    people: &People,
    upstream: &Upstream,
) -> Result<(), Unreachable> {
    // What is made while dockerd is asked is not among these.
    let known = owners.all(kind);
    let is_labelled = matches!(kind, OwnedKind::Volume | OwnedKind::Network);
    if known.is_empty() && !is_labelled {
        return Ok(());
    }
    let Some(there) = list(kind, None, ApiVersion::OLDEST, upstream).await? else { return Ok(()) };
    for listed in there.iter().filter(|_| is_labelled) {
        let labels = listed.labels.clone().unwrap_or_default();
        if owner_of_object(kind, &listed.id, &labels, owners, people).is_none() {
            // It has no owner, and the table may have that of an earlier one by this name.
            forget(kind, &listed.id, owners);
        }
    }
    let there: HashSet<String> = there.into_iter().flat_map(|listed| keys(kind, listed)).collect();
    for (id, _) in known.iter().filter(|(id, _)| !there.contains(id)) {
        forget(kind, id, owners);
    }
    Ok(())
}

fn forget(kind: OwnedKind, id: &str, owners: &OwnerTable) {
    if let Err(error) = owners.forget(kind, id) {
        tracing::error!("{} {id} cannot be forgotten: {error:#}", kind.name());
    }
}
