//! What the broker puts into a request of its own accord.
//!
//! Whose a new thing is, as a label that nobody else can give; the id of the image that was judged,
//! so that another one which takes its name meanwhile is not used; what a container is made
//! without; and the limits of what everybody may touch.

use std::collections::BTreeMap;

use crate::api::body::Body;
use crate::api::query_json;
use crate::api::request::Query;
use crate::api::volume::VolumeCreate;
use crate::call::state::State;
use crate::call::{Call, Stop};
use crate::dockerd::object::{self, Image};
use crate::dockerd::upstream::Found;
use crate::judge::build_cache;
use crate::judge::decision::{names_all, reaches_all};
use crate::owner::{
    IMAGE_LABEL, LABEL, OwnedKind, Owner, has_tag, owner_in_labels, refuse_absurd, refuse_own,
    stamp,
};
use crate::refusal::{NOT_PERMITTED, Refusal};
use crate::who::registrar::claim;

/// Puts it in.
///
/// # Errors
/// If the client gives labels of the broker's own, or asks for what cannot be limited to what they
/// may touch.
pub(crate) fn prepare(call: &mut Call) -> Result<(), Refusal> {
    let action = &mut call.action;
    let query = &mut action.head.query;
    match &mut action.body {
        Body::ContainerCreate(config) => {
            let of_image = action.references.images.first().and_then(Image::labels);
            refuse_absurd(config.labels.iter().chain(of_image).flatten())?;
            stamp(&mut config.labels, &action.owner)?;
            let host_config = config.host_config.iter();
            let mounts =
                host_config.filter_map(|host_config| host_config.mounts.as_ref()).flatten();
            let options = mounts.filter_map(|mount| mount.volume_options.as_ref());
            for labels in options.filter_map(|options| options.labels.as_ref()) {
                refuse_own(labels.keys())?;
            }
            if let Some(image) = action.references.images.first() {
                let given = config.image.replace(image.id.clone());
                let labels = config.labels.get_or_insert_default();
                labels.insert(IMAGE_LABEL.to_owned(), given.unwrap_or_default());
            }
            for withheld in &call.withheld {
                withheld.take_from(config.host_config.get_or_insert_default());
            }
            for volume in &mut action.references.missing_volumes {
                stamp(&mut volume.labels, &action.owner)?;
            }
        }
        Body::VolumeCreate(volume) => stamp(&mut volume.labels, &action.owner)?,
        Body::NetworkCreate(network) => {
            stamp(&mut network.labels, &action.owner)?;
            // Before API 1.44, dockerd makes a second network of the name unless it is told not to.
            network.check_duplicate = Some(true);
        }
        _ => {}
    }
    // Other calls do not depend on it, and a decision takes longer than a ping.
    let is_trusted = matches!(action.head.route.op, "build" | "image-pull")
        && names_all(&call.connection.state.policy(), call.settings.mode, &call.principal);
    if !action.references.names_taken.is_empty()
        && (matches!(action.head.route.op, "build" | "commit") || query.text("fromSrc").is_some())
        && build_cache::is_classic(query)
    {
        call.names_itself = true;
    }
    match action.head.route.op {
        "build" => {
            let labels = query.text("labels").and_then(|labels| serde_json::from_str(labels).ok());
            let labels: BTreeMap<String, Option<String>> = labels.unwrap_or_default();
            refuse_own(labels.keys())?;
            let none = String::new();
            let texts = labels.iter().map(|(name, value)| (name, value.as_ref().unwrap_or(&none)));
            refuse_absurd(texts)?;
            if build_cache::is_classic(query) {
                prepare_cache(&call.connection.state, is_trusted, &action.owner, query)?;
            }
        }
        // A pulled image may pass for a step of a build.
        "image-pull"
            if !is_trusted && build_cache::trusts_pulled(call.connection.upstream.engine()) =>
        {
            build_cache::mark(&call.connection.state.owners, &action.owner);
        }
        // Which those are may change meanwhile.
        "image-push"
            if query.text("tag").is_none()
                && !has_tag(action.head.object.as_deref().unwrap_or_default()) =>
        {
            let policy = call.connection.state.policy();
            if !reaches_all(&policy, call.settings.mode, &call.principal, "image-push") {
                let message =
                    "all tags of a name are for who may push everybody's images; name one";
                return Err(Refusal::forbidden(message.to_owned()));
            }
        }
        "image-remove" if query.text("platforms").is_some() => {
            let policy = call.connection.state.policy();
            if !reaches_all(&policy, call.settings.mode, &call.principal, "image-prune") {
                // dockerd removes what other images have in common with it, too.
                let message = "`platforms` is for who may remove everybody's images; leave it out";
                return Err(Refusal::forbidden(message.to_owned()));
            }
        }
        // dockerd would count those that are not seen. Any limit shows stopped containers too.
        "list" => {
            let limit = query.take("limit").and_then(|limit| limit.parse().ok());
            call.limit = limit.filter(|limit| *limit > 0);
            if call.limit.is_some() {
                query.set("all", "1".to_owned());
            }
        }
        "prune" | "volume-prune" | "network-prune" | "image-prune" => {
            let policy = call.connection.state.policy();
            let (mode, op) = (call.settings.mode, action.head.route.op);
            call.is_of_own = !reaches_all(&policy, mode, &call.principal, op);
            // Labels of images, and so of containers, are whatever somebody has written.
            if call.is_of_own && matches!(op, "image-prune" | "prune") {
                refuse_age(query)?;
            } else if call.is_of_own {
                let owner = format!("{LABEL}={}", action.owner);
                let filters = query_json::with(query.text("filters"), "label", &owner);
                query.set("filters", filters);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Has a caller whom root's builds need not trust leave root's cache alone, and one who is trusted not
/// use what others have put there.
///
/// # Errors
/// If the build has an option that is not in the key of the cache.
fn prepare_cache(
    state: &State,
    is_trusted: bool,
    owner: &Owner,
    query: &mut Query,
) -> Result<(), Refusal> {
    if is_trusted && build_cache::is_shared(&state.owners, owner) {
        query.set("nocache", "1".to_owned());
    } else if !is_trusted {
        build_cache::refuse_uncached(query)?;
        build_cache::mark(&state.owners, owner);
    }
    Ok(())
}

/// # Errors
/// If only what is of some age is to be removed: lists know no such filter.
fn refuse_age(query: &Query) -> Result<(), Refusal> {
    if query_json::filtered_by(query.text("filters"), "until").is_some() {
        let message = "the filter `until` is for who may remove everybody's; leave it out";
        return Err(Refusal::bad_request(message.to_owned()));
    }
    Ok(())
}

/// Sees that everything is there which a new container needs: its image, and the volumes that dockerd
/// would make for it, as nobody's.
///
/// # Errors
/// If dockerd cannot be reached, there was no such image when it was judged, or somebody else has
/// made a volume of this name meanwhile. What dockerd does not make, it complains of again when the
/// container is made.
pub(crate) async fn make_ready(call: &Call) -> Result<(), Stop> {
    if let Some((status, answer)) = &call.action.references.missing_image {
        return Err(Stop::NotFound(*status, answer.clone()));
    }
    let (upstream, owner) = (&call.connection.upstream, &call.action.owner);
    for volume in &call.action.references.missing_volumes {
        let made = object::make_volume(volume, call.version, upstream).await?;
        if let Found::Yes(made) = made {
            check_that_it_is_own(volume, made.labels.as_ref(), owner)?;
            claim(&call.connection.state.owners, OwnedKind::Volume, &made.name, owner);
        }
    }
    Ok(())
}

fn check_that_it_is_own(
    volume: &VolumeCreate,
    labels: Option<&BTreeMap<String, String>>,
    owner: &Owner,
) -> Result<(), Refusal> {
    if labels.and_then(|labels| owner_in_labels(labels, None)).as_ref() == Some(owner) {
        return Ok(());
    }
    let name = volume.name.as_deref().unwrap_or_default().escape_debug();
    Err(Refusal::forbidden(format!(
        "volume {name} is not yours ({NOT_PERMITTED}); somebody made it just now"
    )))
}
