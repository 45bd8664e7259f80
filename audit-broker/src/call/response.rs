//! The response on its way to the client.
//!
//! This file relays dockerd's response as it comes, through a filter where the call has one. It shows
//! each piece to the reader of the outcome. It does not know what a filter does.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::ext::ReasonPhrase;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::response::Parts;
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use crate::dockerd::upstream::DockerdConnection;
use crate::net::client_stream::AnsweringGuard;
use crate::record::outcome::OutcomeReader;
use crate::refusal;

/// The body of a response.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    content: Content,
    /// Bytes that arrive before hyper has taken the whole body are not a request head.
    answering: Option<AnsweringGuard>,
}

#[derive(Debug)]
enum Content {
    /// The broker's own document.
    Own(Full<Bytes>),
    /// dockerd's response, as it comes.
    Relayed(Box<Relay>),
    /// dockerd's response, in pieces from a task of its own.
    Pieces(mpsc::Receiver<Bytes>),
}

/// dockerd's response while it is relayed.
pub(crate) struct Relay {
    pub(crate) body: Incoming,
    /// The connection to dockerd, given back when the response has been read to its end.
    pub(crate) connection: Option<DockerdConnection>,
    /// Reads the outcome of the call, where the response shows it.
    pub(crate) outcome: Option<OutcomeReader>,
    /// Leaves out what the caller may not see, or adds something at the end.
    pub(crate) filter: Option<Box<dyn Filter>>,
    pub(crate) is_at_end: bool,
}

/// Changes a response on its way. A filter may have to wait, for example for dockerd.
pub(crate) trait Filter {
    /// Takes the next piece. Called only after `poll` has returned `None`.
    fn take(&mut self, piece: &[u8]);

    /// Takes the end of the response.
    fn end(&mut self);

    /// The filtered piece, or what follows the end; `None` if there is nothing more.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>>;
}

impl ResponseBody {
    pub(crate) fn own(bytes: Bytes) -> Self {
        Self { content: Content::Own(Full::new(bytes)), answering: None }
    }

    pub(crate) fn relayed(mut relay: Relay) -> Self {
        if relay.body.is_end_stream() {
            // hyper does not poll an empty body.
            relay.finish();
        }
        Self { content: Content::Relayed(Box::new(relay)), answering: None }
    }

    /// The pieces that a task sends until it drops its sender.
    pub(crate) fn pieces(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self { content: Content::Pieces(pieces), answering: None }
    }

    /// Keeps the connection in the answering phase until the body is sent.
    pub(crate) fn during(mut self, answering: AnsweringGuard) -> Self {
        self.answering = Some(answering);
        self
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Relay").field("body", &self.body).finish_non_exhaustive()
    }
}

impl Relay {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        loop {
            // An empty piece would only wake the client.
            if let Some(filter) = &mut self.filter
                && let Some(piece) = ready!(filter.poll(context))
                && !piece.is_empty()
            {
                return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
            }
            let frame = ready!(self.poll_unfiltered(context));
            match (&mut self.filter, frame) {
                (Some(filter), Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => filter.take(&piece),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                (Some(filter), None) if !self.is_at_end => {
                    self.is_at_end = true;
                    filter.end();
                }
                (_, frame) => return Poll::Ready(frame),
            }
        }
    }

    fn poll_unfiltered(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        let frame = ready!(connection.poll_body(&mut self.body, context));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(outcome), Some(data)) = (&mut self.outcome, frame.data_ref()) {
                    outcome.see(data);
                }
                if self.body.is_end_stream() {
                    self.finish();
                }
            }
            Some(Err(_)) => {}
            None => self.finish(),
        }
        Poll::Ready(frame)
    }

    fn finish(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.give_back();
        }
        if let Some(outcome) = self.outcome.take() {
            outcome.finish();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut self.content {
            Content::Own(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Content::Relayed(relay) => relay.poll(context),
            Content::Pieces(pieces) => {
                pieces.poll_recv(context).map(|piece| Some(Ok(Frame::data(piece?))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Own(body) => body.is_end_stream(),
            // A filter may still hold a piece after the body has ended.
            Content::Relayed(relay) => relay.filter.is_none() && relay.body.is_end_stream(),
            Content::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Own(body) => body.size_hint(),
            Content::Relayed(relay) if relay.filter.is_some() => SizeHint::default(),
            Content::Relayed(relay) => relay.body.size_hint(),
            Content::Pieces(_) => SizeHint::default(),
        }
    }
}

/// A message for the client in dockerd's form.
pub(crate) fn message(status: StatusCode, message: &str) -> Response<ResponseBody> {
    document(status, refusal::document(message))
}

/// The response about an object that does not exist. If docker ignores a missing object, the response
/// says that all is done.
pub(crate) fn absent(status: StatusCode, text: &str) -> Response<ResponseBody> {
    if status != StatusCode::NO_CONTENT {
        return message(status, text);
    }
    let mut response = Response::new(ResponseBody::own(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A response with a JSON document.
pub(crate) fn document(status: StatusCode, document: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::own(document));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Headers that belong to one connection, and not to the response.
///
/// # Source
/// RFC 9110, 7.6.1.
const HOP_BY_HOP: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("trailer"),
];

/// dockerd's headers as they are relayed.
pub(crate) fn relayed_headers(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}

/// The head of a response as bytes, before a raw stream.
pub(crate) fn head_bytes(head: &Parts) -> Vec<u8> {
    let reason = head.extensions.get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
    let reason = reason.or(head.status.canonical_reason().map(str::as_bytes)).unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} ", head.status.as_str()).into_bytes();
    bytes.extend_from_slice(reason);
    for (name, value) in &head.headers {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes
}
