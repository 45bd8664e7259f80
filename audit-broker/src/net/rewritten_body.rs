//! The body of a request that the broker rewrites on its way to dockerd.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use crate::net::client_stream::ClientBody;

/// Rewrites a body as it comes.
pub(crate) trait Rewrite {
    /// Takes the next chunk. Called only after `poll` has asked for more.
    fn take(&mut self, chunk: Bytes);

    /// Takes the end of the body. Called only after `poll` has asked for more.
    fn end(&mut self);

    /// The next piece for dockerd.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Rewritten>;
}

/// What a rewrite does next.
pub(crate) enum Rewritten {
    Piece(Bytes),
    /// It needs the next chunk.
    More,
    End,
    /// dockerd gets no end of the body, so that it does not act on what it got.
    BreakOff,
}

/// The broker breaks off the body of a request.
#[derive(Debug, thiserror::Error)]
#[error("the broker does not accept the body of the request")]
pub(crate) struct NotAccepted;

/// A body that the broker rewrites.
pub(crate) struct RewrittenBody {
    body: ClientBody,
    rewrite: Box<dyn Rewrite>,
}

impl RewrittenBody {
    pub(crate) fn new(body: ClientBody, rewrite: Box<dyn Rewrite>) -> Self {
        Self { body, rewrite }
    }
}

impl Body for RewrittenBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            match ready!(self.rewrite.poll(context)) {
                Rewritten::Piece(piece) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                Rewritten::End => return Poll::Ready(None),
                Rewritten::BreakOff => return Poll::Ready(Some(Err(NotAccepted.into()))),
                Rewritten::More => {}
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                // Trailers say nothing.
                Some(Ok(frame)) => self.rewrite.take(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => self.rewrite.end(),
            }
        }
    }
}

impl std::fmt::Debug for RewrittenBody {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RewrittenBody").field("body", &self.body).finish_non_exhaustive()
    }
}
