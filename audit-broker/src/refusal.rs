//! An error answer of the broker, in the form of docker's own errors.
//!
//! This file knows which HTTP status stands for which refusal. It does not know the rules that lead to
//! one.

use hyper::StatusCode;

/// The reason in records if no policy permits the call.
pub(crate) const NOT_PERMITTED: &str = "not-permitted";

/// The answer to a request that the broker does not forward: `{"message": "..."}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Refusal {
    /// The reason in records.
    pub(crate) fn reason(&self) -> &'static str {
        match self.status {
            StatusCode::FORBIDDEN => NOT_PERMITTED,
            StatusCode::CONFLICT => "conflict",
            _ => "not-understood",
        }
    }

    /// The docker API does not know something in the request, or dockerd could read it differently
    /// from the broker.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// The caller may not make the request, or the broker forwards it for no caller at all.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: message.into() }
    }

    /// No route of the docker API has this path.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// The path belongs to a route with another method.
    pub(crate) fn method_not_allowed(message: impl Into<String>) -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, message: message.into() }
    }

    /// The request conflicts with an object that exists.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, message: message.into() }
    }

    /// The body exceeds the limit.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, message: message.into() }
    }
}
