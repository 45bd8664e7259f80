//! The reason why the broker stops a request.

use bytes::Bytes;
use hyper::StatusCode;

use crate::dockerd::find_error::FindError;
use crate::dockerd::upstream::Unreachable;
use crate::judge::denial::Denial;
use crate::record::recorder::NotRecorded;
use crate::refusal::Refusal;

/// The reason why the broker stops a request.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The broker does not know who calls. This is on record.
    Unidentified(String),
    /// The broker does not accept the request.
    Refused(Refusal),
    /// The policies deny the call. This is on record.
    Denied {
        /// Tells the caller where to get help; empty if the settings do not say.
        help: String,
        denial: Denial,
    },
    /// The object does not exist, or the caller may not see it. This is on record. The broker words
    /// the response.
    Absent(String),
    /// The object does not exist. This holds dockerd's own response.
    NotFound(StatusCode, Bytes),
    /// The object does not exist, and docker's response says that it is removed. This is on record.
    Ignored,
    /// The call cannot be recorded.
    NotRecorded(NotRecorded),
    /// dockerd cannot be reached.
    Unreachable(Unreachable),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unreachable> for Stop {
    fn from(error: Unreachable) -> Self {
        Self::Unreachable(error)
    }
}

impl From<FindError> for Stop {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Refused(refusal) => Self::Refused(refusal),
            FindError::Unreachable(error) => Self::Unreachable(error),
        }
    }
}
