//! What root does with a name at dockerd's own socket while the broker changes it.
//!
//! The lock of a name holds back the callers of the broker only. Between the moment at which the
//! broker reads what has a name and the moment at which dockerd changes it, root may give the name to
//! another image. dockerd's events tell, and the broker gives the name back.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use crate::api::request::percent;
use crate::call::Call;
use crate::dockerd::upstream::{Found, Unreachable};
use crate::owner::repository_and_tag;

/// An event of an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageEvent {
    actor: EventActor,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EventActor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// The images that were given a name since then, in order, by `docker tag` or a build. dockerd keeps
/// its last 256 events, and has none for names that an archive, a pull or BuildKit gives.
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
    let told = match call.connection.upstream.order(Method::GET, &target).await? {
        Found::Yes(told) => told,
        Found::No(_, told) => {
            tracing::error!("dockerd does not tell its events: {}", told.escape_ascii());
            Bytes::new()
        }
    };
    let events = serde_json::Deserializer::from_slice(&told).into_iter::<ImageEvent>();
    let events = events.filter_map(Result::ok).map(|event| event.actor);
    let is_of_name = |actor: &EventActor| actor.attributes.get("name").is_some_and(|it| it == name);
    Ok(events.filter(is_of_name).map(|actor| actor.id).collect())
}

/// Gives a name back to the image to which root gave it meanwhile.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn give_back(call: &Call, name: &str, image: &str) -> Result<(), Unreachable> {
    match order_name(call, name, image).await? {
        Found::Yes(_) => tracing::warn!("gave {name} back to {image}, as root at dockerd wants it"),
        Found::No(_, told) => {
            tracing::error!("could not give {name} back to {image}: {}", told.escape_ascii());
        }
    }
    Ok(())
}

/// Has dockerd give a name to an image.
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
