//! What the kernel calls somebody who has logged in.
//!
//! Knows that such a number may be unset. Reads nothing.

use std::fmt;

/// A login uid: who logged in, whatever they became later. It survives `su` and `sudo`.
///
/// Unset is not a number: [`Auid::from_raw`] gives `None` for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Auid(u32);

/// A login session. Unset is not a number: [`Session::from_raw`] gives `None` for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session(u32);

/// How the kernel writes that an auid or a session is unset.
///
/// # Source
/// `AUDIT_UID_UNSET` and `AUDIT_SID_UNSET` in `include/uapi/linux/audit.h`.
const UNSET: u32 = u32::MAX;

impl Auid {
    /// The auid that the kernel's number stands for.
    #[must_use]
    pub fn from_raw(number: u32) -> Option<Self> {
        (number != UNSET).then_some(Self(number))
    }

    /// The uid.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl Session {
    /// The session that the kernel's number stands for.
    #[must_use]
    pub fn from_raw(number: u32) -> Option<Self> {
        (number != UNSET).then_some(Self(number))
    }

    /// The number, as `ausearch --session` takes it.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Auid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_is_none() {
        assert_eq!(Auid::from_raw(u32::MAX), None);
        assert_eq!(Session::from_raw(u32::MAX), None);
        assert_eq!(Auid::from_raw(0).map(Auid::number), Some(0));
    }
}
