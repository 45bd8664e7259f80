//! The requests of the broker's own to dockerd.
//!
//! This file limits how long the broker waits for a response and how much of it the broker reads. A slow
//! or long response must not block the broker or fill its memory.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::uri::InvalidUri;
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::{DockerdConnection, Found, RequestBody, Unreachable, Upstream, malformed, release};
use crate::api::request::ApiVersion;

/// The most bytes that the broker reads for one request of its own, and for all such requests of one
/// call together. The description of an object that was created through the broker is shorter.
const DOCUMENT_LIMIT_BYTES: usize = 16 << 20;

/// How many bytes of a response that is too long the broker keeps. They contain the object's id.
const BEGINNING_BYTES: usize = 1 << 10;

/// The timeout of a slow operation for which a client waits: to remove a large container, or to measure
/// the size of all containers.
pub(crate) const CHANGE_TIMEOUT: Duration = Duration::from_secs(300);

/// The time and the bytes of responses that some requests may use together.
#[derive(Debug)]
pub(super) struct ResponseBudget {
    timeout: Duration,
    end: Instant,
    bytes_left: Cell<usize>,
}

impl ResponseBudget {
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
    /// The same dockerd, for the broker's requests about one call. They share one deadline and one limit
    /// of bytes, however many objects the call names.
    pub(crate) fn for_one_call(&self) -> Self {
        self.within(self.pool.timeout)
    }

    /// The same dockerd, for requests that share this timeout.
    pub(crate) fn within(&self, timeout: Duration) -> Self {
        let budget = Some(Rc::new(ResponseBudget::new(timeout)));
        Self { pool: Rc::clone(&self.pool), budget }
    }

    /// The default timeout of a request.
    pub(crate) fn timeout(&self) -> Duration {
        self.pool.timeout
    }

    /// Gets a document.
    ///
    /// # Errors
    /// If dockerd cannot be reached, does not respond in time, or sends a response that the broker cannot
    /// read.
    pub(crate) async fn ask<Document: DeserializeOwned>(
        &self,
        target: &str,
    ) -> Result<Found<Document>, Unreachable> {
        let found = self.ask_keeping(target).await?;
        Ok(found.map(|(document, _)| document))
    }

    /// As [`Self::ask`], and keeps the response from which the document was read.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) async fn ask_keeping<Document: DeserializeOwned>(
        &self,
        target: &str,
    ) -> Result<Found<(Document, Response<Bytes>)>, Unreachable> {
        self.document(target, request(target, Full::default())?, self.pool.timeout).await
    }

    /// Makes dockerd create an object, and returns dockerd's description of it.
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
        let found = self.document(target, request, CHANGE_TIMEOUT).await?;
        Ok(found.map(|(document, _)| document))
    }

    /// Posts a document, and returns whether dockerd did what it says.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub(crate) async fn tell(&self, target: &str, document: Bytes) -> Result<bool, Unreachable> {
        let mut request = request(target, Full::new(document))?;
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self.response(target, request, CHANGE_TIMEOUT).await?.status().is_success())
    }

    /// Sends a request without a body, and returns the response; `None` if dockerd refuses.
    ///
    /// # Errors
    /// If dockerd cannot be reached, or does not respond within [`CHANGE_TIMEOUT`].
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

    /// Sends a request without a body, and returns the response, even if dockerd refuses.
    ///
    /// # Errors
    /// If dockerd cannot be reached, or does not respond within [`CHANGE_TIMEOUT`].
    pub(crate) async fn order(
        &self,
        method: Method,
        target: &str,
    ) -> Result<Found<Bytes>, Unreachable> {
        let mut request = request(target, Full::default())?;
        *request.method_mut() = method;
        let response = self.response(target, request, CHANGE_TIMEOUT).await?;
        let (status, bytes) = (response.status(), response.into_body());
        Ok(if status.is_success() { Found::Yes(bytes) } else { Found::No(status, bytes) })
    }

    /// Gets a response whose body the caller reads as it comes.
    ///
    /// # Errors
    /// If dockerd cannot be reached, does not begin to respond in time, or refuses.
    pub(crate) async fn stream(
        &self,
        target: &str,
    ) -> Result<(Incoming, DockerdConnection), Unreachable> {
        let sending = self.send(request(target, Full::default())?);
        let sent = timeout_at(Instant::now() + self.pool.timeout, sending).await;
        let timed_out =
            |_| Unreachable::TimedOut { what: target.to_owned(), timeout: self.pool.timeout };
        let (response, connection) = sent.map_err(timed_out)??;
        match response.status() {
            StatusCode::OK => Ok((response.into_body(), connection)),
            status => Err(malformed(target, status.to_string().into())),
        }
    }

    /// Sends a request, and parses the response.
    async fn document<Document: DeserializeOwned>(
        &self,
        target: &str,
        request: Request<RequestBody>,
        timeout: Duration,
    ) -> Result<Found<(Document, Response<Bytes>)>, Unreachable> {
        let response = self.response(target, request, timeout).await?;
        if !matches!(response.status(), StatusCode::OK | StatusCode::CREATED) {
            return Ok(Found::No(response.status(), response.into_body()));
        }
        let document = serde_json::from_slice(response.body());
        let document = document.map_err(|error| malformed(target, error.into()))?;
        Ok(Found::Yes((document, response)))
    }

    /// Sends a request, and reads the whole response. Both are limited by the shared budget, or by
    /// a budget of its own.
    async fn response(
        &self,
        target: &str,
        request: Request<RequestBody>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, Unreachable> {
        let own = || Rc::new(ResponseBudget::new(timeout));
        let budget = self.budget.clone().unwrap_or_else(own);
        let limit = budget.bytes_left.get();
        let reading = async {
            let (response, connection) = self.send(request).await?;
            let (head, body) = response.into_parts();
            let read = connection.read(body, limit).await;
            let bytes = read.map_err(|error| error.keeping(BEGINNING_BYTES).of(target))?;
            Ok(Response::from_parts(head, bytes))
        };
        let read = timeout_at(budget.end, reading).await.unwrap_or_else(|_| {
            let (what, timeout) = (target.to_owned(), budget.timeout);
            Err(Unreachable::TimedOut { what, timeout })
        });
        let response = read?;
        budget.bytes_left.set(limit.saturating_sub(response.body().len()));
        Ok(response)
    }

    /// The newest version of the API that both dockerd and the broker support.
    ///
    /// # Errors
    /// If dockerd cannot be reached or is older than the broker supports.
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

    /// The release of docker; known only after [`Self::newest_version`].
    pub(crate) fn engine(&self) -> Option<[u32; 3]> {
        self.pool.engine.get()
    }
}

/// Builds a request of the broker's own.
fn request(target: &str, body: Full<Bytes>) -> Result<Request<RequestBody>, Unreachable> {
    let uri = target.parse().map_err(|error: InvalidUri| malformed(target, error.into()))?;
    let mut request = Request::new(Either::Left(body));
    *request.uri_mut() = uri;
    request.headers_mut().insert(HOST, super::HOST);
    Ok(request)
}
