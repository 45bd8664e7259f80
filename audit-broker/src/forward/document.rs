//! Responses that the broker reads as a whole before it sends them to the client.
//!
//! The broker reads the id of a new object, so that it can claim the object. It reads a list, so that
//! it can filter out what the caller may not see.

use std::rc::Rc;

use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::http::response::Parts;
use serde::Deserialize;

use super::claim::claim_made;
use super::view::{Document, filter_document};
use super::viewer::{self, Viewer};
use super::{advertise, created, moved_name, naming, outcome_of, prune};
use crate::api::operation::{
    ContainerOperation, ExecOperation, NetworkOperation, Operation, SystemOperation,
    VolumeOperation,
};
use crate::api::route::BodyKind;
use crate::call::Call;
use crate::call::response::{self, ResponseBody};
use crate::call::stop::Stop;
use crate::dockerd::find_error::FindError;
use crate::dockerd::upstream::{DockerdConnection, Unreachable};
use crate::record::outcome::CallOutcome;
use crate::refusal::Refusal;

/// Longest list that the broker reads, in bytes.
const LIST_LIMIT_BYTES: usize = 64 << 20;

/// Longest other response that the broker reads, in bytes.
const DOCUMENT_LIMIT_BYTES: usize = 1 << 20;

/// The response without what the caller may not see.
///
/// # Errors
/// If dockerd cannot be reached, or if its response does not have the form that the broker expects.
pub(super) async fn filtered(
    call: &Call,
    response: Response<Incoming>,
    connection: DockerdConnection,
    document: Document,
) -> Result<Response<ResponseBody>, Unreachable> {
    let (head, body) = response.into_parts();
    let path = call.action.head.route.path;
    let bytes = connection.read(body, LIST_LIMIT_BYTES).await.map_err(|error| error.of(path))?;
    if call.action.head.route.operation == Operation::Volume(VolumeOperation::Create)
        && let Err(refusal) = created::volume(call, &bytes)
    {
        return Ok(refused(call, &refusal));
    }
    shown(call, head, &bytes, document).await
}

/// The response to a call that inspects an object. dockerd sent it when the broker asked which object the
/// call means.
///
/// # Errors
/// As [`filtered`].
pub(super) async fn inspected(
    call: &Call,
    response: Response<Bytes>,
) -> Result<Response<ResponseBody>, Unreachable> {
    let (head, bytes) = response.into_parts();
    if let Some(document) = viewer::document_of(call) {
        return shown(call, head, &bytes, document).await;
    }
    call.record_outcome(outcome_of(head.status), None);
    Ok(changed(head, bytes))
}

/// The response with the part of its document that the caller may see.
async fn shown(
    call: &Call,
    head: Parts,
    bytes: &[u8],
    document: Document,
) -> Result<Response<ResponseBody>, Unreachable> {
    let path = call.action.head.route.path;
    let viewer = Viewer::of(call);
    if document.lists_containers() {
        viewer.look_up_containers(call, bytes).await;
    }
    let document = viewer.reading(document, call).await?;
    let malformed = |error: anyhow::Error| Unreachable::Malformed {
        what: path.to_owned(),
        source: error.into(),
    };
    let filtered =
        filter_document(document, bytes, &mut |seen| viewer.may_see(seen)).map_err(malformed)?;
    let shown = match document {
        Document::Containers { .. } | Document::DiskUsage { .. } => {
            moved_name::show_ids(call, document, filtered).await.map_err(malformed)?
        }
        Document::Container
        | Document::Images { .. }
        | Document::Volumes
        | Document::Volume
        | Document::Networks
        | Document::Network
        | Document::Info { .. } => filtered,
    };
    call.record_outcome(outcome_of(head.status), None);
    Ok(changed(head, shown.into()))
}

/// The response about a new object that the caller may not have.
fn refused(call: &Call, refusal: &Refusal) -> Response<ResponseBody> {
    call.record_outcome(CallOutcome::Failed, None);
    response::message(refusal.status, &refusal.message)
}

