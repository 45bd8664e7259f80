//! The way to dockerd.
//!
//! Knows how to reach it and keeps connections for the next request. Sends what it is given.

mod raw;

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
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::uri::InvalidUri;
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::client_stream::ClientBody;
use crate::request::ApiVersion;
use crate::socket::{SharedSocket, Socket};
use crate::sys;

/// What went wrong below.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is sent: a body that the broker wrote, or the client's as it comes.
pub(crate) type RequestBody = Either<Full<Bytes>, ClientBody>;

/// How long dockerd may leave a connection unaccepted, as it does when it hangs.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Between two tries to connect while dockerd's queue is full.
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// Connections that each worker keeps for later.
const IDLE_LIMIT: usize = 16;

/// Longest document that the broker itself reads, in bytes.
const DOCUMENT_LIMIT_BYTES: usize = 16 << 20;

/// dockerd as one worker thread reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Upstream(Rc<Pool>);

#[derive(Debug)]
struct Pool {
    socket: PathBuf,
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
pub(crate) struct Line {
    wire: Wire,
    pool: Rc<Pool>,
}

/// Why dockerd did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    /// Nobody listens, or nobody accepts.
    #[error("cannot connect to dockerd at {}: {source}; is it running", socket.display())]
    Connect {
        /// Where.
        socket: PathBuf,
        /// What the system call answered.
        source: io::Error,
    },
    /// The connection broke before there was an answer.
    #[error("dockerd gave no answer: {source}")]
    NoAnswer {
        /// What hyper or the system call says of it.
        source: BoxError,
    },
    /// What dockerd says is not what its API promises.
    #[error("dockerd gave an answer to {what} that cannot be read: {source}")]
    Malformed {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        source: BoxError,
    },
    /// It is no dockerd that the broker understands.
    #[error(
        "dockerd speaks version `{told}` of its API; {} or newer is needed",
        ApiVersion::OLDEST
    )]
    TooOld {
        /// What it says.
        told: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionDocument {
    api_version: String,
    #[serde(default)]
    version: String,
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
    pub(crate) fn new(socket: PathBuf) -> Self {
        let (idle, newest, engine) = (RefCell::default(), Cell::default(), Cell::default());
        Self(Rc::new(Pool { socket, idle, newest, engine }))
    }

    /// Sends the request and gives the head of the answer.
    ///
    /// A kept connection that dockerd has closed meanwhile is replaced, as long as nothing of the
    /// request went out.
    ///
    /// # Errors
    /// If dockerd cannot be reached or ends the connection.
    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Line), Unreachable> {
        let mut request = request;
        loop {
            let (mut wire, is_kept) = match self.take_idle().await {
                Some(wire) => (wire, true),
                None => (self.connect().await?, false),
            };
            match wire.ask(request).await {
                Ok(response) => return Ok((response, Line { wire, pool: Rc::clone(&self.0) })),
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(Unreachable::NoAnswer { source: failure.into_error().into() }),
                },
            }
        }
    }

    /// Asks for a document.
    ///
    /// # Errors
    /// If dockerd cannot be reached, or its answer is not what it should be.
    pub(crate) async fn ask<Document: DeserializeOwned>(
        &self,
        target: &str,
    ) -> Result<Found<Document>, Unreachable> {
        self.told(target, request(target, Full::default())?).await
    }

    /// The document that dockerd answers with.
    async fn told<Document: DeserializeOwned>(
        &self,
        target: &str,
        request: Request<RequestBody>,
    ) -> Result<Found<Document>, Unreachable> {
        let malformed = |source| malformed(target, source);
        let (response, line) = self.send(request).await?;
        let (head, body) = response.into_parts();
        let bytes = line.read(body, DOCUMENT_LIMIT_BYTES).await.map_err(malformed)?;
        if !matches!(head.status, StatusCode::OK | StatusCode::CREATED) {
            return Ok(Found::No(head.status, bytes));
        }
        let document = serde_json::from_slice(&bytes).map_err(|error| malformed(error.into()))?;
        Ok(Found::Yes(document))
    }

    /// Has dockerd make something, and gives what it says of it.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) async fn make<Document: DeserializeOwned>(
        &self,
        target: &str,
        document: Vec<u8>,
    ) -> Result<Found<Document>, Unreachable> {
        let mut request = request(target, Full::new(document.into()))?;
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.told(target, request).await
    }

    /// Has dockerd do something without more words, and gives what it says of it; `None` if it does
    /// not do that.
    ///
    /// # Errors
    /// If dockerd cannot be reached.
    pub(crate) async fn command(
        &self,
        method: Method,
        target: &str,
    ) -> Result<Option<Bytes>, Unreachable> {
        let mut request = request(target, Full::default())?;
        *request.method_mut() = method;
        let (response, line) = self.send(request).await?;
        let (head, body) = response.into_parts();
        let read = line.read(body, DOCUMENT_LIMIT_BYTES).await;
        let bytes = read.map_err(|source| malformed(target, source))?;
        Ok(head.status.is_success().then_some(bytes))
    }

    /// The newest version of the API that both dockerd and the broker speak.
    ///
    /// # Errors
    /// If dockerd cannot be reached or is older than what the broker understands.
    pub(crate) async fn newest_version(&self) -> Result<ApiVersion, Unreachable> {
        if let Some(newest) = self.0.newest.get() {
            return Ok(newest);
        }
        let told = match self.ask::<VersionDocument>("/version").await? {
            Found::Yes(document) => {
                self.0.engine.set(release(&document.version));
                document.api_version
            }
            Found::No(status, _) => status.to_string(),
        };
        match ApiVersion::from_text(&told).filter(|version| *version >= ApiVersion::OLDEST) {
            Some(version) => {
                let newest = version.min(ApiVersion::NEWEST);
                self.0.newest.set(Some(newest));
                Ok(newest)
            }
            None => Err(Unreachable::TooOld { told }),
        }
    }

    /// The release of docker, as far as it is known: after [`Self::newest_version`].
    pub(crate) fn engine(&self) -> Option<[u32; 3]> {
        self.0.engine.get()
    }

    async fn take_idle(&self) -> Option<Wire> {
        loop {
            let mut wire = self.0.idle.borrow_mut().pop()?;
            if wire.is_ready().await {
                return Some(wire);
            }
            self.0.newest.set(None);
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
        let end = Instant::now() + CONNECT_WAIT;
        loop {
            match sys::connect(&self.0.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                    sleep(CONNECT_PAUSE).await;
                }
                done => {
                    return done.and_then(Socket::new).map_err(|source| {
                        self.0.newest.set(None);
                        Unreachable::Connect { socket: self.0.socket.clone(), source }
                    });
                }
            }
        }
    }
}

fn malformed(what: &str, source: BoxError) -> Unreachable {
    Unreachable::Malformed { what: what.to_owned(), source }
}

/// A request of the broker's own.
fn request(target: &str, body: Full<Bytes>) -> Result<Request<RequestBody>, Unreachable> {
    let uri = target.parse().map_err(|error: InvalidUri| malformed(target, error.into()))?;
    let mut request = Request::new(Either::Left(body));
    *request.uri_mut() = uri;
    request.headers_mut().insert(hyper::header::HOST, HOST);
    Ok(request)
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

impl Line {
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
    ) -> Result<Bytes, BoxError> {
        let mut whole = BytesMut::new();
        while let Some(frame) = poll_fn(|context| self.poll_body(&mut body, context)).await {
            if let Ok(data) = frame?.into_data() {
                if whole.len() + data.len() > limit_bytes {
                    return Err(format!("it is longer than {limit_bytes} bytes").into());
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
