//! Secret strings that no log line or record may show.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A password, token or key. It goes to dockerd, and its debug form hides it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Redacted(pub(crate) String);

impl fmt::Debug for Redacted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}
