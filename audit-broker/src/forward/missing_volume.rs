//! Volumes that a new container mounts and that do not exist yet.
//!
//! dockerd would make them together with the container, without an owner. Therefore the broker makes
//! each of them first, with the label of its owner.

use std::collections::BTreeMap;

use crate::api::volume::VolumeCreate;
use crate::call::Call;
use crate::call::stop::Stop;
use crate::dockerd::object;
use crate::dockerd::upstream::Found;
use crate::owner::{OwnedKind, Owner, owner_in_labels};
use crate::refusal::{NOT_PERMITTED, Refusal};
use crate::who::owner_finder::claim;

/// Makes the missing volumes of a new container whose image exists. If dockerd does not make a volume,
/// it reports the same error when it makes the container.
///
/// # Errors
/// If dockerd cannot be reached, if the image did not exist when the call was judged, or if another
/// caller has made a volume of this name in the meantime.
pub(crate) async fn make_missing_volumes(call: &Call) -> Result<(), Stop> {
    if let Some((status, error)) = &call.action.references.missing_image {
        return Err(Stop::NotFound(*status, error.clone()));
    }
    let (upstream, owner) = (&call.connection.upstream, &call.action.owner);
    for volume in &call.action.references.missing_volumes {
        let made = object::make_volume(volume, call.version, upstream).await?;
        if let Found::Yes(made) = made {
            check_ownership(volume, made.labels.as_ref(), owner)?;
            claim(&call.connection.state.owners, OwnedKind::Volume, &made.name, owner);
        }
    }
    Ok(())
}

fn check_ownership(
    volume: &VolumeCreate,
    labels: Option<&BTreeMap<String, String>>,
    owner: &Owner,
) -> Result<(), Refusal> {
    if labels.and_then(|labels| owner_in_labels(labels, None)).as_ref() == Some(owner) {
        return Ok(());
    }
    let name = volume.name.as_deref().unwrap_or_default().escape_debug();
    Err(Refusal::forbidden(
        format!("volume {name} (flag -v or --mount)"),
        format!("volume {name} is not yours ({NOT_PERMITTED}): another caller has just made it"),
        "choose another name",
    ))
}
