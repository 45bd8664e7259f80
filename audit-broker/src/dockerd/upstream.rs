//! The way to dockerd.
//!
//! Knows how to reach it and keeps connections for the next request. Sends what it is given.

mod question;
mod raw;
mod unreachable;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};

use crate::api::request::ApiVersion;
use crate::net::client_stream::ClientBody;
use crate::net::socket::{SharedSocket, Socket};
use crate::sys;
use question::Allowance;
pub(crate) use question::CHANGE_TIMEOUT;
pub(crate) use unreachable::{BodyError, Unreachable};

/// What went wrong below.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is sent: a body that the broker wrote, or the client's as it comes.
pub(crate) type RequestBody = Either<Full<Bytes>, ClientBody>;

/// How long dockerd may leave a connection unaccepted, as it does when it hangs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two tries to connect while dockerd's queue is full.
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// Connections that each worker keeps for later.
const IDLE_LIMIT: usize = 16;

/// dockerd as one worker thread reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pool: Rc<Pool>,
    /// What is left for the broker's own questions; `None` where each has its own.
    allowance: Option<Rc<Allowance>>,
}

#[derive(Debug)]
struct Pool {
    socket: PathBuf,
    /// How long dockerd is awaited when the broker itself asks something.
    timeout: Duration,
    idle: RefCell<Vec<Wire>>,
    /// Forgotten when a connection turns out to be closed: another dockerd may be there.
    newest: Cell<Option<ApiVersion>>,
    /// The release of docker, found out with it.
    engine: Cell<Option<[u32; 3]>>,
}

/// A connection, which moves on only while whoever uses it has it do so.
#[derive(Debug)]
struct Wire {
    sender: SendRequest<RequestBody>,
    /// `None` once it has ended; only then does the sender learn of it.
    connection: Option<Connection<SharedSocket, RequestBody>>,
}

/// A connection on which a request is being answered.
#[derive(Debug)]
pub(crate) struct DockerdConnection {
    wire: Wire,
    pool: Rc<Pool>,
}

/// What dockerd says of an object that was asked for.
#[derive(Debug)]
pub(crate) enum Found<Document> {
    /// It is there.
    Yes(Document),
    /// It is not, or is not one thing: dockerd's own answer.
    No(StatusCode, Bytes),
}

impl<Document> Found<Document> {
    pub(crate) fn map<Other>(self, map: impl FnOnce(Document) -> Other) -> Found<Other> {
        match self {
            Self::Yes(document) => Found::Yes(map(document)),
            Self::No(status, answer) => Found::No(status, answer),
        }
    }
}

impl Upstream {
    /// dockerd at this socket, which may take `timeout` for each question of the broker's own.
    pub(crate) fn new(socket: PathBuf, timeout: Duration) -> Self {
        let (idle, newest, engine) = (RefCell::default(), Cell::default(), Cell::default());
        let pool = Rc::new(Pool { socket, timeout, idle, newest, engine });
        Self { pool, allowance: None }
    }

    /// Sends the request and gives the head of the answer.
    ///
    /// A kept connection that dockerd has closed meanwhile is replaced, as long as nothing of the
    /// request went out. How long the answer may take is for the caller to say.
    ///
    /// # Errors
    /// If dockerd cannot be reached or ends the connection.
    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, DockerdConnection), Unreachable> {
        let mut request = request;
        loop {
            let (mut wire, is_kept) = match self.take_idle().await {
                Some(wire) => (wire, true),
                None => (self.connect().await?, false),
            };
            match wire.ask(request).await {
                Ok(response) => {
                    return Ok((response, DockerdConnection { wire, pool: Rc::clone(&self.pool) }));
                }
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(Unreachable::NoAnswer { source: failure.into_error().into() }),
                },
            }
        }
    }

    async fn take_idle(&self) -> Option<Wire> {
        loop {
            let mut wire = self.pool.idle.borrow_mut().pop()?;
            if wire.is_ready().await {
                return Some(wire);
            }
            self.pool.newest.set(None);
        }
    }

    async fn connect(&self) -> Result<Wire, Unreachable> {
        let socket = SharedSocket(Rc::new(self.socket().await?));
        let (sender, connection) = http1::handshake(socket)
            .await
            .map_err(|error| Unreachable::NoAnswer { source: error.into() })?;
        Ok(Wire { sender, connection: Some(connection) })
    }

    /// A full queue of a unix socket is an error at once, not a wait.
    pub(super) async fn socket(&self) -> Result<Socket, Unreachable> {
        let end = Instant::now() + CONNECT_TIMEOUT;
        loop {
            match sys::connect(&self.pool.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                    sleep(CONNECT_PAUSE).await;
                }
                done => {
                    return done.and_then(Socket::new).map_err(|source| {
                        self.pool.newest.set(None);
                        Unreachable::Connect { socket: self.pool.socket.clone(), source }
                    });
                }
            }
        }
    }
}

