//! Removes recorded owners of objects that dockerd no longer has.
//!
//! Objects also disappear without the broker: for example, a container with `--rm`. Their owners would
//! stay in the table for ever. A volume or network has its owner in a label as well, so this file
//! brings the table in line with the labels. It does not know how the table is stored.

use std::collections::HashSet;

use crate::api::request::ApiVersion;
use crate::dockerd::listing::{Listed, list};
use crate::dockerd::upstream::{Unreachable, Upstream};
use crate::owner::{OwnedKind, OwnerTable, name_key};
use crate::who::owner_finder::owner_of_object;
use crate::who::people::People;

/// The kinds of objects that can disappear without the broker, and whose owners the table records.
const KINDS: [OwnedKind; 6] = [
    OwnedKind::Container,
    OwnedKind::Image,
    OwnedKind::ImageName,
    OwnedKind::PulledName,
    OwnedKind::Volume,
    OwnedKind::Network,
];

/// The keys of an object in the table. An image has one for each of its names.
fn keys(kind: OwnedKind, listed: Listed) -> Vec<String> {
    let Listed { id, tags, .. } = listed;
    match kind {
        OwnedKind::ImageName | OwnedKind::PulledName => {
            tags.iter().flatten().map(|tag| name_key(tag, &id)).collect()
        }
        OwnedKind::Container
        | OwnedKind::Exec
        | OwnedKind::Image
        | OwnedKind::Volume
        | OwnedKind::Network
        | OwnedKind::Builder
        | OwnedKind::Build
        | OwnedKind::Plugin
        | OwnedKind::Node
        | OwnedKind::Service
        | OwnedKind::Secret
        | OwnedKind::Config
        | OwnedKind::Daemon => vec![id],
    }
}

/// Removes the recorded owners of objects that dockerd no longer has, and updates the owners of
/// volumes and networks from their labels.
///
/// # Errors
/// If dockerd cannot be reached, or a list is too long. The owners of the other kinds are removed all
/// the same.
pub(super) async fn remove(
    owners: &OwnerTable,
    people: &People,
    upstream: &Upstream,
) -> Result<(), Unreachable> {
    let mut removed = Ok(());
    for kind in KINDS {
        removed = remove_of_kind(kind, owners, people, upstream).await.and(removed);
    }
    removed
}

async fn remove_of_kind(
    kind: OwnedKind,
    owners: &OwnerTable,
    people: &People,
    upstream: &Upstream,
) -> Result<(), Unreachable> {
    // Read before dockerd's list, so that no object created meanwhile is taken for a missing one.
    let known = owners.all(kind);
    let is_labelled = matches!(kind, OwnedKind::Volume | OwnedKind::Network);
    if known.is_empty() && !is_labelled {
        return Ok(());
    }
    let Some(existing) = list(kind, None, ApiVersion::OLDEST, upstream).await? else {
        return Ok(());
    };
    for listed in existing.iter().filter(|_| is_labelled) {
        let labels = listed.labels.clone().unwrap_or_default();
        if owner_of_object(kind, &listed.id, &labels, owners, people).is_none() {
            // The table may still have the owner of an earlier object of this name.
            forget(kind, &listed.id, owners);
        }
    }
    let existing: HashSet<String> =
        existing.into_iter().flat_map(|listed| keys(kind, listed)).collect();
    for (id, _) in known.iter().filter(|(id, _)| !existing.contains(id)) {
        forget(kind, id, owners);
    }
    Ok(())
}

fn forget(kind: OwnedKind, id: &str, owners: &OwnerTable) {
    if let Err(error) = owners.forget(kind, id) {
        tracing::error!("could not remove the recorded owner of {} {id}: {error:#}", kind.name());
    }
}
