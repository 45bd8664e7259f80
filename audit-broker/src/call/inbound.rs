//! A client's request before the broker has understood it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use tokio::time::timeout;

use crate::api::body;
use crate::dockerd::upstream::BoxError;
use crate::refusal::Refusal;

/// The timeout for a document that a client sends, and for the beginning of a stream that the broker
/// reads.
pub(crate) const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// A request as the client sent it.
pub(crate) struct Inbound {
    pub(crate) head: Parts,
    /// `None` once the broker has read it or passed it on.
    pub(crate) body: Option<Incoming>,
    /// The beginning of the body, which the broker has read and must still send to dockerd.
    pub(crate) begun: VecDeque<Bytes>,
}

impl Inbound {
    /// Reads the body as one document.
    ///
    /// # Errors
    /// If the body is too long, breaks off or takes too long.
    pub(crate) async fn read_document(&mut self) -> Result<Bytes, Refusal> {
        let Some(body) = self.body.take() else { return Ok(Bytes::new()) };
        let limit = body::SIZE_LIMIT_BYTES;
        let mut body = Limited::new(body, limit);
        // Joins the pieces as they arrive: a list of small pieces takes many times their bytes.
        let reading = async {
            let mut document = BytesMut::new();
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame?.into_data() {
                    document.extend_from_slice(&data);
                }
            }
            Ok::<_, BoxError>(document.freeze())
        };
        match timeout(DOCUMENT_TIMEOUT, reading).await {
            Ok(Ok(document)) => Ok(document),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Refusal::too_large(format!("the body is longer than {limit} bytes")))
            }
            Ok(Err(error)) => Err(Refusal::bad_request(format!("the body breaks off: {error}"))),
            Err(_) => Err(Refusal {
                status: StatusCode::REQUEST_TIMEOUT,
                message: format!("the body did not come within {} s", DOCUMENT_TIMEOUT.as_secs()),
            }),
        }
    }
}
