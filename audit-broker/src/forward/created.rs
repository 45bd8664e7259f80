//! Checks of a new volume or network, before the caller gets the response.
//!
//! Two callers can ask for the same name at the same moment. dockerd then returns the first caller's
//! volume to the second caller, and makes two networks of the same name, so that the name is ambiguous.
//! The broker checks the new object after dockerd has responded.

use chrono::{DateTime, FixedOffset};
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::api::body::Body;
use crate::call::Call;
use crate::dockerd::find_error::FindError;
use crate::dockerd::object::{self, Volume};
use crate::dockerd::upstream::{Found, Unreachable};
use crate::owner::{OwnedKind, owner_in_labels};
use crate::refusal::Refusal;
use crate::who::owner_finder::claim;

/// Claims the volume that the call has made.
///
/// # Errors
/// If another caller has made the volume since the call was judged.
pub(super) fn volume(call: &Call, response: &[u8]) -> Result<(), Refusal> {
    let existed = !call.action.references.volumes.is_empty();
    let Ok(volume) = serde_json::from_slice::<Volume>(response) else { return Ok(()) };
    let owner = owner_in_labels(&volume.labels.unwrap_or_default(), None);
    if owner.as_ref() == Some(&call.action.owner) {
        claim(&call.connection.state.owners, OwnedKind::Volume, &volume.name, &call.action.owner);
        return Ok(());
    }
    if existed { Ok(()) } else { Err(name_taken("volume", &volume.name)) }
}

/// Removes the new network if another network already had its name.
///
/// # Errors
/// If another network had the name, or if dockerd cannot be reached.
pub(super) async fn network(call: &Call, id: &str) -> Result<(), FindError> {
    let Body::NetworkCreate(network) = &call.action.body else { return Ok(()) };
    let name = network.name.as_deref().unwrap_or_default();
    if first_of_name(call, name).await?.is_none_or(|first| first == id) {
        return Ok(());
    }
    let target = format!("/v{}/networks/{id}", call.version);
    let upstream = &call.connection.upstream;
    if upstream.command(Method::DELETE, &target).await?.is_none() {
        disconnect_all(call, id).await?;
        if upstream.command(Method::DELETE, &target).await?.is_none() {
            tracing::error!(
                "could not remove network {id}, which has the same name as another network: {name}; \
                 remove it with docker network rm"
            );
        }
    }
    Err(name_taken("network", name).into())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreatedObject {
    id: String,
    name: String,
    created: DateTime<FixedOffset>,
}

/// The id of the oldest network of this name.
async fn first_of_name(call: &Call, name: &str) -> Result<Option<String>, Unreachable> {
    // A filter by name would be a regular expression.
    let target = format!("/v{}/networks", call.version);
    let found = call.connection.upstream.ask::<Vec<CreatedObject>>(&target).await?;
    let Found::Yes(listed) = found else { return Ok(None) };
    let same = listed.into_iter().filter(|network| network.name == name);
    Ok(same.min_by_key(|network| (network.created, network.id.clone())).map(|network| network.id))
}

/// Disconnects all containers from a network.
async fn disconnect_all(call: &Call, id: &str) -> Result<(), Unreachable> {
    let (upstream, version) = (&call.connection.upstream, call.version);
    for container in object::members(id, version, upstream).await? {
        let target = format!("/v{version}/networks/{id}/disconnect");
        let body = json!({ "Container": container, "Force": true }).to_string();
        upstream.tell(&target, body.into()).await?;
    }
    Ok(())
}

fn name_taken(kind: &str, name: &str) -> Refusal {
    let name = name.escape_debug();
    Refusal::conflict(format!("another caller has just created {kind} {name}; choose another name"))
}
