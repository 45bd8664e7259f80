//! When a record was written.

use std::fmt;

/// A time in milliseconds since 1970 UTC, as the kernel writes it into records.
///
/// The kernel uses its coarse clock, which advances in steps of 1 to 10 ms. So records with the same
/// time are ordered by their serial number only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// What the records of one event share: time and serial number. `ausearch -a` searches for the serial
/// number.
///
/// # Source
/// `audit_log_start` in the kernel's `kernel/audit.c`: `audit(%llu.%03lu:%u): `.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the kernel's stamp has these two parts")]
pub struct Stamp {
    /// When the kernel made the event.
    pub time: Time,
    /// The number of the event since boot. auditd counts its own `DAEMON_` events separately.
    pub serial: u64,
}

impl Time {
    /// The time so many milliseconds after 1970 UTC.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970 UTC.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970 UTC.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

impl Stamp {
    /// Parses `SECONDS.MILLISECONDS:SERIAL`.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        Self::split_off(text).filter(|(_, rest)| rest.is_empty()).map(|(stamp, _)| stamp)
    }

    /// Parses the stamp at the start of the text. Returns the text after it too.
    pub(crate) fn split_off(text: &[u8]) -> Option<(Self, &[u8])> {
        let (seconds, rest) = leading_number(text)?;
        let (milliseconds, rest) = leading_number(rest.strip_prefix(b".")?)?;
        let (serial, rest) = leading_number(rest.strip_prefix(b":")?)?;
        if milliseconds >= 1000 {
            return None;
        }
        let time = seconds.checked_mul(1000)?.checked_add(milliseconds)?;
        Some((Self { time: Time(time), serial }, rest))
    }
}

impl fmt::Display for Time {
    /// Seconds and milliseconds, as records have them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.time, self.serial)
    }
}

/// Parses digits only: no sign, no space, no more than a `u64` holds.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    leading_number(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// Parses the digits at the start of the text, at least one. Returns the text after them too.
fn leading_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut rest) = (0_u64, text);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = after;
    }
    (rest.len() < text.len()).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_and_written_alike() {
        for text in ["1795978908.136:2791134", "0.000:0", "1.007:18446744073709551615"] {
            assert_eq!(Stamp::parse(text.as_bytes()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn nothing_else_is_a_stamp() {
        for text in ["", ".", ":", "1.1000:1", "1.2:", "1.2:-3", "1:2.3", "+1.2:3", "1.2:3 "] {
            assert_eq!(Stamp::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Stamp::parse(b"99999999999999999999.000:1"), None);
    }
}
