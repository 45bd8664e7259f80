//! The response to a call that dockerd refused.
//!
//! dockerd's error message may name objects that the caller may not see, such as the containers that
//! use a volume. The broker passes a message on only if it holds no name of a hidden object, and if the
//! caller may see each id in it or gave that id in the request. Otherwise the broker sends a message of
//! its own.

use std::collections::BTreeSet;

use audit_host::object_id::may_be_short_id;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::{Response, StatusCode};
use serde_json::value::RawValue;

use crate::api::operation::{
    ContainerOperation, ExecOperation, ImageOperation, NetworkOperation, Operation, VolumeOperation,
};
use crate::call::Call;
use crate::call::response::{self, ResponseBody};
use crate::dockerd::error_document::ErrorDocument;
use crate::dockerd::upstream::{DockerdConnection, Found, Unreachable};
use crate::forward::advertise;
use crate::forward::view::{Document, ResponseObject, filter_document};
use crate::forward::viewer::Viewer;
use crate::refusal;

/// Longest error message that the broker reads, in bytes.
const MESSAGE_LIMIT_BYTES: usize = 1 << 20;

/// The response to a call that dockerd refused.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn response(
    call: &Call,
    response: Response<Incoming>,
    connection: DockerdConnection,
) -> Result<Response<ResponseBody>, Unreachable> {
    let (mut head, body) = response.into_parts();
    let path = call.action.head.route.path;
    let bytes = connection.read(body, MESSAGE_LIMIT_BYTES).await.map_err(|error| error.of(path))?;
    let shown = shown(call, head.status, bytes).await;
    head.headers = response::relayed_headers(head.headers);
    head.headers.remove(CONTENT_LENGTH);
    advertise::limit_header(&mut head.headers);
    Ok(Response::from_parts(head, ResponseBody::own(shown)))
}

/// The error document as the caller may see it.
pub(super) async fn shown(call: &Call, status: StatusCode, error: Bytes) -> Bytes {
    let viewer = Viewer::of(call);
    let is_passed = match ErrorDocument::read(&error) {
        Some(_) if viewer.may_see_everything() => true,
        Some(ErrorDocument { message }) => names_nothing_hidden(call, &viewer, &message).await,
        // The response to a `HEAD` has no body.
        None => error.is_empty(),
    };
    if is_passed {
        return error;
    }
    let path = call.action.head.route.path;
    let error = String::from_utf8_lossy(&error);
    tracing::info!("dockerd refused {path}: {}", error.escape_debug());
    refusal::document(&own_message(call, status))
}

/// Names and ids of all objects, sorted by whether the caller may see them.
#[derive(Debug, Default)]
struct AllObjects {
    seen_ids: BTreeSet<String>,
    hidden_ids: BTreeSet<String>,
    hidden_names: BTreeSet<String>,
}

async fn names_nothing_hidden(call: &Call, viewer: &Viewer, message: &str) -> bool {
    let facts = new_facts(message, &request_text(call));
    if facts.is_harmless() {
        return true;
    }
    // If dockerd cannot list its objects, all of them count as hidden.
    let may_name_others = may_name_others(call.action.head.route.operation);
    objects(call, viewer).await.is_some_and(|objects| facts.is_seen(&objects, may_name_others))
}

/// The text of a request, with the names and ids that a message may repeat.
fn request_text(call: &Call) -> String {
    let action = &call.action;
    let mut text = format!("{} ", action.head.object.as_deref().unwrap_or_default());
    text += action.object.id().unwrap_or_default();
    for (_, value) in action.head.query.pairs() {
        text = text + " " + value;
    }
    let body = action.body.to_json().unwrap_or_default();
    text + " " + &String::from_utf8_lossy(&body)
}

/// The words and ids of a message that its request does not contain.
#[derive(Debug, PartialEq, Eq)]
struct NewFacts {
    ids: Vec<String>,
    words: Vec<String>,
}

fn new_facts(message: &str, request: &str) -> NewFacts {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    let given: BTreeSet<&str> = request.split(|letter| !is_name(letter)).collect();
    let words = message.split(|letter| !is_name(letter)).map(|word| word.trim_end_matches('.'));
    let words: Vec<String> =
        words.filter(|word| !word.is_empty() && !given.contains(word)).map(str::to_owned).collect();
    let is_id = |text: &&str| may_be_short_id(text);
    let is_given = |id: &str| given.iter().any(|word| word.starts_with(id));
    let ids = words.iter().flat_map(|word| word.split(['_', '.', '-'])).filter(is_id);
    let ids = ids.filter(|id| !is_given(id)).map(str::to_owned).collect();
    NewFacts { ids, words }
}

