//! Ownership after a call: who made an object, and who gave an image its names.
//!
//! A claim enters the caller as the owner in the table of owners. Only what the call itself made is
//! claimed; an object that existed before keeps its owner.

use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;

use super::anonymous_volume;
use crate::api::route::BodyKind;
use crate::call::Call;
use crate::dockerd::object;
use crate::dockerd::references::{NameHolder, NameTaken};
use crate::dockerd::upstream::Found;
use crate::owner::{OwnedKind, name_key};
use crate::record::call_records::MadeObject;
use crate::who::owner_finder::claim;

/// Claims the object that the call made. Returns it with the name that dockerd gave to a container for
/// which the client gave none.
pub(super) async fn claim_made(call: &Rc<Call>, id: String) -> Option<MadeObject> {
    let kind = match call.action.head.route.body {
        BodyKind::ContainerCreate => OwnedKind::Container,
        BodyKind::ExecCreate => OwnedKind::Exec,
        BodyKind::NetworkCreate => OwnedKind::Network,
        BodyKind::None
        | BodyKind::Stream
        | BodyKind::Auth
        | BodyKind::ContainerUpdate
        | BodyKind::Commit
        | BodyKind::ExecStart
        | BodyKind::VolumeCreate
        | BodyKind::VolumeUpdate
        | BodyKind::NetworkConnect
        | BodyKind::NetworkDisconnect
        | BodyKind::PluginPrivileges
        | BodyKind::PluginSet
        | BodyKind::SwarmInit
        | BodyKind::SwarmJoin
        | BodyKind::SwarmUpdate
        | BodyKind::SwarmUnlock
        | BodyKind::NodeUpdate
        | BodyKind::Service
        | BodyKind::Secret
        | BodyKind::Config => OwnedKind::Image,
    };
    if kind == OwnedKind::Image {
        if !call.plan.broker_names_image {
            claim_names(call, &id);
        }
        claim_image(call, id);
        return None;
    }
    claim(&call.connection.state.owners, kind, &id, &call.action.owner);
    if kind == OwnedKind::Container { Some(claim_container(call, id).await) } else { None }
}

/// Caches whether a new container has access to the host, and claims the anonymous volumes that came
/// with it.
async fn claim_container(call: &Call, id: String) -> MadeObject {
    let state = &call.connection.state;
    state.privileged.cache(&id, call.dangers.gives_host_access_as_written);
    let is_named = call.action.head.query.text("name").is_some();
    if is_named && !anonymous_volume::may_come_with(&call.action) {
        return MadeObject { id, name: None };
    }
    let found = object::container(&id, call.version, &call.connection.upstream).await;
    let Ok(Found::Yes(container)) = found else { return MadeObject { id, name: None } };
    for volume in anonymous_volume::of(&container, &call.action) {
        claim(&state.owners, OwnedKind::Volume, volume, &call.action.owner);
    }
    let name = (!is_named).then(|| container.name().to_owned());
    MadeObject { id, name }
}

/// Claims an image, unless it existed before the call.
pub(super) fn claim_image(call: &Rc<Call>, id: String) {
    let call = Rc::clone(call);
    tokio::task::spawn_local(async move {
        let found = object::image(&id, call.version, &call.connection.upstream).await;
        let Ok(Found::Yes(image)) = found else { return };
        if image.created.is_none_or(|created| created < call.began) {
            return;
        }
        let (state, owner) = (Arc::clone(&call.connection.state), call.action.owner.clone());
        // A claim waits for the disk.
        tokio::task::spawn_blocking(move || {
            if state.owners.get(OwnedKind::Image, &id).is_none() {
                claim(&state.owners, OwnedKind::Image, &id, &owner);
            }
        });
    });
}

/// Claims the names that the call gave to an image.
pub(super) fn claim_names(call: &Call, image_id: &str) {
    for taken in &call.action.references.names_taken {
        claim_name(call, taken, image_id);
    }
}

/// Claims a name that the call gave to an image. The image that had the name before loses it.
pub(super) fn claim_name(call: &Call, taken: &NameTaken, image_id: &str) {
    // The owner of a name that stays with its image must not be gone for a moment: another call of the
    // owner would be denied.
    if let NameHolder::Image(holder) = &taken.holder
        && holder.id != image_id
    {
        forget_name(call, &taken.name, &holder.id);
    }
    forget(call, OwnedKind::PulledName, &taken.name, image_id);
    claim_name_of(call, &taken.name, image_id);
}

/// Records the caller as the owner of a name of an image.
pub(super) fn claim_name_of(call: &Call, name: &str, image_id: &str) {
    let key = name_key(name, image_id);
    claim(&call.connection.state.owners, OwnedKind::ImageName, &key, &call.action.owner);
}

/// Removes the recorded owners of the images that dockerd reports as deleted. An image that comes again,
/// from an archive or a registry, has the same id.
pub(super) fn forget_deleted(call: &Call, response: &[u8]) {
    #[derive(Deserialize)]
    struct Change {
        #[serde(rename = "Deleted", default)]
        deleted: String,
    }
    let changes: Vec<Change> = serde_json::from_slice(response).unwrap_or_default();
    let owners = &call.connection.state.owners;
    for Change { deleted: id } in changes {
        if owners.get(OwnedKind::Image, &id).is_some()
            && let Err(error) = owners.forget(OwnedKind::Image, &id)
        {
            tracing::error!("could not remove the recorded owner of image {id}: {error:#}");
        }
    }
}

/// Removes the recorded owner of a name that the image no longer has.
pub(super) fn forget_name(call: &Call, name: &str, image_id: &str) {
    forget(call, OwnedKind::ImageName, name, image_id);
    forget(call, OwnedKind::PulledName, name, image_id);
}

fn forget(call: &Call, kind: OwnedKind, name: &str, image_id: &str) {
    let key = name_key(name, image_id);
    if let Err(error) = call.connection.state.owners.forget(kind, &key) {
        tracing::error!("could not remove the recorded owner of {} {name}: {error:#}", kind.name());
    }
}

/// Records in the table that a pull has given an image its name.
pub(super) fn claim_pulled(call: &Call, pulled: &NameTaken, image_id: &str) {
    if let NameHolder::Image(before) = &pulled.holder
        && before.id != image_id
    {
        forget_name(call, &pulled.name, &before.id);
    }
    let key = name_key(&pulled.name, image_id);
    claim(&call.connection.state.owners, OwnedKind::PulledName, &key, &call.action.owner);
}
