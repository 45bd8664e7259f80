//! Races with root for an image name.
//!
//! The lock of a name holds back only callers of the broker. Root can use dockerd's own socket, and can
//! give the name to another image after the broker has read which image has it and before dockerd
//! changes it. The broker finds this in dockerd's events, and gives the name back to root's image.

use std::collections::BTreeMap;

use audit_host::image_name::repository_and_tag;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::api::request::percent;
use crate::call::Call;
use crate::dockerd::upstream::{Found, Unreachable};

/// An event about an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageEvent {
    actor: ImageActor,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageActor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// The images that `docker tag` or a build has given this name since then, in order. dockerd keeps its
/// last 256 events. It sends no event when an archive, a pull or BuildKit gives a name.
///
/// # Source
/// `eventsLimit` in `daemon/events/events.go` and `TagImageWithReference` in
/// `daemon/images/image_tag.go` of moby.
///
/// # Errors
/// If dockerd cannot be reached, or its events cannot be read.
pub(super) async fn images_named(
    call: &Call,
    name: &str,
    since: DateTime<Utc>,
) -> Result<Vec<String>, Unreachable> {
    let filters = json!({"type": {"image": true}, "event": {"tag": true}}).to_string();
    let target = format!(
        "/v{}/events?since={}&until={}&filters={}",
        call.version,
        since.format("%s.%f"),
        Utc::now().format("%s.%f"),
        percent::encode_path(&filters),
    );
    let events = match call.connection.upstream.order(Method::GET, &target).await? {
        Found::Yes(events) => events,
        Found::No(_, error) => {
            tracing::error!("could not read the events of dockerd: {}", error.escape_ascii());
            Bytes::new()
        }
    };
    let events = serde_json::Deserializer::from_slice(&events).into_iter::<ImageEvent>();
    let events = events.filter_map(Result::ok).map(|event| event.actor);
    let is_of_name =
        |actor: &ImageActor| actor.attributes.get("name").is_some_and(|given| given == name);
    Ok(events.filter(is_of_name).map(|actor| actor.id).collect())
}

/// Gives a name back to the image to which root gave it in the meantime.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn give_back(call: &Call, name: &str, image: &str) -> Result<(), Unreachable> {
    match order_name(call, name, image).await? {
        Found::Yes(_) => tracing::warn!(
            "gave {name} back to {image}, to which root gave it at dockerd's own socket"
        ),
        Found::No(_, error) => {
            tracing::error!("could not give {name} back to {image}: {}", error.escape_ascii());
        }
    }
    Ok(())
}

/// Asks dockerd to give a name to an image.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn order_name(
    call: &Call,
    name: &str,
    image: &str,
) -> Result<Found<Bytes>, Unreachable> {
    let (repository, tag) = repository_and_tag(name);
    let target = format!(
        "/v{}/images/{}/tag?repo={}&tag={}",
        call.version,
        percent::encode_path(image),
        percent::encode_path(repository),
        percent::encode_path(tag)
    );
    call.connection.upstream.order(Method::POST, &target).await
}