impl NewFacts {
    fn is_harmless(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether the caller may see all of them. An unknown id may belong to a hidden object that has just
    /// been removed. It may also belong to something that is no object, such as a network endpoint.
    fn is_seen(&self, objects: &AllObjects, may_name_others: bool) -> bool {
        let is_in = |ids: &BTreeSet<String>, id: &str| {
            ids.iter().any(|known| known.trim_start_matches("sha256:").starts_with(id))
        };
        let is_seen = |id: &String| {
            is_in(&objects.seen_ids, id) || !(may_name_others || is_in(&objects.hidden_ids, id))
        };
        self.ids.iter().all(is_seen)
            && !self.words.iter().any(|word| objects.hidden_names.contains(word))
    }
}

/// Whether dockerd's message may name other objects than that of the call. The messages of these
/// operations do not.
fn may_name_others(operation: Operation) -> bool {
    !matches!(
        operation,
        Operation::Container(
            ContainerOperation::Start
                | ContainerOperation::Restart
                | ContainerOperation::Stop
                | ContainerOperation::Kill
                | ContainerOperation::Pause
                | ContainerOperation::Unpause
                | ContainerOperation::Update
                | ContainerOperation::Wait
                | ContainerOperation::ArchiveStat
                | ContainerOperation::ArchiveRead
                | ContainerOperation::ArchiveWrite
                | ContainerOperation::Top
        ) | Operation::Exec(ExecOperation::Create)
            | Operation::Network(NetworkOperation::Connect | NetworkOperation::Disconnect)
    )
}

/// All objects of dockerd; `None` if dockerd cannot list them.
async fn objects(call: &Call, viewer: &Viewer) -> Option<AllObjects> {
    let lists = [
        ("containers/json?all=1", Document::Containers { limit: None }),
        ("volumes", Document::Volumes),
        ("networks", Document::Networks),
        ("images/json?all=1", Document::Images { with_counts: false }),
    ];
    let mut objects = AllObjects::default();
    for (path, document) in lists {
        let target = format!("/v{}/{path}", call.version);
        let found = call.connection.upstream.ask::<Box<RawValue>>(&target).await;
        let Ok(Found::Yes(list)) = found else { return None };
        let list = list.get().as_bytes();
        viewer.look_up_containers(call, list).await;
        let look = &mut |seen: &ResponseObject<'_>| {
            let is_seen = viewer.may_see(seen);
            if is_seen {
                objects.seen_ids.insert(seen.id.to_owned());
            } else {
                objects.hidden_ids.insert(seen.id.to_owned());
                objects.hidden_names.extend(seen.names.iter().map(|name| (*name).to_owned()));
            }
            is_seen
        };
        filter_document(document, list, look).ok()?;
    }
    Some(objects)
}

/// The broker's own message, in place of one that names a hidden object.
fn own_message(call: &Call, status: StatusCode) -> String {
    let given = call.action.head.object.as_deref().unwrap_or_default();
    let name = call.action.head.query.text("name").unwrap_or_default();
    let name = name.trim_start_matches('/');
    match (call.action.head.route.operation, status) {
        (
            Operation::Container(ContainerOperation::Create | ContainerOperation::Rename),
            StatusCode::CONFLICT,
        ) => format!(
            "Conflict. The container name \"/{name}\" is already in use. Choose another name."
        ),
        (Operation::Volume(VolumeOperation::Remove), StatusCode::CONFLICT) => {
            format!("remove {given}: volume is in use")
        }
        (Operation::Network(NetworkOperation::Remove), _) => {
            format!("could not remove network {given}: it is in use")
        }
        (Operation::Image(ImageOperation::Remove), StatusCode::CONFLICT) => {
            format!("conflict: unable to remove {given}: a container or another image uses it")
        }
        (Operation::Network(NetworkOperation::Create), _) => {
            "could not create the network: it conflicts with another network; \
             choose another name or subnet"
                .to_owned()
        }
        (op, _) => format!(
            "docker refused {op} ({status}) for a reason that names an object you may not see; \
             an administrator can find the reason in the log of audit-broker"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const SEEN: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

    fn is_passed(message: &str, request: &str) -> bool {
        let objects = AllObjects {
            seen_ids: BTreeSet::from([SEEN.to_owned(), format!("sha256:{SEEN}")]),
            hidden_ids: BTreeSet::from([HIDDEN.to_owned()]),
            hidden_names: BTreeSet::from(["secret-web".to_owned(), "vault".to_owned()]),
        };
        let facts = new_facts(message, request);
        assert!(facts.is_seen(&objects, false) || !facts.is_seen(&objects, true));
        facts.is_seen(&objects, true)
    }

    #[test]
    fn s18_a_message_names_only_objects_that_are_visible_or_in_the_request() {
        for message in [
            "invalid reference format",
            "Bind for 0.0.0.0:80 failed: port is already allocated",
            &format!("remove v: volume is in use - [{SEEN}]"),
            &format!("conflict: container {} is using its image", &SEEN[..12]),
            "network n has active endpoints",
            "exec: \"deadbeef\": executable file not found in $PATH",
        ] {
            assert!(is_passed(message, "v n"), "{message}");
        }
        for message in [
            &format!("remove v: volume is in use - [{SEEN}, {HIDDEN}]"),
            &format!("conflict: container {} is using its image", &HIDDEN[..12]),
            &format!("Conflict. The name \"/x\" is in use by container \"{HIDDEN}\"."),
            &format!("conflicts with network {HIDDEN} (br-{})", &HIDDEN[..12]),
            &format!("sha256:{HIDDEN}"),
            "network n has active endpoints (name:\"secret-web\")",
            "used by vault.",
        ] {
            assert!(!is_passed(message, "v n x"), "{message}");
        }
        let of_endpoint =
            format!("failed on endpoint web ({}): port is already allocated", "7".repeat(64));
        assert!(new_facts(&of_endpoint, "web").is_seen(&AllObjects::default(), false));
        assert!(!new_facts(&of_endpoint, "web").is_seen(&AllObjects::default(), true));
        // The request already contains it.
        assert!(is_passed("No such container: vault", "vault"));
        assert!(is_passed(&format!("No such image: {}", &HIDDEN[..12]), HIDDEN));
        assert!(!is_passed("No such container: vault", "vaul"));
    }
}
