//! The value of a field, as it stands in the log.

use std::borrow::Cow;

use crate::time::number;

/// The value of a field, as it stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    name: &'a [u8],
    raw: &'a [u8],
}

impl<'a> Value<'a> {
    /// The value of the field `name`. Only some names have values in hexadecimal.
    #[must_use]
    pub const fn new(name: &'a [u8], raw: &'a [u8]) -> Self {
        Self { name, raw }
    }

    /// The bytes as written, with quotes or in hexadecimal.
    #[must_use]
    pub const fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Whether the program that wrote the record did not know the value: `?`, `"?"`, `(null)` or
    /// `(none)`.
    ///
    /// # Source
    /// `?` and `"?"` are libaudit's, `(null)` and `(none)` the kernel's.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self.raw, b"" | b"?" | b"\"?\"" | b"(null)" | b"(none)")
    }

    /// The decoded value; `None` if it [is unknown](Self::is_unknown).
    ///
    /// A value in double quotes is the text between them. Other text is decoded if the field may be
    /// encoded and the text is an even number of hexadecimal digits. Any other text is the value. The
    /// result may hold any bytes.
    ///
    /// # Source
    /// `audit_log_n_untrustedstring` in `kernel/audit.c` and `audit_encode_nv_string` in libaudit.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, [u8]>> {
        if self.is_unknown() {
            return None;
        }
        if let [b'"', inner @ .., b'"'] = self.raw {
            return Some(Cow::Borrowed(inner));
        }
        let decoded = may_be_encoded(self.name).then(|| decode_hex(self.raw)).flatten();
        Some(decoded.map_or(Cow::Borrowed(self.raw), Cow::Owned))
    }

    /// [`text`](Self::text) as owned bytes.
    #[must_use]
    pub fn to_bytes(self) -> Option<Vec<u8>> {
        self.text().map(Cow::into_owned)
    }

    /// The value as a decimal number without a sign.
    #[must_use]
    pub fn number<N: TryFrom<u64>>(self) -> Option<N> {
        number(self.raw).and_then(|number| N::try_from(number).ok())
    }

    /// The value as an exit code: decimal, perhaps negative.
    #[must_use]
    pub fn signed(self) -> Option<i64> {
        match self.raw {
            [b'-', digits @ ..] => number(digits).and_then(|it| 0_i64.checked_sub_unsigned(it)),
            digits => number(digits).and_then(|it| i64::try_from(it).ok()),
        }
    }
}

/// Whether values of this field may be in hexadecimal.
///
/// # Source
/// The rows with format `encoded` in the audit field dictionary, and `grp`, `new_group`, `root_dir` and
/// `sw` in `auparse/typetab.h`. `addr` and `saddr` are left out: readers print the first as it is, and
/// the second is a structure of the kernel.
const fn may_be_encoded(name: &[u8]) -> bool {
    matches!(
        name,
        b"acct"
            | b"apparmor"
            | b"cgroup"
            | b"cmd"
            | b"comm"
            | b"cwd"
            | b"data"
            | b"device"
            | b"dir"
            | b"exe"
            | b"file"
            | b"grp"
            | b"invalid_context"
            | b"key"
            | b"name"
            | b"new-chardev"
            | b"new-disk"
            | b"new-fs"
            | b"new-net"
            | b"new-rng"
            | b"new_group"
            | b"ocomm"
            | b"old-chardev"
            | b"old-disk"
            | b"old-fs"
            | b"old-net"
            | b"old-rng"
            | b"path"
            | b"proctitle"
            | b"root_dir"
            | b"sw"
            | b"vm"
            | b"watch"
    ) || is_argument(name)
}

/// Whether this is an argument of an `EXECVE` record, `a0` or `a12[3]`. The fields `a0` to `a3` of a
/// `SYSCALL` record are numbers, so nobody should ask for their text.
const fn is_argument(name: &[u8]) -> bool {
    matches!(name, [b'a', b'0'..=b'9', ..])
}

/// Decodes an even number of hexadecimal digits, at least two.
fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() % 2 != 0 || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pairs = text.chunks_exact(2);
    Some(pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | nibble(*digit))).collect())
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10) & 0x0F,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, raw: &str) -> Option<String> {
        let value = Value::new(name.as_bytes(), raw.as_bytes());
        value.text().map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn values_are_decoded_as_their_field_says() {
        for (name, raw, expected) in [
            ("cmd", "\"ls\"", Some("ls")),
            ("cmd", "6C73202D6C", Some("ls -l")),
            ("cmd", "6c73", Some("ls")),
            ("cmd", "6C7", Some("6C7")),
            ("cmd", "\"6C73\"", Some("6C73")),
            ("cmd", "\"\"", Some("")),
            ("cmd", "\"", Some("\"")),
            ("op", "beef", Some("beef")),
            ("uuid", "6C73", Some("6C73")),
            ("cmd", "?", None),
            ("vm", "\"?\"", None),
            ("key", "(null)", None),
            ("tty", "(none)", None),
            ("a0", "6C73", Some("ls")),
        ] {
            assert_eq!(text(name, raw).as_deref(), expected, "{name}={raw}");
        }
    }

    #[test]
    fn numbers_have_no_sign_and_exit_codes_may_have_one() {
        let value = |raw: &'static str| Value::new(b"exit", raw.as_bytes());
        assert_eq!(value("4294967295").number::<u32>(), Some(u32::MAX));
        assert_eq!(value("4294967296").number::<u32>(), None);
        assert_eq!(value("-1").number::<u64>(), None);
        assert_eq!(value("-13").signed(), Some(-13));
        assert_eq!(value("137").signed(), Some(137));
        assert_eq!(value("x").signed(), None);
    }
}
