//! Volumes and networks that dockerd has just made, before the caller is told.
//!
//! dockerd lets two callers take one name at the same moment. It gives the second one the volume of
//! the first, with all that is known of it, and it makes two networks, so that the name means neither
//! any more. The broker looks again when dockerd has answered.

use chrono::{DateTime, FixedOffset};
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::api::body::Body;
use crate::api::request::percent;
use crate::call::Call;
use crate::dockerd::object::{self, Volume};
use crate::dockerd::upstream::{Found, Unreachable};
use crate::owner::{OwnedKind, owner_in_labels};
use crate::refusal::Refusal;
use crate::who::registrar::claim;

/// Keeps the owner of a volume that the call has made.
///
/// # Errors
/// If the volume was not there when the call was judged, and another caller has made it since.
pub(super) fn volume(call: &Call, answer: &[u8]) -> Result<(), Refusal> {
    let was_there = !call.action.references.volumes.is_empty();
    let Ok(volume) = serde_json::from_slice::<Volume>(answer) else { return Ok(()) };
    let owner = owner_in_labels(&volume.labels.unwrap_or_default(), None);
    if owner.as_ref() == Some(&call.action.owner) {
        claim(&call.connection.state.owners, OwnedKind::Volume, &volume.name, &call.action.owner);
        return Ok(());
    }
    if was_there { Ok(()) } else { Err(taken("volume", &volume.name)) }
}

/// Removes the new network again if another one had its name before.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn network(call: &Call, id: &str) -> Result<Result<(), Refusal>, Unreachable> {
    let Body::NetworkCreate(network) = &call.action.body else { return Ok(Ok(())) };
    let name = network.name.as_deref().unwrap_or_default();
    if first_of_name(call, name).await?.is_none_or(|first| first == id) {
        return Ok(Ok(()));
    }
    let target = format!("/v{}/networks/{id}", call.version);
    let upstream = &call.connection.upstream;
    if upstream.command(Method::DELETE, &target).await?.is_none() {
        empty(call, id).await?;
        if upstream.command(Method::DELETE, &target).await?.is_none() {
            tracing::error!("network {id} has the name {name} of another and cannot be removed");
        }
    }
    Ok(Err(taken("network", name)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreatedObject {
    id: String,
    name: String,
    created: DateTime<FixedOffset>,
}

/// The id of the network that had the name first.
async fn first_of_name(call: &Call, name: &str) -> Result<Option<String>, Unreachable> {
    let filters = percent::encode_path(&json!({ "name": { name: true } }).to_string());
    let target = format!("/v{}/networks?filters={filters}", call.version);
    let found = call.connection.upstream.ask::<Vec<CreatedObject>>(&target).await?;
    let Found::Yes(listed) = found else { return Ok(None) };
    let same = listed.into_iter().filter(|network| network.name == name);
    Ok(same.min_by_key(|network| (network.created, network.id.clone())).map(|network| network.id))
}

/// Takes all containers off a network.
async fn empty(call: &Call, id: &str) -> Result<(), Unreachable> {
    let (upstream, version) = (&call.connection.upstream, call.version);
    for container in object::members(id, version, upstream).await? {
        let target = format!("/v{version}/networks/{id}/disconnect");
        let body = json!({ "Container": container, "Force": true }).to_string();
        upstream.tell(&target, body.into()).await?;
    }
    Ok(())
}

fn taken(kind: &str, name: &str) -> Refusal {
    let name = name.escape_debug();
    Refusal::conflict(format!(
        "{kind} {name} was made by another caller just now; choose another name"
    ))
}
