//! Refuses a new name that another object's id begins with.
//!
//! This applies to the names of containers, networks and images. Volumes have no ids.

use audit_host::object_id::SHORT_ID_DIGITS;
use hyper::StatusCode;

use crate::api::body::Body;
use crate::api::operation::{ContainerOperation, NetworkOperation, Operation};
use crate::api::request::ApiVersion;
use crate::dockerd::find_error::FindError;
use crate::dockerd::object;
use crate::dockerd::upstream::{Found, Upstream};
use crate::judge::action::Action;
use crate::refusal::Refusal;

/// The fewest digits that count as the beginning of an id. Short names such as `db` begin too many ids.
const SHORTEST_ID_DIGITS: usize = 4;

/// Refuses a name that is the beginning of another object's id. Docker prefers a name to the beginning
/// of an id. A caller who uses the short id of the other object would reach the new object instead.
///
/// # Source
/// `GetContainer` in `daemon/container.go`, `FindNetwork` in `daemon/network.go` and `getImage` in
/// `daemon/images/image.go` of moby.
pub(crate) async fn refuse_ambiguous_name(
    action: &Action,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<(), FindError> {
    match action.head.route.operation {
        Operation::Container(operation) if gives_name(operation) => {
            let name = new_name(action.head.query.text("name"));
            let Some(name) = name else { return Ok(()) };
            let found = object::container(name, version, upstream).await?.map(|found| found.id);
            refuse_ambiguous("container", name, &found)
        }
        Operation::Network(NetworkOperation::Create) => {
            let Body::NetworkCreate(network) = &action.body else { return Ok(()) };
            let Some(name) = new_name(network.name.as_deref()) else { return Ok(()) };
            let found = object::network(name, None, version, upstream).await?.map(|found| found.id);
            refuse_ambiguous("network", name, &found)
        }
        // Other calls give names to images only, if to anything.
        Operation::Container(_)
        | Operation::Network(
            NetworkOperation::List
            | NetworkOperation::Inspect
            | NetworkOperation::Connect
            | NetworkOperation::Disconnect
            | NetworkOperation::Remove
            | NetworkOperation::Prune,
        )
        | Operation::System(_)
        | Operation::Registry(_)
        | Operation::Build(_)
        | Operation::Exec(_)
        | Operation::Image(_)
        | Operation::Volume(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => refuse_names_of_image_ids(action, version, upstream).await,
    }
}

/// Whether an operation gives a name to a container.
const fn gives_name(operation: ContainerOperation) -> bool {
    match operation {
        ContainerOperation::Create | ContainerOperation::Rename => true,
        ContainerOperation::List
        | ContainerOperation::Inspect
        | ContainerOperation::Top
        | ContainerOperation::Changes
        | ContainerOperation::Stats
        | ContainerOperation::Logs
        | ContainerOperation::Export
        | ContainerOperation::ArchiveStat
        | ContainerOperation::ArchiveRead
        | ContainerOperation::ArchiveWrite
        | ContainerOperation::Start
        | ContainerOperation::Stop
        | ContainerOperation::Restart
        | ContainerOperation::Kill
        | ContainerOperation::Pause
        | ContainerOperation::Unpause
        | ContainerOperation::Wait
        | ContainerOperation::Update
        | ContainerOperation::Remove
        | ContainerOperation::Prune
        | ContainerOperation::Attach
        | ContainerOperation::AttachWs
        | ContainerOperation::Resize
        | ContainerOperation::Commit => false,
    }
}

/// The name that a call gives to an object, if it may begin an id.
fn new_name(given: Option<&str>) -> Option<&str> {
    given.map(|name| name.trim_start_matches('/')).filter(|name| may_begin_id(name))
}

fn refuse_ambiguous(kind: &str, name: &str, found: &Found<String>) -> Result<(), FindError> {
    if begins_an_id(name, found) { Err(refusal(kind, name).into()) } else { Ok(()) }
}

async fn refuse_names_of_image_ids(
    action: &Action,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<(), FindError> {
    for taken in &action.references.names_taken {
        refuse_name_of_image_id(&taken.name, version, upstream).await?;
    }
    Ok(())
}

/// Refuses a name of an image that another image's id begins with.
///
/// # Errors
/// If the id of an image begins with the name, or may begin with it later.
pub(crate) async fn refuse_name_of_image_id(
    name: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<(), FindError> {
    let name = name.strip_suffix(":latest").unwrap_or(name);
    let digits = name.strip_prefix("sha256:").unwrap_or(name);
    if !may_begin_id(digits) {
        return Ok(());
    }
    // A caller can know the id of an image that this host does not have yet.
    let may_come = digits.len() >= SHORT_ID_DIGITS || digits.len() < name.len();
    let found = object::image(digits, version, upstream).await?.map(|found| found.id);
    if may_come || begins_an_id(digits, &found) {
        return Err(refusal("image", name).into());
    }
    Ok(())
}

fn may_begin_id(name: &str) -> bool {
    name.len() >= SHORTEST_ID_DIGITS
        && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether dockerd found an object by the beginning of its id. If several ids begin so, dockerd
/// responds with an error other than 404.
fn begins_an_id(name: &str, found: &Found<String>) -> bool {
    match found {
        Found::Yes(id) => id.strip_prefix("sha256:").unwrap_or(id).starts_with(name),
        Found::No(status, _) => *status != StatusCode::NOT_FOUND,
    }
}

fn refusal(kind: &str, name: &str) -> Refusal {
    Refusal::conflict(format!("{name} looks like the id of another {kind}; choose another name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn few_names_may_begin_an_id() {
        for name in ["dead", "0123456789ab", "feed1"] {
            assert!(may_begin_id(name), "{name}");
        }
        for name in ["", "db", "web", "DEAD", "cafe-1", "face_"] {
            assert!(!may_begin_id(name), "{name}");
        }
    }

    #[test]
    fn an_ambiguous_id_counts_as_an_id() {
        let several = Found::No(StatusCode::BAD_REQUEST, Bytes::new());
        assert!(begins_an_id("dead", &several));
        assert!(!begins_an_id("dead", &Found::No(StatusCode::NOT_FOUND, Bytes::new())));
        assert!(begins_an_id("dead", &Found::Yes("sha256:deadbeef".to_owned())));
        assert!(!begins_an_id("dead", &Found::Yes("sha256:0123".to_owned())));
    }
}
