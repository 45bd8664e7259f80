//! Secret strings that no log line or record may show.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A password, token or key. It goes to the daemon, and its debug form hides it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Hidden(pub(crate) String);

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}
