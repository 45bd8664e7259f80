//! Asking dockerd, in a request of the broker's own making.
//!
//! Knows how an understood call becomes a request, and how the answer comes back: as a document, as
//! a stream, or by the connection becoming one.

mod stream;

use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;

use crate::advertise;
use crate::answer::{self, AnswerBody, Relay};
use crate::api::body::Body;
use crate::api::route::{AnswerKind, BodyKind};
use crate::call::{Call, Inbound};
use crate::client_stream::ClientBody;
use crate::ending::{Came, Ending};
use crate::evidence::Made;
use crate::object;
use crate::request::Upgrade;
use crate::upstream::{self, Found, Line, Unreachable};
pub(crate) use stream::Stream;

/// What comes back.
pub(crate) enum Forwarded {
    /// An answer, or the beginning of one.
    Answer(Response<AnswerBody>),
    /// The client's connection is to become a stream.
    Stream(Stream),
}

/// Asks dockerd.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn forward(
    call: &Rc<Call>,
    client: &mut Inbound,
) -> Result<Forwarded, Unreachable> {
    let request = request(call, &client.head.method)?;
    let json = call.action.body.to_json().map(Bytes::from);
    if stream::is_for(call) {
        let request = request.map(|()| json.unwrap_or_default());
        return Ok(Forwarded::Stream(Stream::open(call, &request).await?));
    }
    let body = match (json, &call.action.body) {
        (None, Body::Stream) => client
            .body
            .take()
            .map(|body| Either::Right(ClientBody::new(body, &call.connection.phase))),
        (json, _) => json.map(|json| Either::Left(Full::new(json))),
    };
    let request = request.map(|()| body.unwrap_or_else(|| Either::Left(Full::default())));
    let (response, line) = call.connection.upstream.send(request).await?;
    let status = response.status();
    let route = call.action.head.route;
    let tells = match route.answer {
        _ if status.as_u16() >= 400 => None,
        AnswerKind::Progress => Some(Tells::Progress),
        _ if is_wait(call) => Some(Tells::Wait),
        _ if is_read_here(call) => {
            return Ok(Forwarded::Answer(document(call, response, line).await?));
        }
        _ => None,
    };
    if tells.is_none() {
        call.record_outcome(outcome_of(status), None);
    }
    Ok(Forwarded::Answer(relay(call, response, line, tells)))
}

/// The answer to a wait is short, and tells the outcome at its end.
fn is_wait(call: &Call) -> bool {
    call.action.head.route.op == "wait"
}

/// The outcome that a status tells.
pub(crate) fn outcome_of(status: StatusCode) -> Came {
    if status.as_u16() < 400 { Came::Done(None) } else { Came::Failed }
}

/// The request as dockerd gets it, without its body.
fn request(call: &Call, method: &Method) -> Result<Request<()>, Unreachable> {
    let action = &call.action;
    let head = &action.head;
    let target = head.target(call.version, action.object.id());
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

/// The answer as it comes.
fn relay(
    call: &Rc<Call>,
    response: Response<Incoming>,
    line: Line,
    tells: Option<Tells>,
) -> Response<AnswerBody> {
    let (mut head, body) = response.into_parts();
    head.headers = answer::relayed_headers(head.headers);
    advertise::limit_header(&mut head.headers);
    let then = {
        let call = Rc::clone(call);
        move |came| call.record_outcome(came, None)
    };
    let ending = tells.map(|tells| match tells {
        Tells::Progress => Ending::of_progress(then),
        Tells::Wait => Ending::of_wait(then),
    });
    Response::from_parts(head, AnswerBody::relayed(Relay { body, line: Some(line), ending }))
}

/// Whether the broker has to read an answer: for the id of what came into being, or since it says
/// more than the broker can do.
fn is_read_here(call: &Call) -> bool {
    let route = call.action.head.route;
    route.body == BodyKind::ContainerCreate || route.path == advertise::PATH
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
    call: &Call,
    response: Response<Incoming>,
    line: Line,
) -> Result<Response<AnswerBody>, Unreachable> {
    let (mut head, body) = response.into_parts();
    let document = line.read(body, DOCUMENT_LIMIT_BYTES).await.map_err(|source| {
        Unreachable::Malformed { what: call.action.head.route.path.to_owned(), source }
    })?;
    head.headers = answer::relayed_headers(head.headers);
    head.headers.remove(CONTENT_LENGTH);
    advertise::limit_header(&mut head.headers);
    let made = match serde_json::from_slice::<Created>(&document) {
        Ok(created) => Some(made(call, created.id).await),
        Err(_) => None,
    };
    call.record_outcome(outcome_of(head.status), made.as_ref());
    let document = match call.action.head.route.path {
        advertise::PATH => advertise::limit_document(document),
        _ => document,
    };
    Ok(Response::from_parts(head, AnswerBody::own(document)))
}

/// A new container, with the name that docker gave it where the client gave none.
async fn made(call: &Call, id: String) -> Made {
    if call.action.head.query.text("name").is_some() {
        return Made { id, name: None };
    }
    let name = match object::container(&id, call.version, &call.connection.upstream).await {
        Ok(Found::Yes(container)) => Some(container.name().to_owned()),
        Ok(Found::No(..)) | Err(_) => None,
    };
    Made { id, name }
}
