//! Asking dockerd, in a request of the broker's own making.
//!
//! Knows how an understood call becomes a request, and how the answer comes back: as a document, as
//! a stream, or by the connection becoming one.

pub(crate) mod advertise;
pub(crate) mod archive;
mod claim;
mod contest;
mod created;
mod events;
mod load;
pub(crate) mod missing_volume;
mod name_change;
pub(crate) mod nameless_volume;
mod naming;
mod prune;
mod pull;
mod refused;
pub(crate) mod rewrite;
mod stream;
pub(crate) mod view;
pub(crate) mod viewer;

use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;

use crate::api::body::Body;
use crate::api::operation::{
    BuildOperation, ContainerOperation, ImageOperation, Operation, VolumeOperation,
};
use crate::api::route::{AnswerKind, BodyKind};
use crate::call::Call;
use crate::call::answer::{self, AnswerBody, Filter, Relay};
use crate::call::inbound::Inbound;
use crate::call::stop::Stop;
use crate::judge::build_cache;
use crate::net::client_stream::ClientBody;
use crate::record::call_records::MadeObject;
use crate::record::outcome::{CallOutcome, ImageSign, MadeImage, OutcomeReader};
use crate::who::registrar::claim;

use crate::api::request::{Head, Upgrade};
use crate::dockerd::object;
use crate::dockerd::upstream::{self, DockerdConnection, Found, Unreachable};
use crate::forward::view::{Document, filter_document};
use crate::owner::OwnedKind;
use claim::{claim_image, claim_names};
use events::Events;
use load::AnyName;
use naming::{ImageMade, Naming};
pub(crate) use stream::Stream;
use viewer::Viewer;

/// The response to a call.
pub(crate) enum Forwarded {
    /// A response, or the beginning of one.
    Answer(Response<AnswerBody>),
    /// The client's connection becomes a stream.
    Stream(Stream),
}

/// Serves a call: by the broker itself where it must, else by dockerd.
///
/// # Errors
/// If dockerd cannot be reached, or if a change of a name is no longer allowed.
pub(crate) async fn forward(call: &Rc<Call>, client: &mut Inbound) -> Result<Forwarded, Stop> {
    if let Some(response) = served_here(call).await? {
        return Ok(Forwarded::Answer(response));
    }
    let pulled =
        pull::begin(call).await.inspect_err(|_| call.record_outcome(CallOutcome::Failed, None))?;
    let request = request(call, &client.head.method)?;
    let json = call.action.body.to_json().map(Bytes::from);
    if stream::is_for(call) {
        let request = request.map(|()| json.unwrap_or_default());
        return Ok(Forwarded::Stream(Stream::open(call, &request).await?));
    }
    let any_name = AnyName::default();
    let body = request_body(call, client, json, &any_name);
    let (response, line) = call.connection.upstream.send(request.map(|()| body)).await?;
    if response.status().as_u16() >= 400 {
        call.record_outcome(outcome_of(response.status()), None);
        return Ok(Forwarded::Answer(refused::answer(call, response, line).await?));
    }
    Ok(Forwarded::Answer(respond(call, response, line, pulled, any_name).await?))
}

/// The response to a call that the broker serves itself: a prune of the caller's own objects, or a
/// change of image names.
async fn served_here(call: &Rc<Call>) -> Result<Option<Response<AnswerBody>>, Stop> {
    let pruned = match call.action.head.route.operation {
        Operation::Container(ContainerOperation::Prune) if call.plan.is_of_own => {
            prune::containers(call).await?
        }
        Operation::Image(ImageOperation::Prune) if call.plan.is_of_own => {
            prune::images(call).await?
        }
        Operation::Image(ImageOperation::Tag) if !call.action.references.names_taken.is_empty() => {
            let tag = name_change::tag(Rc::clone(call));
            return changed(call, name_change::to_its_end(call, tag).await).await;
        }
        Operation::Image(ImageOperation::Remove) => {
            let remove = name_change::remove(Rc::clone(call));
            return changed(call, name_change::to_its_end(call, remove).await).await;
        }
        _ => return Ok(None),
    };
    call.record_outcome(CallOutcome::Done(None), None);
    Ok(Some(answer::document(StatusCode::OK, pruned)))
}

