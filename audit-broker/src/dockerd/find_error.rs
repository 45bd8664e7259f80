//! Why the broker could not find what a request names.

use crate::dockerd::upstream::Unreachable;
use crate::refusal::Refusal;

/// Why the broker could not find what a request names.
#[derive(Debug)]
pub(crate) enum FindError {
    /// The request names too many objects, or an object that does not exist now but could exist later.
    Refused(Refusal),
    /// dockerd did not answer.
    Unreachable(Unreachable),
}

impl From<Refusal> for FindError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unreachable> for FindError {
    fn from(error: Unreachable) -> Self {
        Self::Unreachable(error)
    }
}
