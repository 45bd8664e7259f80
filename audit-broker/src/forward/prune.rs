//! Prunes only the caller's own objects.
//!
//! dockerd can limit a prune to objects with a label, but that is no proof of ownership for every kind.
//! The author of an image chooses its labels, and its containers inherit them. Anonymous volumes have no
//! labels. Therefore the broker removes these objects one by one. dockerd keeps what is in use.

use std::rc::Rc;

use bytes::Bytes;
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::claim::forget_deleted;
use super::name_change::remove_own;
use crate::api::request::percent;
use crate::call::Call;
use crate::dockerd::listing::{Filters, Listed, list};
use crate::dockerd::object;
use crate::dockerd::upstream::{CHANGE_TIMEOUT, Found, Unreachable};
use crate::owner::{LABEL, OwnedKind, Owner, name_key, owner_in_labels};

/// Removes the caller's containers that do not run. Responds as dockerd does.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn containers(call: &Call) -> Result<Bytes, Unreachable> {
    let (mut deleted, mut space) = (Vec::new(), 0);
    for container in candidates(call, OwnedKind::Container).await? {
        let id = container.id;
        let target = format!("/v{}/containers/{id}", call.version);
        // A container that cannot be read stays, because its owner is unknown.
        let owner = match owner_of(call, &id).await {
            Err(error) if error.is_about_one_object() => None,
            owner => owner?,
        };
        if owner.as_ref() == Some(&call.action.owner)
            && call.connection.upstream.command(Method::DELETE, &target).await?.is_some()
        {
            space += container.size.unwrap_or_default();
            deleted.push(id);
        }
    }
    let deleted = Some(deleted).filter(|deleted| !deleted.is_empty());
    Ok(json!({"ContainersDeleted": deleted, "SpaceReclaimed": space}).to_string().into())
}

/// The owner of a container. Its label alone proves nothing, since it may come from the image.
async fn owner_of(call: &Call, id: &str) -> Result<Option<Owner>, Unreachable> {
    let (connection, version) = (&call.connection, call.version);
    match object::container(id, version, &connection.upstream).await? {
        Found::Yes(container) => connection.owner_finder(version).owner_of(&container).await,
        Found::No(..) => Ok(None),
    }
}

/// Removes the caller's unused images. Responds as dockerd does.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn images(call: &Rc<Call>) -> Result<Bytes, Unreachable> {
    let (upstream, owners) = (&call.connection.upstream, &call.connection.state.owners);
    let is_own = |kind, id: &str| owners.get(kind, id).as_ref() == Some(&call.action.owner);
    let before = size_of_layers(call).await;
    let mut deleted: Vec<Value> = Vec::new();
    for Listed { id, .. } in candidates(call, OwnedKind::Image).await? {
        if !is_own(OwnedKind::Image, &id) {
            continue;
        }
        // The names may have changed while the broker removed other images.
        let Found::Yes(image) = object::image(&id, call.version, upstream).await? else { continue };
        let mut names = image.tags().to_vec();
        names.retain(|name| is_own(OwnedKind::ImageName, &name_key(name, &id)));
        let mut responses = Vec::new();
        if image.tags().is_empty() {
            let target = format!("/v{}/images/{}", call.version, percent::encode_path(&id));
            let removed = upstream.command(Method::DELETE, &target).await?;
            forget_deleted(call, removed.as_deref().unwrap_or_default());
            responses.push(removed);
        }
        for name in names {
            // A name that another call holds stays.
            responses.push(remove_own(call, &name, &id).await.unwrap_or_default());
        }
        let parsed = responses.iter().flatten();
        let parsed = parsed.filter_map(|bytes| serde_json::from_slice::<Vec<Value>>(bytes).ok());
        deleted.extend(parsed.flatten());
    }
    let space = before.saturating_sub(size_of_layers(call).await);
    let deleted = Some(deleted).filter(|deleted| !deleted.is_empty());
    Ok(json!({"ImagesDeleted": deleted, "SpaceReclaimed": space}).to_string().into())
}