/// The response to a change of image names, without hidden objects.
async fn changed(
    call: &Call,
    changed: Result<Response<AnswerBody>, Stop>,
) -> Result<Option<Response<AnswerBody>>, Stop> {
    match changed {
        Err(Stop::NotFound(status, told)) => {
            Err(Stop::NotFound(status, refused::shown(call, status, told).await))
        }
        changed => changed.map(Some),
    }
}

type RequestBody = Either<Full<Bytes>, ClientBody>;

fn request_body(
    call: &Rc<Call>,
    client: &mut Inbound,
    json: Option<Bytes>,
    any_name: &AnyName,
) -> RequestBody {
    let stream = match &call.action.body {
        Body::Stream => client.body.take(),
        _ => None,
    };
    let Some(body) = stream else { return Either::Left(Full::new(json.unwrap_or_default())) };
    let begun = std::mem::take(&mut client.begun);
    let body = ClientBody::new(begun, body, &call.connection.phase);
    Either::Right(match call.action.head.route.operation {
        Operation::Image(ImageOperation::Load) => {
            body.ending_after(load::take_any_name(call, any_name))
        }
        _ => body,
    })
}

/// The response to a call that dockerd has accepted. The broker reads what it must change or learn
/// from, and passes on the rest as it comes.
async fn respond(
    call: &Rc<Call>,
    response: Response<Incoming>,
    line: DockerdConnection,
    pulled: Option<pull::Pulled>,
    any_name: AnyName,
) -> Result<Response<AnswerBody>, Stop> {
    let status = response.status();
    let tells = match call.action.head.route.answer {
        AnswerKind::Progress => Some(Tells::Progress),
        _ if is_wait(call) => Some(Tells::Wait),
        _ if is_read_here(call) => return document(call, response, line).await,
        _ => None,
    };
    if let Some(document) = viewer::document_of(call).filter(|_| status.is_success()) {
        return Ok(seen(call, response, line, document).await?);
    }
    if let Some(pulled) = pulled.filter(|_| status.is_success()) {
        return Ok(pull::relay(call, pulled, response, line));
    }
    if tells.is_none() {
        call.record_outcome(outcome_of(status), None);
    }
    Ok(relay(call, response, line, tells, any_name))
}

/// The answer to a wait is short, and tells the outcome at its end.
fn is_wait(call: &Call) -> bool {
    call.action.head.route.operation == Operation::Container(ContainerOperation::Wait)
}

/// The outcome that a status tells.
pub(crate) fn outcome_of(status: StatusCode) -> CallOutcome {
    if status.as_u16() < 400 { CallOutcome::Done(None) } else { CallOutcome::Failed }
}

/// The request as dockerd gets it, without its body.
fn request(call: &Call, method: &Method) -> Result<Request<()>, Unreachable> {
    let action = &call.action;
    let head = &action.head;
    let target = head.target_without(&naming::left_out(call), call.version, action.object.id());
    let malformed = |source| Unreachable::Malformed { what: target.clone(), source };
    let mut request = Request::new(());
    request.method_mut().clone_from(method);
    *request.uri_mut() =
        target.parse().map_err(|error: hyper::http::uri::InvalidUri| malformed(error.into()))?;
    let headers = request.headers_mut();
    headers.insert(HOST, upstream::HOST);
    for (name, value) in &head.headers {
        headers.append(name.clone(), value.clone());
    }
    match head.route.body {
        BodyKind::None => {}
        BodyKind::Stream => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        }
        _ => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
    match protocol(call) {
        Some(protocol) => {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static(protocol));
        }
        // The end of a stream is that of the connection.
        None if stream::is_for(call) => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        None => {}
    }
    Ok(request)
}

