//! Lists the objects of one kind at dockerd.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::api::request::{ApiVersion, percent};
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::owner::OwnedKind;

/// A container, image, volume or network in a list.
#[derive(Deserialize)]
pub(crate) struct Listed {
    /// The id; for a volume its name.
    #[serde(rename = "Id", default)]
    pub(crate) id: String,
    #[serde(rename = "Name", default)]
    name: String,
    /// The names of an image.
    #[serde(rename = "RepoTags", default)]
    pub(crate) tags: Option<Vec<String>>,
    #[serde(rename = "Labels", default)]
    pub(crate) labels: Option<BTreeMap<String, String>>,
    /// How much a container has written, in bytes, if the list asked for it.
    #[serde(rename = "SizeRw", default)]
    pub(crate) size: Option<u64>,
    /// The state of a container.
    #[serde(rename = "State", default)]
    state: Option<String>,
}

impl Listed {
    /// Whether a container runs, as dockerd's list has it. It may be about to start again.
    pub(crate) fn runs(&self) -> bool {
        matches!(self.state.as_deref(), Some("running" | "paused" | "restarting"))
    }
}

/// dockerd's list of a kind. Volumes come inside a JSON object.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Plain(Vec<Listed>),
    Volumes {
        #[serde(rename = "Volumes")]
        volumes: Option<Vec<Listed>>,
    },
}

/// The filters of a list: names, each with its allowed values.
pub(crate) type Filters = BTreeMap<String, BTreeMap<String, bool>>;

/// Lists all objects of a kind, or those that match the filters. With filters, containers come with
/// their size, and images come without intermediate images. `None` if dockerd refuses.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn list(
    kind: OwnedKind,
    filters: Option<&Filters>,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Option<Vec<Listed>>, Unreachable> {
    let path = match (kind, filters) {
        (OwnedKind::Container, None) => "containers/json?all=1",
        (OwnedKind::Container, Some(_)) => "containers/json?all=1&size=1",
        (OwnedKind::Image, None) => "images/json?all=1",
        (OwnedKind::Image | OwnedKind::ImageName | OwnedKind::PulledName, _) => "images/json?all=0",
        (OwnedKind::Network, _) => "networks?",
        (OwnedKind::Volume, _) => "volumes?",
        (
            OwnedKind::Exec
            | OwnedKind::Builder
            | OwnedKind::Build
            | OwnedKind::Plugin
            | OwnedKind::Node
            | OwnedKind::Service
            | OwnedKind::Secret
            | OwnedKind::Config
            | OwnedKind::Daemon,
            _,
        ) => return Ok(None),
    };
    let filters = filters.map(|filters| serde_json::json!(filters).to_string());
    let filters = filters.map(|json| format!("&filters={}", percent::encode_path(&json)));
    let target = format!("/v{version}/{path}{}", filters.unwrap_or_default());
    Ok(match upstream.ask::<List>(&target).await? {
        Found::Yes(List::Plain(listed)) => Some(listed),
        Found::Yes(List::Volumes { volumes }) => {
            let volumes = volumes.unwrap_or_default().into_iter();
            Some(volumes.map(|volume| Listed { id: volume.name.clone(), ..volume }).collect())
        }
        Found::No(..) => None,
    })
}
