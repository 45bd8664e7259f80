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
use crate::api::operation::{Operation, VolumeOperation};
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

/// Whether the broker has to read the response: it holds the id of a new object or the volumes of a prune,
/// or it names a newer API version than the broker supports.
pub(super) fn is_read(call: &Call) -> bool {
    let route = call.action.head.route;
    let makes = matches!(
        route.body,
        BodyKind::ContainerCreate
            | BodyKind::ExecCreate
            | BodyKind::Commit
            | BodyKind::NetworkCreate
    );
    makes || route.path == advertise::PATH || prunes_own_volumes(call)
}

fn prunes_own_volumes(call: &Call) -> bool {
    call.plan.only_own
        && call.action.head.route.operation == Operation::Volume(VolumeOperation::Prune)
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
    let document = match route.path {
        advertise::PATH => advertise::limit_document(document),
        _ if prunes_own_volumes(call) => prune::volumes(call, document).await?,
        _ => document,
    };
    Ok(changed(head, document))
}
