//! Forgetting who made what is gone.
//!
//! Containers go by themselves, and their owners would be kept for ever.

use std::collections::HashSet;

use crate::listing::{Listed, list};
use crate::owner::{Kind, OwnerTable, name_key};
use crate::request::ApiVersion;
use crate::upstream::{Unreachable, Upstream};

/// Kinds of which things go without the broker, whose owners are written down.
const KINDS: [Kind; 4] = [Kind::Container, Kind::Image, Kind::ImageName, Kind::Volume];

/// What the table knows a thing by: a name by what it is the name of.
fn keys(kind: Kind, listed: Listed) -> Vec<String> {
    let Listed { id, tags, .. } = listed;
    match kind {
        Kind::ImageName => tags.iter().flatten().map(|tag| name_key(tag, &id)).collect(),
        _ => vec![id],
    }
}

/// Forgets the owners of containers, images, names and volumes that dockerd does not have any more.
///
/// # Errors
/// If dockerd cannot be reached or a list is too long to be read; the other kinds are
/// tidied all the same.
pub(crate) async fn forget_what_is_gone(
    owners: &OwnerTable,
    upstream: &Upstream,
) -> Result<(), Unreachable> {
    let mut tidied = Ok(());
    for kind in KINDS {
        tidied = forget_gone(kind, owners, upstream).await.and(tidied);
    }
    tidied
}

async fn forget_gone(
    kind: Kind,
    owners: &OwnerTable,
    upstream: &Upstream,
) -> Result<(), Unreachable> {
    // What is made while dockerd is asked is not among these.
    let known = owners.all(kind);
    if known.is_empty() {
        return Ok(());
    }
    let Some(there) = list(kind, None, ApiVersion::OLDEST, upstream).await? else { return Ok(()) };
    let there: HashSet<String> = there.into_iter().flat_map(|listed| keys(kind, listed)).collect();
    for (id, _) in known.iter().filter(|(id, _)| !there.contains(id)) {
        if let Err(error) = owners.forget(kind, id) {
            tracing::error!("{} {id} cannot be forgotten: {error:#}", kind.name());
        }
    }
    Ok(())
}
