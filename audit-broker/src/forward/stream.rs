//! Responses that are streams: endless or large ones, and those that turn the connection into a stream.
//!
//! The broker relays such a response byte for byte, without reading it. When the stream of a process in
//! a container ends, the broker asks dockerd for the exit status and records the outcome.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use hyper::http::response::Parts;
use hyper::{Request, StatusCode};
use tokio::time::sleep;

use super::{is_wait, outcome_of};
use crate::api::class::Class;
use crate::api::route::ResponseKind;
use crate::call::Call;
use crate::call::response;
use crate::dockerd::object::{self, Object};
use crate::dockerd::upstream::Unreachable;
use crate::forward::advertise;
use crate::metrics::Counted;
use crate::net::tunnel::{self, Directions, TunnelEnd};
use crate::record::outcome::CallOutcome;

/// Whether the broker relays the response as a raw stream.
pub(super) fn is_raw(call: &Call) -> bool {
    match call.action.head.route.response {
        ResponseKind::Stream => !is_wait(call) && !is_of_events(call),
        ResponseKind::Hijack | ResponseKind::WebSocket | ResponseKind::Http2 => true,
        ResponseKind::Plain | ResponseKind::Progress => false,
    }
}

/// Whether the response is a stream of events. The broker filters it, so it is no raw stream.
pub(super) fn is_of_events(call: &Call) -> bool {
    call.action.head.route.class == Class::Events
}

/// The stream that a client's connection becomes.
pub(crate) struct Stream {
    /// The head of the response, for the client.
    head: Vec<u8>,
    upstream: TunnelEnd,
    directions: Directions,
    end: StreamEnd,
}

impl Stream {
    /// Sends the request on a connection of its own, and prepares the response for the client.
    pub(super) async fn open(
        call: &Rc<Call>,
        request: &Request<Bytes>,
    ) -> Result<Self, Unreachable> {
        let (response, upstream) = call.connection.upstream.open(request).await?;
        let directions = directions(call, &response);
        let end = StreamEnd::of(call, response.status);
        Ok(Self { head: head_for_client(call, response), upstream, directions, end })
    }

    /// Relays bytes until the stream ends.
    pub(crate) async fn run(self, client: TunnelEnd) {
        let Self { head, upstream, directions, end } = self;
        if let Err(error) = tunnel::join(head, client, upstream, directions).await {
            tracing::debug!("a stream broke off: {error}");
        }
        end.finish().await;
    }
}

/// In which directions bytes flow: in both if dockerd has switched protocols, or has hijacked the
/// connection without an upgrade.
fn directions(call: &Call, response: &Parts) -> Directions {
    let is_document = response.headers.contains_key(CONTENT_LENGTH);
    let is_hijacked = response.status == StatusCode::OK && !is_document;
    let may_be_hijacked = call.action.head.route.response == ResponseKind::Hijack;
    if response.status == StatusCode::SWITCHING_PROTOCOLS || (may_be_hijacked && is_hijacked) {
        Directions::Both
    } else {
        Directions::ToClient
    }
}

/// The head of the response. The body keeps its chunks, and the end of the connection ends it.
fn head_for_client(call: &Call, mut head: Parts) -> Vec<u8> {
    let chunks = head.headers.remove(TRANSFER_ENCODING);
    head.headers = response::relayed_headers(head.headers);
    advertise::limit_header(&mut head.headers);
    let headers = &mut head.headers;
    let switched =
        call.action.head.upgrade.filter(|_| head.status == StatusCode::SWITCHING_PROTOCOLS);
    if let Some(upgrade) = switched {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(upgrade.protocol()));
    } else {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.extend(chunks.map(|chunks| (TRANSFER_ENCODING, chunks)));
    }
    response::head_bytes(&head)
}

/// The work that remains when a raw stream ends.
struct StreamEnd {
    /// The call, if its outcome is not known before the end.
    call: Option<Rc<Call>>,
    _counted: Counted,
}

/// How often the broker asks dockerd for the exit status of a process whose output has ended. dockerd
/// may close the output before it knows the status, so the broker retries.
const EXIT_TRIES: u32 = 5;

/// How long the broker waits before it retries.
const EXIT_RETRY_DELAY: Duration = Duration::from_millis(20);

impl StreamEnd {
    /// Records the outcome, unless the stream is that of a process: its outcome is the exit status.
    fn of(call: &Rc<Call>, status: StatusCode) -> Self {
        let is_process = matches!(call.action.object, Object::Exec(_)) && status.as_u16() < 400;
        if is_process {
            call.record_command();
        } else {
            call.record_outcome(outcome_of(status), None);
        }
        let counted = call.connection.state.metrics.open_stream();
        Self { call: is_process.then(|| Rc::clone(call)), _counted: counted }
    }

    /// Records the exit status of the process.
    async fn finish(self) {
        let Some(call) = self.call else { return };
        let Some(id) = call.action.object.id() else { return };
        let mut exit = None;
        for _ in 0..EXIT_TRIES {
            exit = object::exit_code(id, call.version, &call.connection.upstream).await;
            if exit.is_some() {
                break;
            }
            sleep(EXIT_RETRY_DELAY).await;
        }
        call.record_outcome(CallOutcome::Done(exit), None);
    }
}
