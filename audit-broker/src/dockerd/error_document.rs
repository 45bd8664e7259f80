//! dockerd's response to a call that it refuses.

use serde::Deserialize;

/// The body of an error response.
///
/// # Source
/// `ErrorResponse` in moby's `api/swagger.yaml`.
#[derive(Deserialize)]
pub(crate) struct ErrorDocument {
    pub(crate) message: String,
}

impl ErrorDocument {
    /// Reads a response; `None` if it is not an error document.
    pub(crate) fn read(document: &[u8]) -> Option<Self> {
        serde_json::from_slice(document).ok()
    }
}