fn malformed(what: &str, source: BoxError) -> Unreachable {
    Unreachable::Malformed { what: what.to_owned(), source }
}

impl Wire {
    /// Sends a request and waits for the head of its answer.
    async fn ask(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            drive(&mut self.connection, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Whether another request can be sent at once.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            drive(&mut self.connection, context);
            Poll::Ready(matches!(self.sender.poll_ready(context), Poll::Ready(Ok(()))))
        })
        .await
    }
}

/// Has the connection read and write what it can. What goes wrong, who waits for an answer is told.
fn drive(
    connection: &mut Option<Connection<SharedSocket, RequestBody>>,
    context: &mut Context<'_>,
) {
    let has_ended =
        |moving: &mut Connection<_, _>| moving.poll_without_shutdown(context).is_ready();
    if connection.as_mut().is_some_and(has_ended) {
        *connection = None;
    }
}

impl DockerdConnection {
    /// Has the connection move on, and gives what has come of the body.
    pub(crate) fn poll_body(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        drive(&mut self.wire.connection, context);
        Pin::new(body).poll_frame(context)
    }

    /// Reads a whole body and keeps the connection for another request.
    pub(crate) async fn read(
        mut self,
        mut body: Incoming,
        limit_bytes: usize,
    ) -> Result<Bytes, BodyError> {
        let mut whole = BytesMut::new();
        while let Some(frame) = poll_fn(|context| self.poll_body(&mut body, context)).await {
            let frame = frame.map_err(|error| BodyError::Broken(error.into()))?;
            if let Ok(data) = frame.into_data() {
                if whole.len() + data.len() > limit_bytes {
                    return Err(BodyError::TooLong { limit_bytes, beginning: whole.freeze() });
                }
                whole.extend_from_slice(&data);
            }
        }
        self.give_back();
        Ok(whole.freeze())
    }

    /// Keeps the connection for another request. The answer must have been read to its end.
    pub(crate) fn give_back(self) {
        let mut idle = self.pool.idle.borrow_mut();
        if idle.len() < IDLE_LIMIT && self.wire.connection.is_some() {
            idle.push(self.wire);
        }
    }
}

/// The release in the words of dockerd: `29.5.1`, `20.10.24+dfsg1`, `29.5.1-rc.1`, which comes before.
fn release(text: &str) -> Option<[u32; 3]> {
    let (numbers, is_before) = match text.split_once('-') {
        Some((numbers, _)) => (numbers, true),
        None => (text.split('+').next().unwrap_or_default(), false),
    };
    let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
    let release = [parts.next()??, parts.next()??, parts.next()??];
    let [major, minor, patch] = release;
    if !is_before {
        return Some(release);
    }
    Some(match patch.checked_sub(1) {
        Some(patch) => [major, minor, patch],
        None => [major, minor.checked_sub(1)?, u32::MAX],
    })
}

/// What docker's own clients send for a socket that has no name.
pub(crate) const HOST: hyper::header::HeaderValue =
    hyper::header::HeaderValue::from_static("docker");

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn releases_are_compared() {
        let mended = [29, 5, 1];
        assert_eq!(release("20.10.24+dfsg1"), Some([20, 10, 24]));
        assert_eq!(release("29.5.1"), Some(mended));
        assert!(release("29.5.1-rc.1").is_some_and(|release| release < mended));
        assert!(release("29.6.0-rc.1").is_some_and(|release| release > mended));
        for text in ["", "dev", "29.5", "a.b.c"] {
            assert_eq!(release(text), None, "{text}");
        }
    }
}
