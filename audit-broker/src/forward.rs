//! Asking dockerd, in a request of the broker's own making.
//!
//! Knows how an understood call becomes a request, and how the answer comes back: as a document, as
//! a stream, or by the connection becoming one.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, UPGRADE};
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::advertise;
use crate::answer::{self, AnswerBody, Relay, Watch};
use crate::api::body::Body;
use crate::api::route::{AnswerKind, BodyKind};
use crate::call::{Call, Inbound};
use crate::ending::{Came, Ending};
use crate::evidence::Made;
use crate::metrics::Counted;
use crate::object::{self, Object};
use crate::tunnel;
use crate::upstream::{self, Found, Lease, RequestBody, Unreachable};

/// Asks dockerd and gives its answer, or the beginning of it.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn forward(
    call: &Rc<Call>,
    client: &mut Inbound,
) -> Result<Response<AnswerBody>, Unreachable> {
    let request = request(call, client)?;
    let (response, lease) = call.connection.upstream.send(request).await?;
    let status = response.status();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(become_stream(call, client, response));
    }
    let route = call.action.head.route;
    match route.answer {
        _ if status.as_u16() >= 400 => call.record_outcome(outcome_of(status), None),
        AnswerKind::Progress => return Ok(stream(call, response, lease, Some(Sign::Progress))),
        _ if route.op == "wait" => return Ok(stream(call, response, lease, Some(Sign::Wait))),
        _ if is_read_here(call) => return document(call, response, lease).await,
        _ => call.record_outcome(outcome_of(status), None),
    }
    Ok(stream(call, response, lease, None))
}

/// The outcome that a status tells.
pub(crate) fn outcome_of(status: StatusCode) -> Came {
    if status.as_u16() < 400 { Came::Done(None) } else { Came::Failed }
}

/// The request as dockerd gets it.
fn request(call: &Call, client: &mut Inbound) -> Result<Request<RequestBody>, Unreachable> {
    let action = &call.action;
    let head = &action.head;
    let target = head.target(call.version, action.object.id());
    let malformed = |source| Unreachable::Malformed { what: target.clone(), source };
    let body = match (&action.body, action.body.to_json()) {
        (_, Some(document)) => Either::Left(Full::new(Bytes::from(document))),
        (Body::Stream, None) => client.body.take().map_or_else(empty, Either::Right),
        (_, None) => empty(),
    };
    let mut request = Request::new(body);
    request.method_mut().clone_from(&client.head.method);
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
    if let Some(protocol) = protocol(call) {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(protocol));
    }
    Ok(request)
}

fn empty() -> RequestBody {
    Either::Left(Full::default())
}

/// The protocol that the connection to dockerd is to become.
fn protocol(call: &Call) -> Option<&'static str> {
    match call.action.head.route.answer {
        // Also where the client does not ask for it: dockerd streams either way, and says so.
        AnswerKind::Hijack => Some("tcp"),
        AnswerKind::Http2 => Some("h2c"),
        AnswerKind::WebSocket => Some("websocket"),
        AnswerKind::Plain | AnswerKind::Stream | AnswerKind::Progress => None,
    }
}

/// dockerd has made its connection a stream, so the client's becomes one too; one who did not ask
/// for that gets what comes out of it as a body.
fn become_stream(
    call: &Rc<Call>,
    client: &mut Inbound,
    mut response: Response<Incoming>,
) -> Response<AnswerBody> {
    let upstream = hyper::upgrade::on(&mut response);
    let headers = answer::relayed_headers(std::mem::take(response.headers_mut()));
    let end = StreamEnd::of(call);
    let presence = call.connection.presence.clone();
    let upgrade = client.upgrade.take().filter(|_| call.action.head.upgrade.is_some());
    let (Some(client), Some(protocol)) = (upgrade, protocol(call)) else {
        let mut answer =
            Response::new(AnswerBody::raw(upstream, Watch::new(presence), move || {
                spawn_local(end.finish());
            }));
        *answer.headers_mut() = headers;
        return answer;
    };
    let tunnel = async move {
        if let Err(error) = tunnel::join(client, upstream, &presence).await {
            tracing::debug!("a stream broke off: {error}");
        }
        end.finish().await;
    };
    *call.connection.tunnel.borrow_mut() = Some(Box::pin(tunnel));
    let mut answer = Response::new(AnswerBody::own(Bytes::new()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *answer.headers_mut() = headers;
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static(protocol));
    answer
}

/// How an answer that goes on tells what came of the call.
enum Sign {
    Progress,
    Wait,
}

/// The answer as it comes.
fn stream(
    call: &Rc<Call>,
    response: Response<Incoming>,
    lease: Lease,
    sign: Option<Sign>,
) -> Response<AnswerBody> {
    let (mut head, body) = response.into_parts();
    head.headers = answer::relayed_headers(head.headers);
    advertise::limit_header(&mut head.headers);
    let then = {
        let call = Rc::clone(call);
        move |came| call.record_outcome(came, None)
    };
    let ending = sign.map(|sign| match sign {
        Sign::Progress => Ending::of_progress(then),
        Sign::Wait => Ending::of_wait(then),
    });
    let is_long = call.action.head.route.answer != AnswerKind::Plain;
    let watch = is_long.then(|| {
        let counted = call.connection.shared.metrics.open_stream();
        (Watch::new(call.connection.presence.clone()), counted)
    });
    let relay = Relay { body, lease: Some(lease), ending, watch };
    Response::from_parts(head, AnswerBody::relayed(relay))
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
    lease: Lease,
) -> Result<Response<AnswerBody>, Unreachable> {
    let (mut head, body) = response.into_parts();
    let document = Limited::new(body, DOCUMENT_LIMIT_BYTES).collect().await.map_err(|source| {
        Unreachable::Malformed { what: call.action.head.route.path.to_owned(), source }
    })?;
    lease.give_back();
    let document = document.to_bytes();
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

/// What is left to do when a raw stream ends.
struct StreamEnd {
    /// The call whose outcome is known only then.
    call: Option<Rc<Call>>,
    _counted: Counted,
}

/// How often dockerd is asked for the exit status of a process whose output has ended.
const EXIT_TRIES: u32 = 5;

/// Between two such questions.
const EXIT_PAUSE: Duration = Duration::from_millis(20);

impl StreamEnd {
    /// The outcome of a process in a container is its exit status; any other stream has begun, and
    /// that is it.
    fn of(call: &Rc<Call>) -> Self {
        let is_process = matches!(call.action.object, Object::Exec(_));
        if !is_process {
            call.record_outcome(Came::Done(None), None);
        }
        let counted = call.connection.shared.metrics.open_stream();
        Self { call: is_process.then(|| Rc::clone(call)), _counted: counted }
    }

    /// The stream has come to its end.
    async fn finish(mut self) {
        let Some(call) = self.call.take() else { return };
        let Some(id) = call.action.object.id() else { return };
        let mut exit = None;
        for _ in 0..EXIT_TRIES {
            exit = object::exit_code(id, call.version, &call.connection.upstream).await;
            if exit.is_some() {
                break;
            }
            sleep(EXIT_PAUSE).await;
        }
        call.record_outcome(Came::Done(exit), None);
    }
}

impl Drop for StreamEnd {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            call.record_outcome(Came::BrokenOff, None);
        }
    }
}
