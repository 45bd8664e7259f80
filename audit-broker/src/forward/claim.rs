//! The table of owners after a call: who made an image, and who gave it its names.

use std::rc::Rc;
use std::sync::Arc;

use crate::call::Call;
use crate::dockerd::object;
use crate::dockerd::references::{NameHolder, NameTaken};
use crate::dockerd::upstream::Found;
use crate::owner::{OwnedKind, name_key};
use crate::who::registrar::claim;

/// Keeps who made an image. One that was there before the call stays with its owner.
pub(super) fn claim_image(call: &Rc<Call>, id: String) {
    let call = Rc::clone(call);
    tokio::task::spawn_local(async move {
        let found = object::image(&id, call.version, &call.connection.upstream).await;
        let Ok(Found::Yes(image)) = found else { return };
        if image.created.is_none_or(|created| created < call.began) {
            return;
        }
        let (state, owner) = (Arc::clone(&call.connection.state), call.action.owner.clone());
        // This waits for the disk.
        tokio::task::spawn_blocking(move || {
            if state.owners.get(OwnedKind::Image, &id).is_none() {
                claim(&state.owners, OwnedKind::Image, &id, &owner);
            }
        });
    });
}

/// Keeps who gave an image its new names.
pub(super) fn claim_names(call: &Call, image_id: &str) {
    for taken in &call.action.references.names_taken {
        claim_name(call, taken, image_id);
    }
}

pub(super) fn claim_name(call: &Call, taken: &NameTaken, image_id: &str) {
    if let NameHolder::Image(holder) = &taken.holder {
        forget_name(call, &taken.name, &holder.id);
    }
    forget(call, OwnedKind::PulledName, &taken.name, image_id);
    let key = name_key(&taken.name, image_id);
    claim(&call.connection.state.owners, OwnedKind::ImageName, &key, &call.action.owner);
}

/// The image does not have this name any more.
pub(super) fn forget_name(call: &Call, name: &str, image_id: &str) {
    forget(call, OwnedKind::ImageName, name, image_id);
    forget(call, OwnedKind::PulledName, name, image_id);
}

fn forget(call: &Call, kind: OwnedKind, name: &str, image_id: &str) {
    let key = name_key(name, image_id);
    if let Err(error) = call.connection.state.owners.forget(kind, &key) {
        tracing::error!("could not remove the recorded {} {name}: {error:#}", kind.name());
    }
}

/// Keeps that a pull has given an image its name.
pub(super) fn keep_pulled(call: &Call, pulled: &NameTaken, image_id: &str) {
    if let NameHolder::Image(before) = &pulled.holder
        && before.id != image_id
    {
        forget_name(call, &pulled.name, &before.id);
    }
    let key = name_key(&pulled.name, image_id);
    claim(&call.connection.state.owners, OwnedKind::PulledName, &key, &call.action.owner);
}