/// The protocol that the connection to dockerd is to become, where the client asks for it.
fn protocol(call: &Call) -> Option<&'static str> {
    let upgrade = call.action.head.upgrade?;
    Some(match upgrade {
        Upgrade::Tcp => "tcp",
        Upgrade::H2c => "h2c",
        Upgrade::WebSocket => "websocket",
    })
}

/// How an answer that goes on tells what came of the call.
enum Tells {
    Progress,
    Wait,
}

/// The answer as it comes. A load keeps the lock of any name until its end.
fn relay(
    call: &Rc<Call>,
    response: Response<Incoming>,
    line: DockerdConnection,
    tells: Option<Tells>,
    any_name: AnyName,
) -> Response<AnswerBody> {
    let (mut head, body) = response.into_parts();
    head.headers = answer::relayed_headers(head.headers);
    advertise::limit_header(&mut head.headers);
    let made = ImageMade::default();
    let then = {
        let (call, made) = (Rc::clone(call), Rc::clone(&made));
        move |came, image: Option<MadeImage>| {
            call.record_outcome(came, None);
            drop(any_name);
            let Some(MadeImage { id, is_new }) = image else { return };
            made.set(Some(id.clone()));
            if !call.plan.names_itself {
                claim_names(&call, &id);
            }
            if is_new {
                claim_image(&call, id);
            }
        }
    };
    let ending = tells.map(|tells| match tells {
        Tells::Progress => OutcomeReader::of_progress(sign_of_image(&call.action.head), then),
        Tells::Wait => OutcomeReader::of_wait(then),
    });
    let is_of_events = stream::is_of_events(call) && head.status == StatusCode::OK;
    let filter: Option<Box<dyn Filter>> = if is_of_events {
        Some(Box::new(Events::of(call)))
    } else if call.plan.names_itself || naming::is_quiet_build(&call.action.head) {
        Some(Box::new(Naming::of(call, made)))
    } else {
        None
    };
    let relay = Relay { body, line: Some(line), ending, filter, is_at_end: false };
    Response::from_parts(head, AnswerBody::relayed(relay))
}

/// Longest list that the broker reads, in bytes.
const LIST_LIMIT_BYTES: usize = 64 << 20;

/// What of the answer the caller may see.
async fn seen(
    call: &Call,
    response: Response<Incoming>,
    line: DockerdConnection,
    document: Document,
) -> Result<Response<AnswerBody>, Unreachable> {
    let (mut head, body) = response.into_parts();
    let what = call.action.head.route.path;
    let bytes = line.read(body, LIST_LIMIT_BYTES).await.map_err(|error| error.of(what))?;
    if call.action.head.route.operation == Operation::Volume(VolumeOperation::Create)
        && let Err(refusal) = created::volume(call, &bytes)
    {
        call.record_outcome(CallOutcome::Failed, None);
        return Ok(answer::message(refusal.status, &refusal.message));
    }
    let viewer = Viewer::of(call);
    viewer.learn(call, &bytes).await;
    let document = viewer.reading(document, call).await?;
    let filtered = filter_document(document, &bytes, &mut |seen| viewer.may_see(seen))
        .map_err(|error| Unreachable::Malformed { what: what.to_owned(), source: error.into() })?;
    call.record_outcome(outcome_of(head.status), None);
    head.headers = answer::relayed_headers(head.headers);
    head.headers.remove(CONTENT_LENGTH);
    advertise::limit_header(&mut head.headers);
    Ok(Response::from_parts(head, AnswerBody::own(filtered.into())))
}

/// Whether the broker has to read an answer: for the id of what came into being, or since it says
/// more than the broker can do.
fn is_read_here(call: &Call) -> bool {
    let route = call.action.head.route;
    let makes = matches!(
        route.body,
        BodyKind::ContainerCreate
            | BodyKind::ExecCreate
            | BodyKind::Commit
            | BodyKind::NetworkCreate
    );
    makes || route.path == advertise::PATH || is_of_own_volumes(call)
}