/// Removes the caller's anonymous volumes, and adds them to dockerd's response about the others.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn volumes(call: &Call, response: Bytes) -> Result<Bytes, Unreachable> {
    let Ok(mut pruned) = serde_json::from_slice::<PruneReport>(&response) else {
        return Ok(response);
    };
    let owners = &call.connection.state.owners;
    for Listed { id, labels, .. } in candidates(call, OwnedKind::Volume).await? {
        // A named volume has the label of its owner, so dockerd has already removed the caller's.
        let is_anonymous = owner_in_labels(&labels.unwrap_or_default(), None).is_none();
        let is_own = owners.get(OwnedKind::Volume, &id).as_ref() == Some(&call.action.owner);
        let target = format!("/v{}/volumes/{id}", call.version);
        if is_anonymous
            && is_own
            && call.connection.upstream.command(Method::DELETE, &target).await?.is_some()
        {
            pruned.volumes_deleted.get_or_insert_default().push(id);
        }
    }
    Ok(json!(pruned).to_string().into())
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PruneReport {
    volumes_deleted: Option<Vec<String>>,
    space_reclaimed: u64,
}

/// The objects that match the client's filters, of any owner.
async fn candidates(call: &Call, kind: OwnedKind) -> Result<Vec<Listed>, Unreachable> {
    let filter = PruneFilter::of(call, kind);
    // A list with sizes takes dockerd a long time.
    let upstream = call.connection.upstream.within(CHANGE_TIMEOUT);
    let listed = list(kind, Some(&filter.filters), call.version, &upstream).await?;
    let mut listed = listed.unwrap_or_default();
    listed.retain(|listed| !filter.is_excluded(listed));
    Ok(listed)
}

/// The client's filters for a prune.
struct PruneFilter {
    /// The filters that lists support, in the form of a list request.
    filters: Filters,
    /// The values of `label!`: objects with one of these labels stay. Lists have no such filter.
    excluded: Vec<String>,
}

impl PruneFilter {
    /// # Source
    /// `ContainersPrune`, `ImagesPrune` and `VolumesPrune` of moby. With `dangling=false`, a prune also
    /// removes images that have a name.
    fn of(call: &Call, kind: OwnedKind) -> Self {
        let given = call.action.head.query.text("filters");
        let mut filters: Filters =
            given.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let excluded = filters.remove("label!").unwrap_or_default().into_keys().collect();
        let these =
            |values: &[&str]| values.iter().map(|value| ((*value).to_owned(), true)).collect();
        let is_false = |value: &String| ["false", "0"].contains(&value.as_str());
        match kind {
            OwnedKind::Container => {
                filters.insert("status".to_owned(), these(&["created", "exited", "dead"]));
                // dockerd need not compute the sizes of other callers' containers.
                let owner = format!("{LABEL}={}", call.action.owner);
                filters.entry("label".to_owned()).or_default().insert(owner, true);
            }
            OwnedKind::Image => {
                let dangling = filters.remove("dangling").unwrap_or_default();
                if !dangling.keys().any(is_false) {
                    filters.insert("dangling".to_owned(), these(&["true"]));
                }
            }
            OwnedKind::Exec
            | OwnedKind::ImageName
            | OwnedKind::PulledName
            | OwnedKind::Volume
            | OwnedKind::Network
            | OwnedKind::Builder
            | OwnedKind::Build
            | OwnedKind::Plugin
            | OwnedKind::Node
            | OwnedKind::Service
            | OwnedKind::Secret
            | OwnedKind::Config
            | OwnedKind::Daemon => {
                filters.remove("all");
                filters.insert("dangling".to_owned(), these(&["true"]));
                // Anonymous volumes do not have the broker's labels.
                if let Some(labels) = filters.get_mut("label") {
                    labels.retain(|label, _| !label.starts_with(LABEL));
                }
            }
        }
        Self { filters, excluded }
    }

    fn is_excluded(&self, listed: &Listed) -> bool {
        let has = |label: &String| {
            let labels = listed.labels.as_ref();
            let (name, value) = label.split_once('=').unzip();
            let found = labels.and_then(|labels| labels.get(name.unwrap_or(label)));
            found.is_some_and(|found| value.is_none_or(|value| value == found))
        };
        self.excluded.iter().any(has)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    #[serde(default)]
    layers_size: u64,
}

/// The size of all image layers in bytes; 0 if dockerd does not report it, as newer versions do not.
async fn size_of_layers(call: &Call) -> u64 {
    let target = format!("/v{}/system/df?type=image", call.version);
    match call.connection.upstream.within(CHANGE_TIMEOUT).ask::<Usage>(&target).await {
        Ok(Found::Yes(usage)) => usage.layers_size,
        Ok(Found::No(..)) | Err(_) => 0,
    }
}
