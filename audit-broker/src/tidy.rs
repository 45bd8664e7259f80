//! Forgetting who made what is gone.
//!
//! Containers go by themselves, and their owners would be kept for ever.

use std::collections::HashSet;

use serde::Deserialize;

use crate::owner::{Kind, OwnerTable};
use crate::request::ApiVersion;
use crate::upstream::{Found, Unreachable, Upstream};

/// Something in a list, by its id or, where it has none, its name.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id", alias = "Name")]
    id: String,
}

/// A list of things of one kind: that of volumes stands in a document.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Plain(Vec<Listed>),
    Volumes {
        #[serde(rename = "Volumes")]
        volumes: Option<Vec<Listed>>,
    },
}

/// What is listed where. dockerd makes the volumes that have an owner here together with containers.
const LISTS: [(Kind, &str); 3] = [
    (Kind::Container, "/containers/json?all=1"),
    (Kind::Image, "/images/json?all=1"),
    (Kind::Volume, "/volumes"),
];

/// Forgets the owners of containers, images and volumes that dockerd does not have any more.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn forget_what_is_gone(
    owners: &OwnerTable,
    upstream: &Upstream,
) -> Result<(), Unreachable> {
    let version = ApiVersion::OLDEST;
    for (kind, list) in LISTS {
        // What is made while dockerd is asked is not among these.
        let known = owners.all(kind);
        if known.is_empty() {
            continue;
        }
        let target = format!("/v{version}{list}");
        let there = match upstream.ask::<List>(&target).await? {
            Found::Yes(List::Plain(there)) => there,
            Found::Yes(List::Volumes { volumes }) => volumes.unwrap_or_default(),
            Found::No(..) => continue,
        };
        let there: HashSet<String> = there.into_iter().map(|listed| listed.id).collect();
        for (id, _) in known.iter().filter(|(id, _)| !there.contains(id)) {
            if let Err(error) = owners.forget(kind, id) {
                tracing::error!("{} {id} cannot be forgotten: {error:#}", kind.name());
            }
        }
    }
    Ok(())
}
