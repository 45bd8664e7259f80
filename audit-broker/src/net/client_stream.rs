//! The client's end of a connection, as hyper reads and writes it.
//!
//! Knows what the connection is at. Knows nothing of HTTP.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};

use crate::net::socket::{SharedSocket, Socket};

/// A connection to a client.
#[derive(Debug)]
pub(crate) struct ClientStream {
    socket: SharedSocket,
    /// What was read before, and is to be read first.
    read: Bytes,
    phase: Rc<Phase>,
}

/// What a connection is at: waiting, reading the head of a request, answering it.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    answering: Cell<u32>,
    /// When the first bytes of a head came.
    head_begun: Cell<Option<Instant>>,
    /// Bodies that have not come in to their end. One that is dropped before stays here: what comes
    /// behind it is not the head of a request, and only hyper knows where it ends.
    bodies: Cell<u32>,
    /// Whether there is no room for what is to be sent.
    is_blocked: Cell<bool>,
    /// How many requests there were.
    count: Cell<u64>,
}

/// The body of a request on its way to dockerd.
pub(crate) struct ClientBody {
    /// What was looked at already.
    begun: VecDeque<Bytes>,
    body: Incoming,
    phase: Rc<Phase>,
    /// Where the last piece has to wait.
    end: Option<Box<HeldEnd>>,
}

/// The end of a body, which waits for something.
struct HeldEnd {
    /// The latest piece, which may be the last.
    piece: Option<Frame<Bytes>>,
    has_come: bool,
    /// `None` when it is done.
    wait: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl ClientBody {
    /// A body, with what of it has been read.
    pub(crate) fn new(begun: VecDeque<Bytes>, body: Incoming, phase: &Rc<Phase>) -> Self {
        if !body.is_end_stream() {
            phase.bodies.set(phase.bodies.get().saturating_add(1));
        }
        Self { begun, body, phase: Rc::clone(phase), end: None }
    }

    /// The body whose last piece dockerd gets only when `wait` is done.
    pub(crate) fn ending_after(self, wait: impl Future<Output = ()> + 'static) -> Self {
        let end = HeldEnd { piece: None, has_come: false, wait: Some(Box::pin(wait)) };
        Self { end: Some(Box::new(end)), ..self }
    }

    /// The next piece as it comes.
    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.begun.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        let was_open = !self.body.is_end_stream();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let is_end = frame.is_none() || self.body.is_end_stream();
        if was_open && is_end && !matches!(frame, Some(Err(_))) {
            self.phase.bodies.set(self.phase.bodies.get().saturating_sub(1));
        }
        Poll::Ready(frame)
    }
}

impl HeldEnd {
    /// Gives each piece when the next one has come, and the last when the wait is done.
    fn poll<E>(
        &mut self,
        context: &mut Context<'_>,
        mut poll_piece: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        while !self.has_come {
            match ready!(poll_piece(context)) {
                Some(Ok(piece)) => {
                    if let Some(earlier) = self.piece.replace(piece) {
                        return Poll::Ready(Some(Ok(earlier)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.has_come = true,
            }
        }
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        Poll::Ready(self.piece.take().map(Ok))
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(mut end) = self.end.take() else { return self.poll_piece(context) };
        let polled = end.poll(context, |context| self.poll_piece(context));
        self.end = Some(end);
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.end {
            Some(end) => end.has_come && end.wait.is_none() && end.piece.is_none(),
            None => self.begun.is_empty() && self.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.end.as_ref().and_then(|end| end.piece.as_ref()).and_then(Frame::data_ref);
        let begun: usize = self.begun.iter().chain(held).map(Bytes::len).sum();
        let begun = u64::try_from(begun).unwrap_or(u64::MAX);
        let ahead = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(ahead.lower().saturating_add(begun));
        if let Some(upper) = ahead.upper() {
            hint.set_upper(upper.saturating_add(begun));
        }
        hint
    }
}

impl fmt::Debug for ClientBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientBody").field("body", &self.body).finish_non_exhaustive()
    }
}

/// While it lives, a request is being answered. Then the next bytes are those of another head.
#[derive(Debug)]
pub(crate) struct Answering(Rc<Phase>);

impl Phase {
    /// The head has come in whole.
    pub(crate) fn answer(self: &Rc<Self>) -> Answering {
        self.answering.set(self.answering.get().saturating_add(1));
        self.head_begun.set(None);
        self.count.set(self.count.get().wrapping_add(1));
        Answering(Rc::clone(self))
    }

    fn is_answering(&self) -> bool {
        self.answering.get() > 0
    }

    /// What comes in while no request is answered is the head of the next one.
    fn begin_head(&self) {
        if !self.is_answering() && self.head_begun.get().is_none() {
            self.head_begun.set(Some(Instant::now()));
        }
    }

    /// How long the head of a request has been coming in.
    pub(crate) fn head_age(&self) -> Option<Duration> {
        self.head_begun.get().map(|begun| begun.elapsed())
    }

    /// How many requests there were, if the connection waits for another one and has sent
    /// everything.
    pub(crate) fn requests_if_waiting(&self) -> Option<u64> {
        let is_reading = self.head_begun.get().is_some();
        let is_receiving = self.bodies.get() > 0;
        let is_busy = self.is_answering() || is_receiving || is_reading || self.is_blocked.get();
        (!is_busy).then(|| self.count.get())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.set(self.0.answering.get().saturating_sub(1));
    }
}

impl ClientStream {
    pub(crate) fn new(socket: Rc<Socket>, read: Bytes, phase: &Rc<Phase>) -> Self {
        Self { socket: SharedSocket(socket), read, phase: Rc::clone(phase) }
    }
}

impl Read for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.read.is_empty() {
            let count = buffer.remaining().min(self.read.len());
            buffer.put_slice(&self.read.split_to(count));
            self.phase.begin_head();
            return Poll::Ready(Ok(()));
        }
        let count = ready!(self.socket.0.poll_read_into(context, &mut buffer))?;
        if count > 0 {
            self.phase.begin_head();
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.phase.is_blocked.set(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// The last piece waits, and nothing is asked for after the end.
    #[test]
    fn s16_the_end_of_a_body_waits() {
        let mut context = Context::from_waker(Waker::noop());
        let is_done = Rc::new(Cell::new(false));
        let seen = Rc::clone(&is_done);
        let wait =
            std::future::poll_fn(move |_| if seen.get() { Poll::Ready(()) } else { Poll::Pending });
        let mut end = HeldEnd { piece: None, has_come: false, wait: Some(Box::pin(wait)) };
        let mut pieces = VecDeque::from(["a", "b"]);
        let mut ends = 0;
        let mut poll = || {
            let polled = end.poll(&mut context, |_| {
                let piece = pieces.pop_front();
                ends += u32::from(piece.is_none());
                let piece = piece.map(|text| Ok::<_, ()>(Frame::data(Bytes::from(text))));
                Poll::Ready(piece)
            });
            polled.map(|piece| piece.map(|piece| piece.unwrap().into_data().unwrap()))
        };
        assert_eq!(poll(), Poll::Ready(Some(Bytes::from("a"))));
        assert_eq!(poll(), Poll::Pending);
        is_done.set(true);
        assert_eq!(poll(), Poll::Ready(Some(Bytes::from("b"))));
        assert_eq!(poll(), Poll::Ready(None));
        assert_eq!(ends, 1);
    }
}
