//! Answers that are streams: those that may be without end, or large, and those by which the
//! connection itself becomes one.
//!
//! Knows that such an answer goes on as it comes, byte for byte, and what is left to do at its end.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use hyper::http::response::Parts;
use hyper::{Request, StatusCode};
use tokio::time::sleep;

use super::{is_wait, outcome_of, protocol};
use crate::api::class::Class;
use crate::api::route::AnswerKind;
use crate::call::Call;
use crate::call::answer;
use crate::dockerd::object::{self, Object};
use crate::dockerd::upstream::Unreachable;
use crate::forward::advertise;
use crate::metrics::Counted;
use crate::net::tunnel::{self, TunnelEnd, Ways};
use crate::record::outcome::CallOutcome;

/// Whether the answer to the call is a stream.
pub(super) fn is_for(call: &Call) -> bool {
    match call.action.head.route.answer {
        AnswerKind::Stream => !is_wait(call) && !is_of_events(call),
        AnswerKind::Hijack | AnswerKind::WebSocket | AnswerKind::Http2 => true,
        AnswerKind::Plain | AnswerKind::Progress => false,
    }
}

/// Whether the answer is a stream of events, which is read on its way: not everybody may see all.
pub(super) fn is_of_events(call: &Call) -> bool {
    call.action.head.route.class == Class::Events
}

/// What a client's connection becomes.
pub(crate) struct Stream {
    /// The head of the answer.
    head: Vec<u8>,
    upstream: TunnelEnd,
    ways: Ways,
    end: StreamEnd,
}

impl Stream {
    /// Asks dockerd, on a connection of its own, and prepares its answer for the client.
    pub(super) async fn open(
        call: &Rc<Call>,
        request: &Request<Bytes>,
    ) -> Result<Self, Unreachable> {
        let (answer, upstream) = call.connection.upstream.open(request).await?;
        let ways = ways(call, &answer);
        let end = StreamEnd::of(call, answer.status);
        Ok(Self { head: head_for_client(call, answer), upstream, ways, end })
    }

    /// Passes on what comes until the stream ends.
    pub(crate) async fn run(self, client: TunnelEnd) {
        let Self { head, upstream, ways, end } = self;
        if let Err(error) = tunnel::join(head, client, upstream, ways).await {
            tracing::debug!("a stream broke off: {error}");
        }
        end.finish().await;
    }
}

/// Which way bytes go: both ways where dockerd has turned the protocol, or takes the connection
/// without being asked for that.
fn ways(call: &Call, answer: &Parts) -> Ways {
    let is_document = answer.headers.contains_key(CONTENT_LENGTH);
    let is_taken = answer.status == StatusCode::OK && !is_document;
    match call.action.head.route.answer {
        _ if answer.status == StatusCode::SWITCHING_PROTOCOLS => Ways::Both,
        AnswerKind::Hijack if is_taken => Ways::Both,
        _ => Ways::ToClient,
    }
}

/// dockerd's answer goes on chunks and all, so the end of it is that of the connection.
fn head_for_client(call: &Call, mut answer: Parts) -> Vec<u8> {
    let chunks = answer.headers.remove(TRANSFER_ENCODING);
    answer.headers = answer::relayed_headers(answer.headers);
    advertise::limit_header(&mut answer.headers);
    let headers = &mut answer.headers;
    let turned = protocol(call).filter(|_| answer.status == StatusCode::SWITCHING_PROTOCOLS);
    if let Some(protocol) = turned {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(protocol));
    } else {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.extend(chunks.map(|chunks| (TRANSFER_ENCODING, chunks)));
    }
    answer::head_bytes(&answer)
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
    fn of(call: &Rc<Call>, status: StatusCode) -> Self {
        let is_process = matches!(call.action.object, Object::Exec(_)) && status.as_u16() < 400;
        if !is_process {
            call.record_outcome(outcome_of(status), None);
        }
        let counted = call.connection.state.metrics.open_stream();
        Self { call: is_process.then(|| Rc::clone(call)), _counted: counted }
    }

    /// The stream has come to its end.
    async fn finish(self) {
        let Some(call) = self.call else { return };
        let Some(id) = call.action.object.id() else { return };
        let mut exit = None;
        for _ in 0..EXIT_TRIES {
            exit = object::exit_code(id, call.version, &call.connection.upstream).await;
            if exit.is_some() {
                break;
            }
            sleep(EXIT_PAUSE).await;
        }
        call.record_outcome(CallOutcome::Done(exit), None);
    }
}
