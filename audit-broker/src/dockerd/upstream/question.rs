//! What the broker itself asks dockerd, or has it do.
//!
//! Knows how long an answer is awaited and how much of it is read. An object that dockerd does not
//! tell of in time, or not in few words, must not hold up or fill the broker.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::uri::InvalidUri;
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::{Found, RequestBody, Unreachable, Upstream, malformed, release};
use crate::api::request::ApiVersion;

/// The most that the broker reads for one question, and for all questions of one call together, in
/// bytes. An object that clients make through the broker has less than that to tell.
const DOCUMENT_LIMIT_BYTES: usize = 16 << 20;

/// How much of a document that is too long is kept, in bytes. The id of its object is in it.
const BEGINNING_BYTES: usize = 1 << 10;

/// How long dockerd may take to change something for a client who waits for it: to remove a large
/// container, or to measure all of them.
pub(crate) const CHANGE_TIMEOUT: Duration = Duration::from_secs(300);

/// What may be spent on questions: time, and bytes of answers.
#[derive(Debug)]
pub(super) struct Allowance {
    timeout: Duration,
    end: Instant,
    bytes_left: Cell<usize>,
}

impl Allowance {
    fn new(timeout: Duration) -> Self {
        let bytes_left = Cell::new(DOCUMENT_LIMIT_BYTES);
        Self { timeout, end: Instant::now() + timeout, bytes_left }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionDocument {
    api_version: String,
    #[serde(default)]
    version: String,
}

impl Upstream {
    /// The same dockerd, for the questions of one call: they have one deadline and one limit of
    /// bytes together, however many things the call names.
    pub(crate) fn for_one_call(&self) -> Self {
        self.within(self.pool.timeout)
    }

    /// The same dockerd, for questions that end together after this time.
    pub(crate) fn within(&self, timeout: Duration) -> Self {
        let allowance = Some(Rc::new(Allowance::new(timeout)));
        Self { pool: Rc::clone(&self.pool), allowance }
    }

    /// How long dockerd is awaited where nothing else is said.
    pub(crate) fn timeout(&self) -> Duration {
        self.pool.timeout
    }

    /// Asks for a document.
    ///
    /// # Errors
    /// If dockerd cannot be reached, does not answer in time, or its answer is not what it should be.
    pub(crate) async fn ask<Document: DeserializeOwned>(
        &self,
        target: &str,
    ) -> Result<Found<Document>, Unreachable> {
        self.told(target, request(target, Full::default())?, self.pool.timeout).await
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
        self.told(target, request, CHANGE_TIMEOUT).await
    }

    /// Has dockerd do something, and gives whether it did.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub(crate) async fn tell(&self, target: &str, document: Bytes) -> Result<bool, Unreachable> {
        let mut request = request(target, Full::new(document))?;
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (status, _) = self.answer(target, request, CHANGE_TIMEOUT).await?;
        Ok(status.is_success())
    }

    /// Has dockerd do something without more words, and gives what it says of it; `None` if it does
    /// not do that.
    ///
    /// # Errors
    /// If dockerd cannot be reached, or does not answer within [`CHANGE_TIMEOUT`].
    pub(crate) async fn command(
        &self,
        method: Method,
        target: &str,
    ) -> Result<Option<Bytes>, Unreachable> {
        Ok(match self.order(method, target).await? {
            Found::Yes(bytes) => Some(bytes),
            Found::No(..) => None,
        })
    }

    /// Sends a request without a body, and gives dockerd's answer, also where that is a refusal.
    ///
    /// # Errors
    /// If dockerd cannot be reached, or does not answer within [`CHANGE_TIMEOUT`].
    pub(crate) async fn order(
        &self,
        method: Method,
        target: &str,
    ) -> Result<Found<Bytes>, Unreachable> {
        let mut request = request(target, Full::default())?;
        *request.method_mut() = method;
        let (status, bytes) = self.answer(target, request, CHANGE_TIMEOUT).await?;
        Ok(if status.is_success() { Found::Yes(bytes) } else { Found::No(status, bytes) })
    }

    /// The document that dockerd answers with.
    async fn told<Document: DeserializeOwned>(
        &self,
        target: &str,
        request: Request<RequestBody>,
        timeout: Duration,
    ) -> Result<Found<Document>, Unreachable> {
        let (status, bytes) = self.answer(target, request, timeout).await?;
        if !matches!(status, StatusCode::OK | StatusCode::CREATED) {
            return Ok(Found::No(status, bytes));
        }
        let document = serde_json::from_slice(&bytes);
        Ok(Found::Yes(document.map_err(|error| malformed(target, error.into()))?))
    }

    /// The whole answer, within what is left of the allowance, or within one of its own.
    async fn answer(
        &self,
        target: &str,
        request: Request<RequestBody>,
        timeout: Duration,
    ) -> Result<(StatusCode, Bytes), Unreachable> {
        let own = || Rc::new(Allowance::new(timeout));
        let allowance = self.allowance.clone().unwrap_or_else(own);
        let limit = allowance.bytes_left.get();
        let answering = async {
            let (response, line) = self.send(request).await?;
            let (head, body) = response.into_parts();
            let read = line.read(body, limit).await;
            Ok((head.status, read.map_err(|error| error.keeping(BEGINNING_BYTES).of(target))?))
        };
        let answered = timeout_at(allowance.end, answering).await.unwrap_or_else(|_| {
            let (what, timeout) = (target.to_owned(), allowance.timeout);
            Err(Unreachable::TimedOut { what, timeout })
        });
        let (status, bytes) = answered?;
        allowance.bytes_left.set(limit.saturating_sub(bytes.len()));
        Ok((status, bytes))
    }

    /// The newest version of the API that both dockerd and the broker speak.
    ///
    /// # Errors
    /// If dockerd cannot be reached or is older than what the broker understands.
    pub(crate) async fn newest_version(&self) -> Result<ApiVersion, Unreachable> {
        if let Some(newest) = self.pool.newest.get() {
            return Ok(newest);
        }
        let told = match self.ask::<VersionDocument>("/version").await? {
            Found::Yes(document) => {
                self.pool.engine.set(release(&document.version));
                document.api_version
            }
            Found::No(status, _) => status.to_string(),
        };
        match ApiVersion::from_text(&told).filter(|version| *version >= ApiVersion::OLDEST) {
            Some(version) => {
                let newest = version.min(ApiVersion::NEWEST);
                self.pool.newest.set(Some(newest));
                Ok(newest)
            }
            None => Err(Unreachable::TooOld { told }),
        }
    }

    /// The release of docker, as far as it is known: after [`Self::newest_version`].
    pub(crate) fn engine(&self) -> Option<[u32; 3]> {
        self.pool.engine.get()
    }
}

/// A request of the broker's own.
fn request(target: &str, body: Full<Bytes>) -> Result<Request<RequestBody>, Unreachable> {
    let uri = target.parse().map_err(|error: InvalidUri| malformed(target, error.into()))?;
    let mut request = Request::new(Either::Left(body));
    *request.uri_mut() = uri;
    request.headers_mut().insert(HOST, super::HOST);
    Ok(request)
}
