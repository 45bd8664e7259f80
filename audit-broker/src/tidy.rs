//! Forgetting who made what is gone.
//!
//! Containers go by themselves, and their owners would be kept for ever.

use std::collections::HashSet;

use serde::Deserialize;

use crate::owner::{Kind, OwnerTable, name_key};
use crate::request::ApiVersion;
use crate::upstream::{Found, Unreachable, Upstream};

/// Something in a list, by its id or, where it has none, its name.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id", alias = "Name")]
    id: String,
    #[serde(rename = "RepoTags", default)]
    tags: Option<Vec<String>>,
}

impl Listed {
    /// What the table knows it by, and its names.
    fn keys(self, kind: Kind) -> Vec<String> {
        match kind {
            Kind::ImageName => {
                let tags = self.tags.unwrap_or_default();
                tags.iter().map(|tag| name_key(tag, &self.id)).collect()
            }
            _ => vec![self.id],
        }
    }
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
const LISTS: [(Kind, &str); 4] = [
    (Kind::Container, "/containers/json?all=1"),
    (Kind::Image, "/images/json?all=1"),
    (Kind::ImageName, "/images/json"),
    (Kind::Volume, "/volumes"),
];

/// Forgets the owners of containers, images, names and volumes that dockerd does not have any more.
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
        let there: HashSet<String> =
            there.into_iter().flat_map(|listed| listed.keys(kind)).collect();
        for (id, _) in known.iter().filter(|(id, _)| !there.contains(id)) {
            if let Err(error) = owners.forget(kind, id) {
                tracing::error!("{} {id} cannot be forgotten: {error:#}", kind.name());
            }
        }
    }
    Ok(())
}
