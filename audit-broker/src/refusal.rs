//! Why a request goes no further, in docker's own error shape.

use hyper::StatusCode;

/// The word in records for what no policy permits.
pub(crate) const NOT_PERMITTED: &str = "not-permitted";

/// What a client is told of a request that is not forwarded: `{"message": "..."}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Refusal {
    /// The word for it in records.
    pub(crate) fn reason(&self) -> &'static str {
        match self.status {
            StatusCode::FORBIDDEN => NOT_PERMITTED,
            StatusCode::CONFLICT => "conflict",
            _ => "not-understood",
        }
    }

    /// The request says something that has no place in the docker API, or that docker reads in
    /// another way than it looks.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// The docker API has it, and the broker passes it on for nobody.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: message.into() }
    }

    /// No route of the docker API has this path.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// The path is a route, by another method.
    pub(crate) fn method_not_allowed(message: impl Into<String>) -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, message: message.into() }
    }

    /// What is there already stands against it.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, message: message.into() }
    }

    /// The body is longer than the broker reads.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, message: message.into() }
    }
}
