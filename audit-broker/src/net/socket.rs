//! A connected unix socket on an event loop, with as few system calls and as little memory as
//! possible.
//!
//! hyper and raw streams read and write through this file. It does not know what the bytes mean.

use std::cell::{OnceCell, RefCell};
use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::sys;

/// Most bytes that one read takes.
const BUFFER_BYTES: usize = 64 << 10;

thread_local! {
    /// The read buffer of the thread. With it, an idle connection needs no buffer of its own.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER_BYTES]);
}

/// A connection. The task that reads and writes it shares it with the one that checks for a
/// disconnect.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Watched for input only. Watching for output as well would wake this thread each time the other
    /// end reads something.
    reader: AsyncFd<UnixStream>,
    /// Watched for output, from the first write that would block.
    writer: OnceCell<AsyncFd<UnixStream>>,
}

impl Socket {
    /// Registers a connection with the event loop of this thread.
    ///
    /// # Errors
    /// If the event loop cannot watch the socket.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let reader = sys::watch_stream(stream, Interest::READABLE)?;
        Ok(Self { reader, writer: OnceCell::new() })
    }

    fn stream(&self) -> &UnixStream {
        self.reader.get_ref()
    }

    /// Reads at most `limit_bytes` and passes them to `take`. No bytes mean the end of the input.
    pub(crate) fn poll_read<T>(
        &self,
        context: &mut Context<'_>,
        limit_bytes: usize,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Poll<io::Result<T>> {
        BUFFER.with_borrow_mut(|buffer| {
            let room = buffer.get_mut(..limit_bytes.min(BUFFER_BYTES)).unwrap_or_default();
            let read = |mut stream: &UnixStream| stream.read(room);
            let count = ready!(self.poll_read_with(context, limit_bytes.min(BUFFER_BYTES), read))?;
            Poll::Ready(Ok(take(buffer.get(..count).unwrap_or_default())))
        })
    }

    /// Reads into a buffer of the caller, and returns the number of bytes.
    pub(crate) fn poll_read_into(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<usize>> {
        let room = buffer.remaining();
        self.poll_read_with(context, room, |stream| sys::read_into(stream.as_fd(), buffer))
    }

    /// Calls `read` as soon as the socket is readable.
    fn poll_read_with(
        &self,
        context: &mut Context<'_>,
        room_bytes: usize,
        mut read: impl FnMut(&UnixStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.reader.poll_read_ready(context))?;
            match read(self.stream()) {
                Ok(count) => {
                    // The read did not fill the buffer, so the next one would only block.
                    if (1..room_bytes).contains(&count) {
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Writes as much as the socket takes, and waits if it takes nothing.
    pub(crate) fn poll_write(
        &self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.stream().write_vectored(slices) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut ready = ready!(self.writer()?.poll_write_ready(context))?;
                    // This readiness is from before the write; only the next change counts.
                    ready.clear_ready();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// A second descriptor of the same socket, because an event loop watches a descriptor only once.
    fn writer(&self) -> io::Result<&AsyncFd<UnixStream>> {
        if self.writer.get().is_none() {
            let stream = self.stream().try_clone()?;
            let writer = sys::watch_stream(stream, Interest::WRITABLE)?;
            // Cannot fail: only this thread sets it.
            let _ = self.writer.set(writer);
        }
        self.writer.get().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Shuts down the sending side. The socket can still be read.
    pub(crate) fn end_writing(&self) -> io::Result<()> {
        self.stream().shutdown(Shutdown::Write)
    }

    /// Waits for input and copies its first bytes, which stay in the socket. Returns 0 at the end of
    /// the input.
    pub(crate) async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.reader.readable().await?;
            match sys::peek(self.as_fd(), buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready.clear_ready(),
                done => return done,
            }
        }
    }

    /// Writes as much as the socket takes at once.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream().write(bytes)
    }

    /// Whether the other end has disconnected. One that has only shut down its sending side has not.
    pub(crate) fn has_disconnected(&self) -> bool {
        let mut polled = [PollFd::new(self.as_fd(), PollFlags::empty())];
        let is_polled = poll(&mut polled, PollTimeout::ZERO).is_ok();
        let [socket] = polled;
        let hung_up = PollFlags::POLLHUP | PollFlags::POLLERR;
        is_polled && socket.revents().is_some_and(|found| found.intersects(hung_up))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream().as_fd()
    }
}

/// The socket as hyper reads and writes it.
#[derive(Clone, Debug)]
pub(crate) struct SharedSocket(pub(crate) Rc<Socket>);

impl Read for SharedSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read_into(context, &mut buffer).map_ok(drop)
    }
}

impl Write for SharedSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.end_writing())
    }
}
