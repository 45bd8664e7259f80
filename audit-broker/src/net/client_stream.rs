//! A client's connection, as hyper reads and writes it.
//!
//! While bytes pass, this file keeps track of the phase of the connection: waiting for a request,
//! reading its head, answering it. It knows nothing of HTTP beyond that.

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
    /// Bytes already read, which come before those in the socket.
    read: Bytes,
    phase: Rc<Phase>,
}

/// The phase of a connection: waiting for a request, reading its head, answering it.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    answering: Cell<u32>,
    /// When the first bytes of the current head arrived.
    head_begun: Cell<Option<Instant>>,
    /// The bodies that have not arrived in full. A body that is dropped early stays counted: the bytes
    /// that follow are not the head of a request, and only hyper knows where the body ends.
    bodies: Cell<u32>,
    /// Whether the socket cannot take the bytes to send.
    is_blocked: Cell<bool>,
    /// How many requests have arrived.
    count: Cell<u64>,
}

/// The body of a request on its way to dockerd.
pub(crate) struct ClientBody {
    /// The chunks that the broker has already read.
    begun: VecDeque<Bytes>,
    body: Incoming,
    phase: Rc<Phase>,
    /// Set if the last chunk is held back.
    end: Option<Box<HeldEnd>>,
}

/// Holds back the last chunk of a body until a future completes.
struct HeldEnd {
    /// The latest chunk, which may be the last.
    chunk: Option<Frame<Bytes>>,
    /// Whether `chunk` is known to be the last.
    has_arrived: bool,
    /// `None` once it has completed.
    release: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl ClientBody {
    /// A body of which the broker has already read the chunks in `begun`.
    pub(crate) fn new(begun: VecDeque<Bytes>, body: Incoming, phase: &Rc<Phase>) -> Self {
        if !body.is_end_stream() {
            phase.bodies.set(phase.bodies.get().saturating_add(1));
        }
        Self { begun, body, phase: Rc::clone(phase), end: None }
    }

    /// The same body, whose last chunk dockerd gets only after `release` has completed.
    pub(crate) fn ending_after(self, release: impl Future<Output = ()> + 'static) -> Self {
        let end = HeldEnd { chunk: None, has_arrived: false, release: Some(Box::pin(release)) };
        Self { end: Some(Box::new(end)), ..self }
    }

    /// The next chunk, without holding any back.
    fn poll_chunk(
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
    /// Yields each chunk once the next one has arrived, and the last one after `release` completes.
    fn poll<E>(
        &mut self,
        context: &mut Context<'_>,
        mut poll_chunk: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        while !self.has_arrived {
            match ready!(poll_chunk(context)) {
                Some(Ok(chunk)) => {
                    if let Some(earlier) = self.chunk.replace(chunk) {
                        return Poll::Ready(Some(Ok(earlier)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.has_arrived = true,
            }
        }
        if let Some(release) = &mut self.release {
            ready!(release.as_mut().poll(context));
            self.release = None;
        }
        Poll::Ready(self.chunk.take().map(Ok))
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(mut end) = self.end.take() else { return self.poll_chunk(context) };
        let polled = end.poll(context, |context| self.poll_chunk(context));
        self.end = Some(end);
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.end {
            Some(end) => end.has_arrived && end.release.is_none() && end.chunk.is_none(),
            None => self.begun.is_empty() && self.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.end.as_ref().and_then(|end| end.chunk.as_ref()).and_then(Frame::data_ref);
        let begun: usize = self.begun.iter().chain(held).map(Bytes::len).sum();
        let begun = u64::try_from(begun).unwrap_or(u64::MAX);
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(begun));
        if let Some(upper) = rest.upper() {
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

/// Marks a request as being answered until it is dropped. The next bytes are those of another head.
#[derive(Debug)]
pub(crate) struct AnsweringGuard(Rc<Phase>);

impl Phase {
    /// Called when a head has arrived in full.
    pub(crate) fn answer(self: &Rc<Self>) -> AnsweringGuard {
        self.answering.set(self.answering.get().saturating_add(1));
        self.head_begun.set(None);
        self.count.set(self.count.get().wrapping_add(1));
        AnsweringGuard(Rc::clone(self))
    }

    fn is_answering(&self) -> bool {
        self.answering.get() > 0
    }

    /// Bytes that arrive while no request is being answered begin the next head.
    fn begin_head(&self) {
        if !self.is_answering() && self.head_begun.get().is_none() {
            self.head_begun.set(Some(Instant::now()));
        }
    }

    /// How long ago the first byte of the current head arrived; `None` between heads.
    pub(crate) fn head_age(&self) -> Option<Duration> {
        self.head_begun.get().map(|begun| begun.elapsed())
    }

    /// How many requests have arrived, if the connection waits for the next one and has nothing left
    /// to send.
    pub(crate) fn requests_if_waiting(&self) -> Option<u64> {
        let is_reading = self.head_begun.get().is_some();
        let is_receiving = self.bodies.get() > 0;
        let is_busy = self.is_answering() || is_receiving || is_reading || self.is_blocked.get();
        (!is_busy).then(|| self.count.get())
    }
}

impl Drop for AnsweringGuard {
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

    /// The body is not polled again after its end.
    #[test]
    fn s16_the_last_chunk_of_a_body_is_held_back() {
        let mut context = Context::from_waker(Waker::noop());
        let is_done = Rc::new(Cell::new(false));
        let seen = Rc::clone(&is_done);
        let release =
            std::future::poll_fn(move |_| if seen.get() { Poll::Ready(()) } else { Poll::Pending });
        let mut end = HeldEnd { chunk: None, has_arrived: false, release: Some(Box::pin(release)) };
        let mut chunks = VecDeque::from(["a", "b"]);
        let mut ends = 0;
        let mut poll = || {
            let polled = end.poll(&mut context, |_| {
                let chunk = chunks.pop_front();
                ends += u32::from(chunk.is_none());
                let chunk = chunk.map(|text| Ok::<_, ()>(Frame::data(Bytes::from(text))));
                Poll::Ready(chunk)
            });
            polled.map(|chunk| chunk.map(|chunk| chunk.unwrap().into_data().unwrap()))
        };
        assert_eq!(poll(), Poll::Ready(Some(Bytes::from("a"))));
        assert_eq!(poll(), Poll::Pending);
        is_done.set(true);
        assert_eq!(poll(), Poll::Ready(Some(Bytes::from("b"))));
        assert_eq!(poll(), Poll::Ready(None));
        assert_eq!(ends, 1);
    }
}
