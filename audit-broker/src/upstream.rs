//! The way to dockerd.
//!
//! Knows how to reach it and keeps connections for the next request. Sends what it is given.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};

use crate::request::ApiVersion;

/// What is sent: a body that the broker wrote, or the client's as it comes.
pub(crate) type RequestBody = Either<Full<Bytes>, Incoming>;

/// How long dockerd may leave a connection unaccepted, as it does when it hangs.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Between two tries to connect while dockerd's queue is full.
const CONNECT_PAUSE: Duration = Duration::from_millis(20);

/// Connections that are kept for later.
const IDLE_LIMIT: usize = 64;

/// Longest document that the broker itself reads, in bytes.
const DOCUMENT_LIMIT_BYTES: usize = 16 << 20;

/// dockerd as one worker thread reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Upstream(Rc<Pool>);

#[derive(Debug)]
struct Pool {
    socket: PathBuf,
    idle: RefCell<Vec<SendRequest<RequestBody>>>,
    /// Forgotten when a connection turns out to be closed: another dockerd may be there.
    newest: Cell<Option<ApiVersion>>,
}

/// A connection that is in use. Given back once the answer has been read to its end.
#[derive(Debug)]
pub(crate) struct Lease {
    sender: SendRequest<RequestBody>,
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
        /// What hyper says of it.
        source: hyper::Error,
    },
    /// What dockerd says is not what its API promises.
    #[error("dockerd gave an answer to {what} that cannot be read: {source}")]
    Malformed {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
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
        Self(Rc::new(Pool { socket, idle: RefCell::default(), newest: Cell::default() }))
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
    ) -> Result<(Response<Incoming>, Lease), Unreachable> {
        let mut request = request;
        loop {
            let (mut sender, is_kept) = match self.take_idle().await {
                Some(sender) => (sender, true),
                None => (self.connect().await?, false),
            };
            match sender.try_send_request(request).await {
                Ok(response) => {
                    return Ok((response, Lease { sender, pool: Rc::clone(&self.0) }));
                }
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(Unreachable::NoAnswer { source: failure.into_error() }),
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
        let malformed = |source: Box<dyn std::error::Error + Send + Sync>| Unreachable::Malformed {
            what: target.to_owned(),
            source,
        };
        let uri: Uri = target.parse().map_err(|error| malformed(Box::new(error)))?;
        let mut request = Request::new(Either::Left(Full::default()));
        *request.uri_mut() = uri;
        request.headers_mut().insert(hyper::header::HOST, HOST);
        let (response, lease) = self.send(request).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, DOCUMENT_LIMIT_BYTES).collect().await.map_err(malformed)?;
        let bytes = body.to_bytes();
        lease.give_back();
        if head.status != StatusCode::OK {
            return Ok(Found::No(head.status, bytes));
        }
        let document = serde_json::from_slice(&bytes).map_err(|error| malformed(error.into()))?;
        Ok(Found::Yes(document))
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
            Found::Yes(document) => document.api_version,
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

    async fn take_idle(&self) -> Option<SendRequest<RequestBody>> {
        loop {
            let mut sender = self.0.idle.borrow_mut().pop()?;
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
            self.0.newest.set(None);
        }
    }

    async fn connect(&self) -> Result<SendRequest<RequestBody>, Unreachable> {
        let socket = self
            .socket()
            .await
            .map_err(|source| Unreachable::Connect { socket: self.0.socket.clone(), source })?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket))
            .await
            .map_err(|source| Unreachable::NoAnswer { source })?;
        // What goes wrong on it, the request that is on it tells.
        tokio::spawn(async move { drop(connection.with_upgrades().await) });
        Ok(sender)
    }

    /// A full queue of a unix socket is an error at once, not a wait.
    async fn socket(&self) -> io::Result<UnixStream> {
        let end = Instant::now() + CONNECT_WAIT;
        loop {
            match UnixStream::connect(&self.0.socket).await {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => {
                    sleep(CONNECT_PAUSE).await;
                }
                done => return done,
            }
        }
    }
}

impl Lease {
    /// Keeps the connection for another request. The answer must have been read to its end.
    pub(crate) fn give_back(self) {
        let mut idle = self.pool.idle.borrow_mut();
        if idle.len() < IDLE_LIMIT && !self.sender.is_closed() {
            idle.push(self.sender);
        }
    }
}

/// What docker's own clients send for a socket that has no name.
pub(crate) const HOST: hyper::header::HeaderValue =
    hyper::header::HeaderValue::from_static("docker");
