//! What a caller is told when dockerd refuses a call.
//!
//! dockerd's message may name objects that the caller may not see: the containers that use a volume, or
//! the one that has a name. The broker passes a message on only if each id in it is one that the
//! request says or that the caller may see, and if no name of a hidden object stands in it. Otherwise
//! the caller is told in the broker's own words.

use std::collections::BTreeSet;

use audit_host::object_id::may_be_short_id;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::api::operation::{
    ContainerOperation, ExecOperation, ImageOperation, NetworkOperation, Operation, VolumeOperation,
};
use crate::call::Call;
use crate::call::answer::{self, AnswerBody};
use crate::dockerd::upstream::{DockerdConnection, Found, Unreachable};
use crate::forward::advertise;
use crate::forward::view::{Document, filter_document};
use crate::forward::viewer::Viewer;

/// Longest message that is looked at, in bytes.
const MESSAGE_LIMIT_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
struct ErrorDocument {
    message: String,
}

/// The answer to a call that dockerd refused.
///
/// # Errors
/// If dockerd cannot be reached.
pub(super) async fn answer(
    call: &Call,
    response: Response<Incoming>,
    line: DockerdConnection,
) -> Result<Response<AnswerBody>, Unreachable> {
    let (mut head, body) = response.into_parts();
    let what = call.action.head.route.path;
    let bytes = line.read(body, MESSAGE_LIMIT_BYTES).await.map_err(|error| error.of(what))?;
    let shown = shown(call, head.status, bytes).await;
    head.headers = answer::relayed_headers(head.headers);
    head.headers.remove(CONTENT_LENGTH);
    advertise::limit_header(&mut head.headers);
    Ok(Response::from_parts(head, AnswerBody::own(shown)))
}

/// What the caller is told of dockerd's answer to a call that it refused.
pub(super) async fn shown(call: &Call, status: StatusCode, told: Bytes) -> Bytes {
    let viewer = Viewer::of(call);
    let is_told = match serde_json::from_slice::<ErrorDocument>(&told) {
        Ok(_) if viewer.may_see_everything() => true,
        Ok(ErrorDocument { message }) => tells_nothing_hidden(call, &viewer, &message).await,
        // A `HEAD` has no body.
        Err(_) => told.is_empty(),
    };
    if is_told {
        return told;
    }
    let what = call.action.head.route.path;
    tracing::info!("dockerd refused {what}: {}", String::from_utf8_lossy(&told).escape_debug());
    json!({ "message": own_words(call, status) }).to_string().into()
}

/// Names and ids of objects, by whether the caller may see them.
#[derive(Debug, Default)]
struct Objects {
    seen_ids: BTreeSet<String>,
    hidden_ids: BTreeSet<String>,
    hidden_names: BTreeSet<String>,
}

async fn tells_nothing_hidden(call: &Call, viewer: &Viewer, message: &str) -> bool {
    let said = said(call);
    let told = told(message, &said);
    if told.is_harmless() {
        return true;
    }
    // What cannot be read counts as hidden.
    let may_name_others = may_name_others(call.action.head.route.operation);
    objects(call, viewer).await.is_some_and(|objects| told.is_seen(&objects, may_name_others))
}

/// What a request says: names and ids that a message may repeat.
fn said(call: &Call) -> String {
    let action = &call.action;
    let mut said = format!("{} ", action.head.object.as_deref().unwrap_or_default());
    said += action.object.id().unwrap_or_default();
    for (_, value) in action.head.query.pairs() {
        said = said + " " + value;
    }
    let body = action.body.to_json().unwrap_or_default();
    said + " " + &String::from_utf8_lossy(&body)
}

/// What a message tells that its request does not say.
#[derive(Debug, PartialEq, Eq)]
struct ToldFacts {
    ids: Vec<String>,
    words: Vec<String>,
}

fn told(message: &str, said: &str) -> ToldFacts {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    let said: BTreeSet<&str> = said.split(|letter| !is_name(letter)).collect();
    let words = message.split(|letter| !is_name(letter)).map(|word| word.trim_end_matches('.'));
    let words: Vec<String> =
        words.filter(|word| !word.is_empty() && !said.contains(word)).map(str::to_owned).collect();
    let is_id = |text: &&str| may_be_short_id(text);
    let is_said = |id: &str| said.iter().any(|word| word.starts_with(id));
    let ids = words.iter().flat_map(|word| word.split(['_', '.', '-'])).filter(is_id);
    let ids = ids.filter(|id| !is_said(id)).map(str::to_owned).collect();
    ToldFacts { ids, words }
}

impl ToldFacts {
    fn is_harmless(&self) -> bool {
        self.words.is_empty()
    }

    /// An id that nothing has may be that of a hidden object which is gone by now, or of something
    /// that is no object, as an endpoint in a network.
    fn is_seen(&self, objects: &Objects, may_name_others: bool) -> bool {
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

/// Whether dockerd's message may name an object that the call is not about. These messages name only
/// the object of the call; every other message may name more.
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

/// Everything that dockerd has; `None` if it does not tell.
async fn objects(call: &Call, viewer: &Viewer) -> Option<Objects> {
    let lists = [
        ("containers/json?all=1", Document::Containers { limit: None }),
        ("volumes", Document::Volumes),
        ("networks", Document::Networks),
        ("images/json?all=1", Document::Images { with_counts: false }),
    ];
    let mut objects = Objects::default();
    for (path, document) in lists {
        let target = format!("/v{}/{path}", call.version);
        let found = call.connection.upstream.ask::<Box<RawValue>>(&target).await;
        let Ok(Found::Yes(list)) = found else { return None };
        let list = list.get().as_bytes();
        viewer.learn(call, list).await;
        let look = &mut |seen: &crate::forward::view::Seen<'_>| {
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

/// What is told instead.
fn own_words(call: &Call, status: StatusCode) -> String {
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
            format!("network {given} cannot be removed: it is in use")
        }
        (Operation::Image(ImageOperation::Remove), StatusCode::CONFLICT) => {
            format!("conflict: unable to remove {given}: a container or another image uses it")
        }
        (Operation::Network(NetworkOperation::Create), _) => {
            "docker does not make the network: it conflicts with another one; \
             choose another name or subnet"
                .to_owned()
        }
        (op, _) => format!(
            "docker refuses {op} ({status}), and its reason names something that you may not see; \
             an administrator finds it in the log of audit-broker"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const SEEN: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

    fn is_passed(message: &str, said: &str) -> bool {
        let objects = Objects {
            seen_ids: BTreeSet::from([SEEN.to_owned(), format!("sha256:{SEEN}")]),
            hidden_ids: BTreeSet::from([HIDDEN.to_owned()]),
            hidden_names: BTreeSet::from(["secret-web".to_owned(), "vault".to_owned()]),
        };
        let told = told(message, said);
        assert!(told.is_seen(&objects, false) || !told.is_seen(&objects, true));
        told.is_seen(&objects, true)
    }

    #[test]
    fn s18_a_message_tells_only_of_what_is_seen_or_said() {
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
        assert!(told(&of_endpoint, "web").is_seen(&Objects::default(), false));
        assert!(!told(&of_endpoint, "web").is_seen(&Objects::default(), true));
        // The request says it already.
        assert!(is_passed("No such container: vault", "vault"));
        assert!(is_passed(&format!("No such image: {}", &HIDDEN[..12]), HIDDEN));
        assert!(!is_passed("No such container: vault", "vaul"));
    }
}