fn is_of_own_volumes(call: &Call) -> bool {
    call.plan.is_of_own
        && call.action.head.route.operation == Operation::Volume(VolumeOperation::Prune)
}

/// Longest answer that the broker itself reads, in bytes.
const DOCUMENT_LIMIT_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

/// An answer that is read before it is passed on.
async fn document(
    call: &Rc<Call>,
    response: Response<Incoming>,
    line: DockerdConnection,
) -> Result<Response<AnswerBody>, Stop> {
    let (mut head, body) = response.into_parts();
    let what = call.action.head.route.path;
    let read = line.read(body, DOCUMENT_LIMIT_BYTES).await;
    let document = read.map_err(|error| error.of(what))?;
    head.headers = answer::relayed_headers(head.headers);
    head.headers.remove(CONTENT_LENGTH);
    advertise::limit_header(&mut head.headers);
    let created = serde_json::from_slice::<Created>(&document).ok().map(|created| created.id);
    let committed = created.clone().filter(|_| call.action.head.route.body == BodyKind::Commit);
    if let (Some(id), BodyKind::NetworkCreate) = (&created, call.action.head.route.body)
        && let Err(refusal) = created::network(call, id).await?
    {
        call.record_outcome(CallOutcome::Failed, None);
        return Ok(answer::message(refusal.status, &refusal.message));
    }
    let made = match created {
        Some(id) => made(call, id).await,
        None => None,
    };
    call.record_outcome(outcome_of(head.status), made.as_ref());
    if let (Some(id), true) = (committed, call.plan.names_itself) {
        naming::give_names(call, id).await?;
    }
    let document = match call.action.head.route.path {
        advertise::PATH => advertise::limit_document(document),
        _ if is_of_own_volumes(call) => prune::volumes(call, document).await?,
        _ => document,
    };
    Ok(Response::from_parts(head, AnswerBody::own(document)))
}

/// How the answer tells which image was made.
fn sign_of_image(head: &Head) -> Option<ImageSign> {
    match head.route.operation {
        Operation::Build(BuildOperation::Run) if build_cache::is_classic(&head.query) => {
            Some(ImageSign::Built)
        }
        Operation::Build(BuildOperation::Run) if head.query.text("q") == Some("1") => {
            Some(ImageSign::BuildKitQuietly)
        }
        Operation::Build(BuildOperation::Run) => Some(ImageSign::BuildKit),
        Operation::Image(ImageOperation::Pull) if head.query.text("fromSrc").is_some() => {
            Some(ImageSign::Imported)
        }
        _ => None,
    }
}

/// What has come into being, which is the caller's from now on. Of a new container also the name
/// that docker gave it where the client gave none.
async fn made(call: &Rc<Call>, id: String) -> Option<MadeObject> {
    let kind = match call.action.head.route.body {
        BodyKind::ContainerCreate => OwnedKind::Container,
        BodyKind::ExecCreate => OwnedKind::Exec,
        BodyKind::NetworkCreate => OwnedKind::Network,
        _ => OwnedKind::Image,
    };
    let state = &call.connection.state;
    if kind == OwnedKind::Image {
        if !call.plan.names_itself {
            claim_names(call, &id);
        }
        claim_image(call, id);
        return None;
    }
    claim(&state.owners, kind, &id, &call.action.owner);
    if kind != OwnedKind::Container {
        return None;
    }
    state.privileged.remember(&id, call.dangers.yields_host_as_written);
    let is_named = call.action.head.query.text("name").is_some();
    if is_named && !nameless_volume::may_come_with(&call.action) {
        return Some(MadeObject { id, name: None });
    }
    let found = object::container(&id, call.version, &call.connection.upstream).await;
    let Ok(Found::Yes(container)) = found else { return Some(MadeObject { id, name: None }) };
    for volume in nameless_volume::of(&container, &call.action) {
        claim(&state.owners, OwnedKind::Volume, volume, &call.action.owner);
    }
    let name = (!is_named).then(|| container.name().to_owned());
    Some(MadeObject { id, name })
}
