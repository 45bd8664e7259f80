//! What the broker puts into a request of its own accord.
//!
//! Whose a new thing is, as a label that nobody else can give; the id of the image that was judged,
//! so that another one which takes its name meanwhile is not used; and the limits of what everybody
//! may touch.

use std::collections::BTreeMap;

use crate::api::body::Body;
use crate::api::host_config::HostConfig;
use crate::api::query_json;
use crate::api::volume::VolumeCreate;
use crate::api::words::Words;
use crate::call::{Call, Stop};
use crate::danger::{AUDIT_WRITE, bare_name};
use crate::decision::{NOT_PERMITTED, names_all, reaches_all};
use crate::object;
use crate::owner::{IMAGE_LABEL, LABEL, Owner, has_tag, owner_in_labels, refuse_own, stamp};
use crate::refusal::Refusal;
use crate::request::Query;
use crate::upstream::Found;

/// Puts it in.
///
/// # Errors
/// If the client gives labels of the broker's own.
pub(crate) fn prepare(call: &mut Call) -> Result<(), Refusal> {
    let action = &mut call.action;
    let query = &mut action.head.query;
    match &mut action.body {
        Body::ContainerCreate(config) => {
            stamp(&mut config.labels, &action.owner)?;
            let host_config = config.host_config.iter();
            let mounts =
                host_config.filter_map(|host_config| host_config.mounts.as_ref()).flatten();
            let options = mounts.filter_map(|mount| mount.volume_options.as_ref());
            for labels in options.filter_map(|options| options.labels.as_ref()) {
                refuse_own(labels.keys())?;
            }
            // Without an image dockerd says so.
            if let Some(image) = action.references.images.first() {
                let given = config.image.replace(image.id.clone());
                let labels = config.labels.get_or_insert_default();
                labels.insert(IMAGE_LABEL.to_owned(), given.unwrap_or_default());
            }
            if !call.may_forge {
                take_audit_write(config.host_config.get_or_insert_default());
            }
            for volume in &mut action.references.missing_volumes {
                stamp(&mut volume.labels, &action.owner)?;
            }
        }
        Body::VolumeCreate(volume) => stamp(&mut volume.labels, &action.owner)?,
        Body::NetworkCreate(network) => stamp(&mut network.labels, &action.owner)?,
        _ => {}
    }
    let is_of_buildkit = query.text("version") == Some("2");
    if !action.references.names_taken.is_empty()
        && (matches!(action.head.route.op, "build" | "commit") || query.text("fromSrc").is_some())
        && !is_of_buildkit
    {
        let policy = call.connection.shared.policy();
        call.names_itself = !names_all(&policy, call.settings.mode, &call.principal);
    }
    match action.head.route.op {
        "build" => {
            let labels = query.text("labels").and_then(|labels| serde_json::from_str(labels).ok());
            let labels: BTreeMap<String, Option<String>> = labels.unwrap_or_default();
            refuse_own(labels.keys())?;
        }
        // Which those are may change meanwhile.
        "image-push"
            if query.text("tag").is_none()
                && !has_tag(action.head.object.as_deref().unwrap_or_default()) =>
        {
            let policy = call.connection.shared.policy();
            if !reaches_all(&policy, call.settings.mode, &call.principal, "image-push") {
                let message =
                    "all tags of a name are for who may push everybody's images; name one";
                return Err(Refusal::forbidden(message.to_owned()));
            }
        }
        "image-remove" if query.text("platforms").is_some() => {
            let policy = call.connection.shared.policy();
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
            let policy = call.connection.shared.policy();
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

/// Takes away what a container could forge records with, unless it was asked for, and so judged.
/// Gives whether that was to be done.
pub(crate) fn take_audit_write(config: &mut HostConfig) -> bool {
    let is_said = |words: &Option<Words>| {
        let mut names = words.iter().flat_map(|words| &words.0).map(|name| bare_name(name));
        names.any(|name| name == AUDIT_WRITE || name == "ALL")
    };
    let is_left_to_docker =
        config.privileged != Some(true) && !is_said(&config.cap_add) && !is_said(&config.cap_drop);
    if is_left_to_docker {
        config.cap_drop.get_or_insert_default().0.push(AUDIT_WRITE.to_owned());
    }
    is_left_to_docker
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

/// Makes the volumes that dockerd would make for a new container, since it would make them nobody's.
///
/// # Errors
/// If dockerd cannot be reached, or somebody else has made one of this name meanwhile. What dockerd
/// does not make, it complains of again when the container is made.
pub(crate) async fn make_volumes(call: &Call) -> Result<(), Stop> {
    let (upstream, owner) = (&call.connection.upstream, &call.action.owner);
    for volume in &call.action.references.missing_volumes {
        let made = object::make_volume(volume, call.version, upstream).await?;
        if let Found::Yes(made) = made {
            check_that_it_is_own(volume, made.labels.as_ref(), owner)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_forges_records_is_taken_unless_it_is_asked_for() {
        let taken = |config| {
            let mut config: HostConfig = serde_json::from_value(config).unwrap();
            let is_taken = take_audit_write(&mut config);
            (is_taken, config.cap_drop.unwrap_or_default().0)
        };
        let dropped = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        for (config, expected) in [
            (json!({}), (true, dropped(&["AUDIT_WRITE"]))),
            (json!({"CapDrop": "CHOWN"}), (true, dropped(&["CHOWN", "AUDIT_WRITE"]))),
            (json!({"CapAdd": ["CHOWN"]}), (true, dropped(&["AUDIT_WRITE"]))),
            (json!({"CapDrop": ["all"]}), (false, dropped(&["all"]))),
            (json!({"CapDrop": ["cap_audit_write"]}), (false, dropped(&["cap_audit_write"]))),
            (
                json!({"CapAdd": ["CAP_AUDIT_WRITE"], "CapDrop": ["CHOWN"]}),
                (false, dropped(&["CHOWN"])),
            ),
            (json!({"CapAdd": "ALL"}), (false, dropped(&[]))),
            (json!({"Privileged": true}), (false, dropped(&[]))),
        ] {
            assert_eq!(taken(config.clone()), expected, "{config}");
        }
    }
}