/// A response of dockerd with another body.
fn changed(mut head: Parts, body: Bytes) -> Response<ResponseBody> {
    head.headers = response::relayed_headers(head.headers);
    head.headers.remove(CONTENT_LENGTH);
    advertise::limit_header(&mut head.headers);
    Response::from_parts(head, ResponseBody::own(body))
}

/// Why the broker has to read a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadResponse {
    /// It holds the id of a new object.
    MadeObject,
    /// It holds the volumes that a prune has removed.
    PrunedVolumes,
    /// It may name a newer API version than the broker supports.
    Versions,
}

/// Whether the broker has to read the response.
pub(super) fn is_read(call: &Call) -> bool {
    reason_to_read(call).is_some()
}

fn reason_to_read(call: &Call) -> Option<ReadResponse> {
    match call.action.head.route.operation {
        Operation::System(SystemOperation::Version) => Some(ReadResponse::Versions),
        Operation::Volume(VolumeOperation::Prune) => {
            call.plan.only_own.then_some(ReadResponse::PrunedVolumes)
        }
        Operation::Container(operation) => {
            is_made_by(operation).then_some(ReadResponse::MadeObject)
        }
        Operation::Exec(ExecOperation::Create) | Operation::Network(NetworkOperation::Create) => {
            Some(ReadResponse::MadeObject)
        }
        Operation::System(
            SystemOperation::Ping
            | SystemOperation::Info
            | SystemOperation::Events
            | SystemOperation::DiskUsage,
        )
        | Operation::Exec(ExecOperation::Start | ExecOperation::Inspect | ExecOperation::Resize)
        | Operation::Network(
            NetworkOperation::List
            | NetworkOperation::Inspect
            | NetworkOperation::Connect
            | NetworkOperation::Disconnect
            | NetworkOperation::Remove
            | NetworkOperation::Prune,
        )
        | Operation::Volume(
            VolumeOperation::List
            | VolumeOperation::Inspect
            | VolumeOperation::Create
            | VolumeOperation::Update
            | VolumeOperation::Remove,
        )
        | Operation::Image(_)
        | Operation::Build(_)
        | Operation::Registry(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => None,
    }
}

/// Whether an operation makes a container, or an image of one.
const fn is_made_by(operation: ContainerOperation) -> bool {
    match operation {
        ContainerOperation::Create | ContainerOperation::Commit => true,
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
        | ContainerOperation::Rename
        | ContainerOperation::Remove
        | ContainerOperation::Prune
        | ContainerOperation::Attach
        | ContainerOperation::AttachWs
        | ContainerOperation::Resize => false,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

/// Reads the response, and claims the object that the call made.
///
/// # Errors
/// If dockerd cannot be reached, or if a new image cannot get its names.
pub(super) async fn read(
    call: &Rc<Call>,
    response: Response<Incoming>,
    connection: DockerdConnection,
) -> Result<Response<ResponseBody>, Stop> {
    let (head, body) = response.into_parts();
    let route = call.action.head.route;
    let read = connection.read(body, DOCUMENT_LIMIT_BYTES).await;
    let document = read.map_err(|error| error.of(route.path))?;
    let created = serde_json::from_slice::<Created>(&document).ok().map(|created| created.id);
    let committed = created.clone().filter(|_| route.body == BodyKind::Commit);
    if let (Some(id), BodyKind::NetworkCreate) = (&created, route.body) {
        match created::network(call, id).await {
            Ok(()) => {}
            Err(FindError::Refused(refusal)) => return Ok(refused(call, &refusal)),
            Err(FindError::Unreachable(error)) => return Err(error.into()),
        }
    }
    let made = match created {
        Some(id) => claim_made(call, id).await,
        None => None,
    };
    call.record_outcome(outcome_of(head.status), made.as_ref());
    if let (Some(id), true) = (committed, call.plan.broker_names_image) {
        naming::give_names(call, id).await?;
    }
    let document = match reason_to_read(call) {
        Some(ReadResponse::Versions) => advertise::limit_document(document),
        Some(ReadResponse::PrunedVolumes) => prune::volumes(call, document).await?,
        Some(ReadResponse::MadeObject) | None => document,
    };
    Ok(changed(head, document))
}
