//! Whether somebody may do what they ask for.
//!
//! The one place where that is decided. Every action that is understood is allowed so far: what
//! protects the host is that each is on record under a name.

use crate::action::Action;

/// The answer, and why.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
}

/// Decides on an action.
pub(crate) const fn decide(_action: &Action) -> Decision {
    Decision::Allow
}
