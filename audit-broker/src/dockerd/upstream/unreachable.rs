//! Why the broker has no usable response from dockerd.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use super::BoxError;
use crate::api::request::ApiVersion;

/// Why the broker has no usable response from dockerd.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    /// No process listens at the socket, or dockerd does not accept the connection.
    #[error("cannot connect to dockerd at {}: {source}; is it running", socket.display())]
    Connect {
        /// The path of the socket.
        socket: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
    /// The connection broke before dockerd sent a response.
    #[error("dockerd gave no answer: {source}")]
    NoAnswer {
        /// The error of hyper or of the system call.
        source: BoxError,
    },
    /// The response did not arrive in time. dockerd does not respond about a container while another
    /// request holds the container's lock. One such request is a download of files whose client does
    /// not read.
    #[error(
        "dockerd did not answer {what} within {timeout:?}; try again later, or ask root to raise \
         dockerd_timeout_seconds"
    )]
    TimedOut {
        /// The target of the request.
        what: String,
        /// How long the broker waited.
        timeout: Duration,
    },
    /// The response is longer than the broker reads.
    #[error("dockerd's answer to {what} is longer than {limit_bytes} bytes, the broker's limit")]
    TooLong {
        /// The target of the request.
        what: String,
        /// The limit.
        limit_bytes: usize,
        /// The first bytes of the response.
        beginning: Bytes,
    },
    /// The response does not conform to the API.
    #[error("cannot read dockerd's answer to {what}: {source}")]
    Malformed {
        /// The target of the request.
        what: String,
        /// The error of the parser.
        source: BoxError,
    },
    /// dockerd is older than the broker supports.
    #[error(
        "dockerd supports version `{told}` of its API; the broker needs {} or newer",
        ApiVersion::OLDEST
    )]
    TooOld {
        /// The version that dockerd reports.
        told: String,
    },
}

/// Why the broker did not read the body of a response to its end.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// The body is longer than the limit, in bytes. The beginning is the part that had arrived.
    TooLong { limit_bytes: usize, beginning: Bytes },
    /// The connection broke.
    Broken(BoxError),
}

impl BodyError {
    /// The same error, with at most this many bytes of the beginning.
    pub(super) fn keeping(self, bytes: usize) -> Self {
        match self {
            Self::TooLong { limit_bytes, beginning } => {
                let beginning = beginning.get(..bytes.min(beginning.len())).unwrap_or_default();
                Self::TooLong { limit_bytes, beginning: Bytes::copy_from_slice(beginning) }
            }
            broken @ Self::Broken(_) => broken,
        }
    }

    /// The same error, with the target of the request.
    pub(crate) fn of(self, what: &str) -> Unreachable {
        let what = what.to_owned();
        match self {
            Self::TooLong { limit_bytes, beginning } => {
                Unreachable::TooLong { what, limit_bytes, beginning }
            }
            Self::Broken(source) => Unreachable::Malformed { what, source },
        }
    }
}

impl Unreachable {
    /// Whether dockerd works, but not for the one object of the request.
    pub(crate) const fn is_about_one_object(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::TooLong { .. } | Self::Malformed { .. } => true,
            Self::Connect { .. } | Self::NoAnswer { .. } | Self::TooOld { .. } => false,
        }
    }
}
