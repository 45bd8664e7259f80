//! Forgetting who made what is gone.
//!
//! Containers go by themselves, and their owners would be kept for ever.

use std::collections::HashSet;

use serde::Deserialize;

use crate::owner::{Kind, OwnerTable};
use crate::request::ApiVersion;
use crate::upstream::{Found, Unreachable, Upstream};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
}

/// Forgets the owners of containers and images that dockerd does not have any more.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn forget_what_is_gone(
    owners: &OwnerTable,
    upstream: &Upstream,
) -> Result<(), Unreachable> {
    let version = ApiVersion::OLDEST;
    for (kind, list) in [(Kind::Container, "containers"), (Kind::Image, "images")] {
        // What is made while dockerd is asked is not among these.
        let known = owners.all(kind);
        if known.is_empty() {
            continue;
        }
        let target = format!("/v{version}/{list}/json?all=1");
        let Found::Yes(there) = upstream.ask::<Vec<Listed>>(&target).await? else { continue };
        let there: HashSet<String> = there.into_iter().map(|listed| listed.id).collect();
        for (id, _) in known.iter().filter(|(id, _)| !there.contains(id)) {
            if let Err(error) = owners.forget(kind, id) {
                tracing::error!("{} {id} cannot be forgotten: {error:#}", kind.name());
            }
        }
    }
    Ok(())
}
