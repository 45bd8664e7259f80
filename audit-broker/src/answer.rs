//! The answer on its way to the client.
//!
//! Knows how dockerd's answer is passed on as it comes, and what of it tells the outcome.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::client_stream::{Answering, Presence};
use crate::ending::Ending;
use crate::metrics::Counted;
use crate::tunnel::PRESENCE_INTERVAL;
use crate::upstream::Lease;

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    content: Content,
    /// Until the body has been sent, what comes in is no head.
    answering: Option<Answering>,
}

#[derive(Debug)]
enum Content {
    /// What the broker says itself.
    Own(Full<Bytes>),
    /// dockerd's, as it comes.
    Relayed(Box<Relay>),
    /// What comes out of a raw stream.
    Raw(Box<Raw>),
}

/// A raw stream for a client that only listens.
struct Raw {
    stream: RawStream,
    watch: Watch,
    /// Called at the end; dropped without if the client goes away before.
    then: Option<Box<dyn FnOnce()>>,
}

enum RawStream {
    /// dockerd is about to make its connection a stream.
    Coming(OnUpgrade),
    Open(TokioIo<Upgraded>),
    Ended,
}

/// dockerd's answer while it is passed on.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) body: Incoming,
    /// Given back when the answer has been read to its end.
    pub(crate) lease: Option<Lease>,
    /// Told what comes by, where that tells the outcome.
    pub(crate) ending: Option<Ending>,
    /// Where the answer may be silent for long: whether somebody still waits for it.
    pub(crate) watch: Option<(Watch, Counted)>,
}

/// Looks from time to time whether the client is still there.
#[derive(Debug)]
pub(crate) struct Watch {
    presence: Presence,
    interval: Interval,
}

impl Watch {
    pub(crate) fn new(presence: Presence) -> Self {
        let mut interval = interval(PRESENCE_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { presence, interval }
    }

    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.interval.poll_tick(context));
            if self.presence.is_gone() {
                return Poll::Ready(());
            }
        }
    }
}

impl AnswerBody {
    pub(crate) fn own(bytes: Bytes) -> Self {
        Self { content: Content::Own(Full::new(bytes)), answering: None }
    }

    pub(crate) fn relayed(relay: Relay) -> Self {
        Self { content: Content::Relayed(Box::new(relay)), answering: None }
    }

    /// What comes out of dockerd's connection once it is a stream. Nothing is sent into it.
    pub(crate) fn raw(upstream: OnUpgrade, watch: Watch, then: impl FnOnce() + 'static) -> Self {
        let then: Box<dyn FnOnce()> = Box::new(then);
        let raw = Raw { stream: RawStream::Coming(upstream), watch, then: Some(then) };
        Self { content: Content::Raw(Box::new(raw)), answering: None }
    }

    /// Keeps the connection in the phase of answering until the body is sent.
    pub(crate) fn during(mut self, answering: Answering) -> Self {
        self.answering = Some(answering);
        self
    }
}

impl Relay {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let is_gone = self
                    .watch
                    .as_mut()
                    .is_some_and(|(watch, _)| watch.poll_gone(context).is_ready());
                // To end without an error is to say that all has been said; nobody listens.
                return if is_gone { Poll::Ready(None) } else { Poll::Pending };
            }
        };
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
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        if let Some(ending) = self.ending.take() {
            ending.finish();
        }
    }
}

/// Most bytes that are taken from a raw stream at once.
const PIECE_BYTES: usize = 16 << 10;

impl Raw {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        loop {
            let read = match &mut self.stream {
                RawStream::Coming(upgrade) => {
                    self.stream = match ready!(Pin::new(upgrade).poll(context)) {
                        Ok(stream) => RawStream::Open(TokioIo::new(stream)),
                        Err(_) => RawStream::Ended,
                    };
                    continue;
                }
                RawStream::Open(stream) => {
                    let mut piece = BytesMut::with_capacity(PIECE_BYTES);
                    let reading = std::pin::pin!(stream.read_buf(&mut piece));
                    match reading.poll(context) {
                        Poll::Ready(Ok(count)) if count > 0 => Poll::Ready(piece.freeze()),
                        Poll::Ready(_) => {
                            self.stream = RawStream::Ended;
                            continue;
                        }
                        Poll::Pending => Poll::Pending,
                    }
                }
                RawStream::Ended => {
                    if let Some(then) = self.then.take() {
                        then();
                    }
                    return Poll::Ready(None);
                }
            };
            if let Poll::Ready(piece) = read {
                return Poll::Ready(Some(Frame::data(piece)));
            }
            ready!(self.watch.poll_gone(context));
            self.stream = RawStream::Ended;
        }
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Raw")
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
            Content::Raw(raw) => raw.poll(context).map(|frame| frame.map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Own(body) => body.is_end_stream(),
            Content::Relayed(relay) => relay.body.is_end_stream(),
            Content::Raw(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Own(body) => body.size_hint(),
            Content::Relayed(relay) => relay.body.size_hint(),
            Content::Raw(_) => SizeHint::default(),
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
