//! The client's end of a connection, as hyper reads and writes it.
//!
//! Knows how long a client may take for the head of a request. Knows nothing of HTTP.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::{Sleep, sleep};

use crate::socket::{SharedSocket, Socket};

/// A connection to a client.
#[derive(Debug)]
pub(crate) struct ClientStream {
    socket: SharedSocket,
    /// What was read before, and is to be read first.
    read: Bytes,
    phase: Rc<Phase>,
    head_wait: Duration,
    /// Runs while the head of a request comes in.
    head_timer: Option<Pin<Box<Sleep>>>,
}

/// What a connection is at: waiting, reading the head of a request, answering it.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    answering: Cell<u32>,
    has_begun_head: Cell<bool>,
    /// Whether there is no room for what is to be sent.
    is_blocked: Cell<bool>,
    /// How many requests there were.
    count: Cell<u64>,
}

/// While it lives, a request is being answered. Then the next bytes are those of another head.
#[derive(Debug)]
pub(crate) struct Answering(Rc<Phase>);

impl Phase {
    /// The head has come in whole.
    pub(crate) fn answer(self: &Rc<Self>) -> Answering {
        self.answering.set(self.answering.get().saturating_add(1));
        self.has_begun_head.set(false);
        self.count.set(self.count.get().wrapping_add(1));
        Answering(Rc::clone(self))
    }

    fn is_answering(&self) -> bool {
        self.answering.get() > 0
    }

    /// How many requests there were, if the connection waits for another one and has sent
    /// everything.
    pub(crate) fn waiting_since(&self) -> Option<u64> {
        let is_busy = self.is_answering() || self.has_begun_head.get() || self.is_blocked.get();
        (!is_busy).then(|| self.count.get())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.set(self.0.answering.get().saturating_sub(1));
    }
}

impl ClientStream {
    pub(crate) fn new(
        socket: Rc<Socket>,
        read: Bytes,
        phase: &Rc<Phase>,
        head_wait: Duration,
    ) -> Self {
        let (socket, phase) = (SharedSocket(socket), Rc::clone(phase));
        Self { socket, read, phase, head_wait, head_timer: None }
    }

    /// Starts or ends the time that a head may take.
    fn watch_head(&mut self, has_read: bool, context: &mut Context<'_>) -> io::Result<()> {
        if self.phase.is_answering() {
            self.head_timer = None;
            return Ok(());
        }
        if has_read {
            self.phase.has_begun_head.set(true);
            self.head_timer.get_or_insert_with(|| Box::pin(sleep(self.head_wait)));
        }
        match self.head_timer.as_mut().map(|timer| timer.as_mut().poll(context)) {
            Some(Poll::Ready(())) => Err(ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl Read for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.watch_head(false, context)?;
        let room = buffer.remaining();
        if !self.read.is_empty() {
            let count = room.min(self.read.len());
            buffer.put_slice(&self.read.split_to(count));
            self.watch_head(true, context)?;
            return Poll::Ready(Ok(()));
        }
        let read = self.socket.0.poll_read(context, room, |bytes| {
            buffer.put_slice(bytes);
            !bytes.is_empty()
        })?;
        match read {
            Poll::Ready(has_read) => {
                self.watch_head(has_read, context)?;
                Poll::Ready(Ok(()))
            }
            Poll::Pending => Poll::Pending,
        }
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
