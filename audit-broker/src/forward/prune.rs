//! Removing what nothing uses, of what is the caller's own.
//!
//! dockerd can be told to spare what lacks a label. But images have the labels that whoever wrote
//! them chose, and nameless volumes have none: those are removed here, one by one. What is in use,
//! dockerd keeps.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::Call;
use crate::owner::{Kind, LABEL, name_key, owner_in_labels};
use crate::request::percent;
use crate::upstream::{Found, Unreachable};

/// Removes images, and says so as dockerd does.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn images(call: &Call) -> Result<Bytes, Unreachable> {
    let before = size_of_layers(call).await?;
    let mut deleted: Vec<Value> = Vec::new();
    for image in own(call, Kind::Image).await? {
        let mut names = image.names.unwrap_or_default();
        names.retain(|name| !name.starts_with("<none>"));
        if names.is_empty() {
            names.push(image.id);
        } else {
            let owners = &call.connection.shared.owners;
            let owner = |name: &str| owners.get(Kind::ImageName, &name_key(name, &image.id));
            names.retain(|name| owner(name).as_ref() == Some(&call.action.owner));
        }
        for name in names {
            let target = format!("/v{}/images/{}", call.version, percent::encode_path(&name));
            let told = call.connection.upstream.remove(&target).await?;
            let told = told.and_then(|told| serde_json::from_slice::<Vec<Value>>(&told).ok());
            deleted.extend(told.into_iter().flatten());
        }
    }
    let space = before.saturating_sub(size_of_layers(call).await?);
    let deleted = Some(deleted).filter(|deleted| !deleted.is_empty());
    Ok(json!({"ImagesDeleted": deleted, "SpaceReclaimed": space}).to_string().into())
}

/// Removes nameless volumes too, and adds them to dockerd's answer about the others.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn volumes(call: &Call, answer: Bytes) -> Result<Bytes, Unreachable> {
    let Ok(mut pruned) = serde_json::from_slice::<Pruned>(&answer) else { return Ok(answer) };
    for volume in own(call, Kind::Volume).await? {
        let is_nameless = owner_in_labels(&volume.labels.unwrap_or_default(), None).is_none();
        let target = format!("/v{}/volumes/{}", call.version, volume.id);
        if is_nameless && call.connection.upstream.remove(&target).await?.is_some() {
            pruned.volumes_deleted.get_or_insert_default().push(volume.id);
        }
    }
    Ok(json!(pruned).to_string().into())
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Pruned {
    volumes_deleted: Option<Vec<String>>,
    space_reclaimed: u64,
}

/// An image or volume in a list.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id", alias = "Name")]
    id: String,
    #[serde(rename = "RepoTags", default)]
    names: Option<Vec<String>>,
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Images(Vec<Listed>),
    Volumes {
        #[serde(rename = "Volumes")]
        volumes: Option<Vec<Listed>>,
    },
}

/// What may be removed, as far as the table of owners says that it is the caller's.
async fn own(call: &Call, kind: Kind) -> Result<Vec<Listed>, Unreachable> {
    let wanted = Wanted::of(call, kind);
    let path = if kind == Kind::Image { "images/json" } else { "volumes" };
    let filters = percent::encode_path(&json!(wanted.filters).to_string());
    let target = format!("/v{}/{path}?filters={filters}", call.version);
    let mut listed = match call.connection.upstream.ask::<List>(&target).await? {
        Found::Yes(List::Images(images)) => images,
        Found::Yes(List::Volumes { volumes }) => volumes.unwrap_or_default(),
        Found::No(..) => Vec::new(),
    };
    let owners = &call.connection.shared.owners;
    listed.retain(|listed| {
        owners.get(kind, &listed.id).as_ref() == Some(&call.action.owner)
            && !wanted.is_spared(listed)
    });
    Ok(listed)
}

/// Names of filters, and what each is to be.
type Filters = BTreeMap<String, BTreeMap<String, bool>>;

/// What the client wants to be removed.
struct Wanted {
    /// In the words of lists.
    filters: Filters,
    /// Labels, with values or without, of what it wants to keep: lists know no such filter.
    spared: Vec<String>,
}

impl Wanted {
    /// # Source
    /// `ImagesPrune` and `VolumesPrune` of moby. Images that have a name are wanted where `dangling`
    /// is false.
    fn of(call: &Call, kind: Kind) -> Self {
        let given = call.action.head.query.text("filters");
        let mut filters: Filters =
            given.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let spared = filters.remove("label!").unwrap_or_default().into_keys().collect();
        filters.remove("all");
        if let Some(labels) = filters.get_mut("label") {
            labels.retain(|label, _| !label.starts_with(LABEL));
        }
        let is_any = kind == Kind::Image
            && filters.remove("dangling").is_some_and(|values| {
                values.keys().any(|value| ["false", "0"].contains(&value.as_str()))
            });
        if !is_any {
            filters.insert("dangling".to_owned(), BTreeMap::from([("true".to_owned(), true)]));
        }
        Self { filters, spared }
    }

    fn is_spared(&self, listed: &Listed) -> bool {
        let has = |label: &String| {
            let labels = listed.labels.as_ref();
            let (name, value) = label.split_once('=').unzip();
            let found = labels.and_then(|labels| labels.get(name.unwrap_or(label)));
            found.is_some_and(|found| value.is_none_or(|value| value == found))
        };
        self.spared.iter().any(has)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    #[serde(default)]
    layers_size: u64,
}

/// In bytes.
async fn size_of_layers(call: &Call) -> Result<u64, Unreachable> {
    let target = format!("/v{}/system/df", call.version);
    let found = call.connection.upstream.ask::<Usage>(&target).await?;
    Ok(if let Found::Yes(usage) = found { usage.layers_size } else { 0 })
}
