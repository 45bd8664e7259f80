//! The client's end of a connection, as hyper reads and writes it.
//!
//! Knows how long a client may take for the head of a request, and whether it is still there.
//! Knows nothing of HTTP.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::{Sleep, sleep};

/// A connection to a client.
#[derive(Debug)]
pub(crate) struct ClientStream {
    socket: Arc<UnixStream>,
    phase: Arc<Phase>,
    head_wait: Duration,
    /// Runs while the head of a request comes in.
    head_timer: Option<Pin<Box<Sleep>>>,
}

/// Whether a request is being answered, so that what comes in is no head.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    is_answering: AtomicBool,
}

/// While it lives, a request is being answered. Then the next bytes are those of another head.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Phase>);

impl Phase {
    /// The head has come in whole.
    pub(crate) fn answer(self: &Arc<Self>) -> Answering {
        self.is_answering.store(true, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.is_answering.store(false, Ordering::Relaxed);
    }
}

/// Asks whether the client is still there.
#[derive(Clone, Debug)]
pub(crate) struct Presence(Arc<UnixStream>);

impl Presence {
    /// Whether the client has closed its end for good. One that only says that it will send no
    /// more is still there.
    pub(crate) fn is_gone(&self) -> bool {
        let mut polled = [PollFd::new(self.0.as_fd(), PollFlags::empty())];
        let is_polled = poll(&mut polled, PollTimeout::ZERO).is_ok();
        let [socket] = polled;
        let hung_up = PollFlags::POLLHUP | PollFlags::POLLERR;
        is_polled && socket.revents().is_some_and(|found| found.intersects(hung_up))
    }
}

impl ClientStream {
    pub(crate) fn new(socket: UnixStream, phase: Arc<Phase>, head_wait: Duration) -> Self {
        Self { socket: Arc::new(socket), phase, head_wait, head_timer: None }
    }

    pub(crate) fn presence(&self) -> Presence {
        Presence(Arc::clone(&self.socket))
    }

    /// Starts or ends the time that a head may take.
    fn watch_head(&mut self, has_read: bool, context: &mut Context<'_>) -> io::Result<()> {
        if self.phase.is_answering.load(Ordering::Relaxed) {
            self.head_timer = None;
            return Ok(());
        }
        if has_read && self.head_timer.is_none() {
            self.head_timer = Some(Box::pin(sleep(self.head_wait)));
        }
        match self.head_timer.as_mut().map(|timer| timer.as_mut().poll(context)) {
            Some(Poll::Ready(())) => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl AsFd for ClientStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            self.watch_head(false, context)?;
            ready!(self.socket.poll_read_ready(context))?;
            match self.socket.try_read_buf(buffer) {
                Ok(count) => {
                    self.watch_head(count > 0, context)?;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_write_ready(context))?;
            match self.socket.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Says that no more will be sent; what comes in is read on.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(shutdown(self.socket.as_fd().as_raw_fd(), Shutdown::Write)?))
    }
}
