//! The ids that the kernel gives to a login.
//!
//! This file knows that such an id may be unset. It reads nothing.

use std::fmt;

/// A login uid: the uid of the person who logged in. It does not change with `su` or `sudo`.
///
/// A process that no login started has none: [`Auid::from_raw`] returns `None` for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Auid(u32);

/// The number of a login session. [`Session::from_raw`] returns `None` for an unset one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session(u32);

impl Auid {
    /// The kernel's number for an unset login uid: 4294967295.
    ///
    /// # Source
    /// `AUDIT_UID_UNSET` in `include/uapi/linux/audit.h`.
    pub const UNSET: u32 = u32::MAX;

    /// Converts the kernel's number; `None` if it means unset.
    #[must_use]
    pub fn from_raw(number: u32) -> Option<Self> {
        (number != Self::UNSET).then_some(Self(number))
    }

    /// The uid.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl Session {
    /// The kernel's number for an unset session: 4294967295.
    ///
    /// # Source
    /// `AUDIT_SID_UNSET` in `include/uapi/linux/audit.h`.
    pub const UNSET: u32 = Auid::UNSET;

    /// Converts the kernel's number; `None` if it means unset.
    #[must_use]
    pub fn from_raw(number: u32) -> Option<Self> {
        (number != Self::UNSET).then_some(Self(number))
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
