//! The answer on its way to the client.
//!
//! Knows how dockerd's answer is passed on as it comes, and what of it tells the outcome.

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
use crate::net::client_stream::Answering;
use crate::record::outcome::OutcomeReader;

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    content: Content,
    /// Until hyper has taken all of the body, what comes in is no head.
    answering: Option<Answering>,
}

#[derive(Debug)]
enum Content {
    /// What the broker says itself.
    Own(Full<Bytes>),
    /// dockerd's, as it comes.
    Relayed(Box<Relay>),
    /// dockerd's, as a task that goes on by itself hands it over.
    Pieces(mpsc::Receiver<Bytes>),
}

/// dockerd's answer while it is passed on.
pub(crate) struct Relay {
    pub(crate) body: Incoming,
    /// Given back when the answer has been read to its end.
    pub(crate) line: Option<DockerdConnection>,
    /// Told what comes by, where that tells the outcome.
    pub(crate) ending: Option<OutcomeReader>,
    /// Takes out what may not be seen, or adds something at the end.
    pub(crate) filter: Option<Box<dyn Filter>>,
    pub(crate) is_at_end: bool,
}

/// Changes an answer on its way, for which it may have to look at something first.
pub(crate) trait Filter {
    /// Begins with a piece, when there is nothing left of the one before.
    fn take(&mut self, piece: &[u8]);

    /// What has begun has come to its end.
    fn end(&mut self);

    /// What is left of the piece, or behind the end; `None` if there is nothing.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Vec<u8>>>;
}

impl AnswerBody {
    pub(crate) fn own(bytes: Bytes) -> Self {
        Self { content: Content::Own(Full::new(bytes)), answering: None }
    }

    pub(crate) fn relayed(mut relay: Relay) -> Self {
        if relay.body.is_end_stream() {
            // Nobody asks for a body that is empty.
            relay.finish();
        }
        Self { content: Content::Relayed(Box::new(relay)), answering: None }
    }

    /// What a task sends until it drops its end.
    pub(crate) fn pieces(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self { content: Content::Pieces(pieces), answering: None }
    }

    /// Keeps the connection in the phase of answering until the body is sent.
    pub(crate) fn during(mut self, answering: Answering) -> Self {
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
            // What nothing is left of would only wake the client's end.
            if let Some(filter) = &mut self.filter
                && let Some(left) = ready!(filter.poll(context))
                && !left.is_empty()
            {
                return Poll::Ready(Some(Ok(Frame::data(left.into()))));
            }
            let frame = ready!(self.poll_whole(context));
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

    fn poll_whole(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(line) = &mut self.line else { return Poll::Ready(None) };
        let frame = ready!(line.poll_body(&mut self.body, context));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(ending), Some(data)) = (&mut self.ending, frame.data_ref()) {
                    ending.see(data);
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
        if let Some(line) = self.line.take() {
            line.give_back();
        }
        if let Some(ending) = self.ending.take() {
            ending.finish();
        }
    }
}

impl Body for AnswerBody {
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
            // What is filtered may be looked at when the last of it has come.
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

/// What a client is told in docker's own shape.
pub(crate) fn message(status: StatusCode, message: &str) -> Response<AnswerBody> {
    let text = serde_json::json!({ "message": message }).to_string();
    document(status, Bytes::from(text))
}

/// A document in JSON.
pub(crate) fn document(status: StatusCode, document: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::own(document));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Headers that are about one connection, and not about the answer.
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

/// dockerd's headers as they are passed on.
pub(crate) fn relayed_headers(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers
}

/// The head of an answer as it stands on the wire, in front of a raw stream.
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
