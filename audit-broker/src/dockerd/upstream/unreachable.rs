//! Why dockerd did not answer.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use super::BoxError;
use crate::api::request::ApiVersion;

/// Why dockerd did not answer, or gave an answer that the broker does not read.
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
    /// The answer did not come in time. dockerd answers nothing about a container while something
    /// else holds its lock, such as a copy of its files that its client does not read.
    #[error(
        "dockerd did not answer {what} within {timeout:?}; try again later, or have root raise \
         dockerd_timeout_seconds"
    )]
    TimedOut {
        /// What was asked.
        what: String,
        /// How long the broker waited.
        timeout: Duration,
    },
    /// The answer is longer than the broker reads.
    #[error("dockerd's answer to {what} is longer than {limit_bytes} bytes, the most that is read")]
    TooLong {
        /// What was asked.
        what: String,
        /// The limit.
        limit_bytes: usize,
        /// The first bytes of the answer.
        beginning: Bytes,
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

/// Why the body of an answer was not read to its end.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is longer than the limit, in bytes. The beginning is what had come by then.
    TooLong { limit_bytes: usize, beginning: Bytes },
    /// The connection broke.
    Broken(BoxError),
}

impl BodyError {
    /// The same, with no more than this of what had come.
    pub(super) fn keeping(self, bytes: usize) -> Self {
        match self {
            Self::TooLong { limit_bytes, beginning } => {
                let beginning = beginning.get(..bytes.min(beginning.len())).unwrap_or_default();
                Self::TooLong { limit_bytes, beginning: Bytes::copy_from_slice(beginning) }
            }
            broken @ Self::Broken(_) => broken,
        }
    }

    /// The same, with what was asked.
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
    /// Whether dockerd is there, and one object is what it does not tell of.
    pub(crate) const fn is_about_one_object(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::TooLong { .. } | Self::Malformed { .. } => true,
            Self::Connect { .. } | Self::NoAnswer { .. } | Self::TooOld { .. } => false,
        }
    }
}
