//! Connections to dockerd.
//!
//! This file connects to dockerd, sends requests, and pools idle connections for later requests. If
//! dockerd has closed a pooled connection, a retry on another one sends the request. This file must not
//! change a request.

mod own_request;
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
use crate::net::rewritten_body::RewrittenBody;
use crate::net::socket::{SharedSocket, Socket};
use crate::sys;
pub(crate) use own_request::CHANGE_TIMEOUT;
use own_request::ResponseBudget;
pub(crate) use unreachable::{BodyError, Unreachable};

/// The source of an error.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request to dockerd: one that the broker wrote, or the client's as it arrives. The broker
/// may rewrite that on its way.
pub(crate) type RequestBody = Either<Full<Bytes>, Either<ClientBody, RewrittenBody>>;

/// The pause between two attempts to connect while dockerd's queue is full.
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// The most idle connections in the pool of a worker.
const IDLE_LIMIT: usize = 16;

/// dockerd, as one worker thread reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pool: Rc<Pool>,
    /// The budget that the broker's own requests share; `None` if each has its own.
    budget: Option<Rc<ResponseBudget>>,
}

#[derive(Debug)]
struct Pool {
    socket: PathBuf,
    /// The timeout of a request that the broker itself makes, and of each attempt to connect: a dockerd
    /// that hangs does not accept connections.
    timeout: Duration,
    idle: RefCell<Vec<HttpConnection>>,
    /// The newest API version. It is cleared if a connection turns out to be closed, since another dockerd
    /// may have started.
    newest: Cell<Option<ApiVersion>>,
    /// The release of docker, which the same request finds.
    engine: Cell<Option<[u32; 3]>>,
}

/// A connection. It makes progress only while its user polls it.
#[derive(Debug)]
struct HttpConnection {
    sender: SendRequest<RequestBody>,
    /// `None` after the connection has ended. Only dropping it tells the sender.
    connection: Option<Connection<SharedSocket, RequestBody>>,
}

/// A connection on which dockerd is responding to a request.
#[derive(Debug)]
pub(crate) struct DockerdConnection {
    http: HttpConnection,
    pool: Rc<Pool>,
}

/// dockerd's response to a request for an object.
#[derive(Debug)]
pub(crate) enum Found<Document> {
    /// The object exists.
    Yes(Document),
    /// The object does not exist, or its name is ambiguous: dockerd's own response.
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
    /// dockerd at this socket. `timeout` limits each request of the broker's own.
    pub(crate) fn new(socket: PathBuf, timeout: Duration) -> Self {
        let (idle, newest, engine) = (RefCell::default(), Cell::default(), Cell::default());
        let pool = Rc::new(Pool { socket, timeout, idle, newest, engine });
        Self { pool, budget: None }
    }

    /// Sends the request and returns the head of the response.
    ///
    /// If dockerd has closed a pooled connection and no part of the request was sent, this retries with
    /// another connection. It has no timeout: the caller must set one.
    ///
    /// # Errors
    /// If dockerd cannot be reached or closes the connection.
    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, DockerdConnection), Unreachable> {
        let mut request = request;
        loop {
            let (mut http, is_pooled) = match self.take_idle().await {
                Some(http) => (http, true),
                None => (self.connect().await?, false),
            };
            match http.ask(request).await {
                Ok(response) => {
                    return Ok((response, DockerdConnection { http, pool: Rc::clone(&self.pool) }));
                }
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) if is_pooled => request = unsent,
                    _ => return Err(Unreachable::NoAnswer { source: failure.into_error().into() }),
                },
            }
        }
    }

    async fn take_idle(&self) -> Option<HttpConnection> {
        loop {
            let mut http = self.pool.idle.borrow_mut().pop()?;
            if http.is_ready().await {
                return Some(http);
            }
            self.pool.newest.set(None);
        }
    }

    async fn connect(&self) -> Result<HttpConnection, Unreachable> {
        let socket = SharedSocket(Rc::new(self.socket().await?));
        let (sender, connection) = http1::handshake(socket)
            .await
            .map_err(|error| Unreachable::NoAnswer { source: error.into() })?;
        Ok(HttpConnection { sender, connection: Some(connection) })
    }

    /// Connects. If the queue of a unix socket is full, connecting fails at once, so this retries.
    pub(super) async fn socket(&self) -> Result<Socket, Unreachable> {
        let end = Instant::now() + self.pool.timeout;
        loop {
            match sys::connect(&self.pool.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                    sleep(CONNECT_PAUSE).await;
                }
                connected => {
                    return connected.and_then(Socket::new).map_err(|source| {
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

impl HttpConnection {
    /// Sends a request and waits for the head of its response.
    async fn ask(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        let mut response = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            if let Poll::Ready(response) = response.as_mut().poll(context) {
                return Poll::Ready(response);
            }
            drive(&mut self.connection, context);
            response.as_mut().poll(context)
        })
        .await
    }

    /// Whether the connection can send another request now.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            drive(&mut self.connection, context);
            Poll::Ready(matches!(self.sender.poll_ready(context), Poll::Ready(Ok(()))))
        })
        .await
    }
}

/// Lets the connection read and write what it can. An error goes to the future that waits for the
/// response.
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
    /// Drives the connection, and polls for the next frame of the body.
    pub(crate) fn poll_body(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        drive(&mut self.http.connection, context);
        Pin::new(body).poll_frame(context)
    }

    /// Reads the whole body and returns the connection to the pool.
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

    /// Returns the connection to the pool. The response must have been read to its end.
    pub(crate) fn give_back(self) {
        let mut idle = self.pool.idle.borrow_mut();
        if idle.len() < IDLE_LIMIT && self.http.connection.is_some() {
            idle.push(self.http);
        }
    }
}

/// Parses the release of dockerd: `29.5.1`, `20.10.24+dfsg1`, or `29.5.1-rc.1`, which is older than
/// `29.5.1`.
fn release(text: &str) -> Option<[u32; 3]> {
    let (numbers, is_prerelease) = match text.split_once('-') {
        Some((numbers, _)) => (numbers, true),
        None => (text.split('+').next().unwrap_or_default(), false),
    };
    let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
    let release = [parts.next()??, parts.next()??, parts.next()??];
    let [major, minor, patch] = release;
    if !is_prerelease {
        return Some(release);
    }
    Some(match patch.checked_sub(1) {
        Some(patch) => [major, minor, patch],
        None => [major, minor.checked_sub(1)?, u32::MAX],
    })
}

/// The `Host` header that docker's own clients send over a unix socket.
pub(crate) const HOST: hyper::header::HeaderValue =
    hyper::header::HeaderValue::from_static("docker");

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn releases_are_compared() {
        let fixed = [29, 5, 1];
        assert_eq!(release("20.10.24+dfsg1"), Some([20, 10, 24]));
        assert_eq!(release("29.5.1"), Some(fixed));
        assert!(release("29.5.1-rc.1").is_some_and(|release| release < fixed));
        assert!(release("29.6.0-rc.1").is_some_and(|release| release > fixed));
        for text in ["", "dev", "29.5", "a.b.c"] {
            assert_eq!(release(text), None, "{text}");
        }
    }
}
