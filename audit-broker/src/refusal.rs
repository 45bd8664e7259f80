//! An error answer of the broker, in the form of docker's own errors.
//!
//! This file knows which HTTP status stands for which refusal. It does not know the rules that lead to
//! one.

use std::fmt::Display;

use bytes::Bytes;
use hyper::StatusCode;

/// The reason in records if no policy permits the call.
pub(crate) const NOT_PERMITTED: &str = "not-permitted";

/// The end of a denial, unless the settings have another one.
const HELP: &str = "ask an administrator of this host";

/// The text of a denial. It ends with whom to ask: `help`, from the settings.
pub(crate) fn with_help(text: &str, help: &str) -> String {
    format!("{text}; {}", if help.is_empty() { HELP } else { help })
}

/// The body of an error response. Like dockerd's, it ends with a newline: without it, a client could tell
/// the broker's answer about a hidden object from dockerd's answer about a missing one.
pub(crate) fn document(message: &str) -> Bytes {
    (serde_json::json!({ "message": message }).to_string() + "\n").into()
}

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

    /// The same refusal. If the caller may not make the request, the text also says whom to ask.
    pub(crate) fn with_help(self, help: &str) -> Self {
        match self.status {
            StatusCode::FORBIDDEN => Self { message: with_help(&self.message, help), ..self },
            _ => self,
        }
    }

    /// The docker API does not know something in the request, or dockerd could read it differently
    /// from the broker.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// The caller may not make the request, or the broker forwards it for no caller at all. `part` is what
    /// is denied: the request, a field or a flag. `instead` is what the caller can do.
    pub(crate) fn forbidden(part: impl Display, why: impl Display, instead: impl Display) -> Self {
        let message = format!("not allowed: {part}: {why}; {instead}");
        Self { status: StatusCode::FORBIDDEN, message }
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
