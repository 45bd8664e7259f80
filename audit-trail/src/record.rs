//! Parses one line of the log.

use memchr::{memchr, memchr_iter, memrchr};

use crate::field::Fields;
use crate::record_type::RecordType;
use crate::time::Stamp;
use crate::value::Value;

/// One record: a parsed line of the log. It borrows the line.
///
/// # Which part can be trusted
///
/// The kernel wrote the text before `msg='`, so [`kernel`](Self::kernel) returns facts: the process
/// that sent the record, its uid, login uid and session. The program wrote the text inside the quotes,
/// so [`user`](Self::user) returns what that program claims. A process with `CAP_AUDIT_WRITE`, which
/// docker gives to containers by default, can claim anything. auditd added the names that
/// [`enriched`](Self::enriched) returns.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    line: &'a [u8],
    node: Option<&'a [u8]>,
    type_name: &'a [u8],
    kind: RecordType,
    stamp: Stamp,
    kernel: &'a [u8],
    user: Option<&'a [u8]>,
    is_truncated: bool,
    names: &'a [u8],
}

/// Why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The line does not start with `type=`, or with `node=` and `type=`.
    #[error("does not begin with type=")]
    NoType,
    /// The line has no `msg=audit(SECONDS.MILLISECONDS:SERIAL):` after the type.
    #[error("has no time and serial number")]
    NoStamp,
    /// The line is longer than [`LINE_LIMIT_BYTES`](crate::LINE_LIMIT_BYTES).
    #[error("is too long")]
    TooLong,
}

/// The byte after the kernel's text. After it, auditd repeats numbers as names.
///
/// # Source
/// `AUDIT_INTERP_SEPARATOR` in `libaudit.h`.
const NAMES_SEPARATOR: u8 = 0x1d;

impl<'a> Record<'a> {
    /// Parses a line without its newline.
    ///
    /// # Errors
    /// [`Malformed`] if the line has no type, or no time and serial number.
    ///
    /// # Source
    /// `auditd.conf(5)` for `node=` and the enriched format; `extract_timestamp` in `ausearch-lol.c`.
    pub fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        let (node, rest) = match line.strip_prefix(b"node=") {
            Some(rest) => {
                let (node, rest) = split_at_byte(rest, b' ').ok_or(Malformed::NoType)?;
                (Some(node), rest)
            }
            None => (None, line),
        };
        let rest = rest.strip_prefix(b"type=").ok_or(Malformed::NoType)?;
        let (type_name, rest) = split_at_byte(rest, b' ').ok_or(Malformed::NoType)?;
        let rest = rest.strip_prefix(b"msg=audit(").ok_or(Malformed::NoStamp)?;
        let (stamp, rest) = Stamp::split_off(rest).ok_or(Malformed::NoStamp)?;
        let rest = rest.strip_prefix(b"):").ok_or(Malformed::NoStamp)?;
        let (text, names) = split_names(rest);
        let kind = RecordType::of_name(type_name);
        let (kernel, user, is_truncated) =
            if kind.is_of_user_space() { split_message(text) } else { (text, None, false) };
        // Without its closing quote, a message could pretend that its end is auditd's.
        let names = if is_truncated { b"" } else { names };
        Ok(Self { line, node, type_name, kind, stamp, kernel, user, is_truncated, names })
    }

    /// The whole line.
    #[must_use]
    pub const fn line(&self) -> &'a [u8] {
        self.line
    }

    /// The host that wrote the record, if the log names it (`name_format` in `auditd.conf(5)`).
    #[must_use]
    pub const fn node(&self) -> Option<&'a [u8]> {
        self.node
    }

    /// The type.
    #[must_use]
    pub const fn record_type(&self) -> RecordType {
        self.kind
    }

    /// The name of the type, as the line has it.
    #[must_use]
    pub const fn type_name(&self) -> &'a [u8] {
        self.type_name
    }

    /// Time and serial number.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The value of a field that the kernel wrote, or auditd in a `DAEMON_` record.
    #[must_use]
    pub fn kernel(&self, name: &str) -> Option<Value<'a>> {
        self.kernel_fields().first(name.as_bytes())
    }

    /// The value of a field that the sending program wrote.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<Value<'a>> {
        self.user_fields().first(name.as_bytes())
    }

    /// The name that auditd wrote for a number: `enriched("AUID")` is the name of the login uid. Only
    /// the enriched log format has it. auditd writes the names in the order of the fields, so this is the
    /// name of the first field.
    #[must_use]
    pub fn enriched(&self, name: &str) -> Option<Value<'a>> {
        Fields::new(self.names).first(name.as_bytes())
    }

    /// The fields that the kernel wrote.
    #[must_use]
    pub const fn kernel_fields(&self) -> Fields<'a> {
        Fields::new(self.kernel)
    }

    /// The fields that the sending program wrote. Empty if no program wrote the record.
    #[must_use]
    pub fn user_fields(&self) -> Fields<'a> {
        Fields::new(self.user.unwrap_or_default())
    }

    /// The text inside `msg='...'`.
    #[must_use]
    pub const fn user_text(&self) -> Option<&'a [u8]> {
        self.user
    }

    /// Whether the closing `'` of `msg='...'` is missing: auditd cut the record.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// Whether the record says `res=success` or `res=1`; `None` if it has no `res=`.
    ///
    /// The kernel and auditd write numbers, programs write words. Any other word is not a success.
    #[must_use]
    pub fn is_success(&self) -> Option<bool> {
        let fields = if self.user.is_some() { self.user_fields() } else { self.kernel_fields() };
        fields.first(b"res").map(|value| matches!(value.raw(), b"success" | b"1"))
    }
}

/// Splits off the names that auditd added.
///
/// A program may write the separator into its message, followed by names of its choice. auditd encodes the
/// names that it adds, so the last separator is auditd's, unless the message ends after it: the kernel
/// puts a `'` after each message, and auditd adds no name that ends so.
fn split_names(text: &[u8]) -> (&[u8], &[u8]) {
    match memrchr(NAMES_SEPARATOR, text) {
        Some(at) if !text.ends_with(b"'") => {
            (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default())
        }
        _ => (text, b""),
    }
}

/// Splits a user record at ` msg='` and drops the closing quote.
fn split_message(text: &[u8]) -> (&[u8], Option<&[u8]>, bool) {
    const OPENING: &[u8] = b" msg='";
    // The first quote is nearly always that of the opening.
    let mut quotes = memchr_iter(b'\'', text).map(|quote| quote + 1);
    let parts = quotes.find_map(|end| {
        let (before, message) = text.split_at_checked(end)?;
        Some((before.strip_suffix(OPENING)?, message))
    });
    let Some((kernel, message)) = parts else { return (text, None, false) };
    match memrchr(b'\'', message) {
        Some(end) if is_blank(message.get(end + 1..)) => (kernel, message.get(..end), false),
        _ => (kernel, Some(message), true),
    }
}

fn is_blank(text: Option<&[u8]>) -> bool {
    text.unwrap_or_default().iter().all(u8::is_ascii_whitespace)
}

/// The text before and after the first such byte.
fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr(byte, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &[u8] = b"node=a type=VIRT_CONTROL msg=audit(1790000000.123:456): pid=7 uid=999 \
        auid=1001 ses=3 subj=docker-default (enforce) msg='virt=docker op=start vm=\"web\" \
        sw=612062 res=success'\x1dUID=\"audit-broker\" AUID=\"dwalsh\"";

    #[test]
    fn a_record_of_a_program_has_two_parts_and_names() {
        let record = Record::parse(LINE).unwrap();
        assert_eq!(record.node(), Some(&b"a"[..]));
        assert_eq!(record.record_type(), RecordType::VIRT_CONTROL);
        assert_eq!(record.stamp().to_string(), "1790000000.123:456");
        assert_eq!(record.kernel("uid").and_then(Value::number::<u32>), Some(999));
        assert_eq!(record.user("uid"), None);
        assert_eq!(record.user("sw").and_then(Value::to_bytes).as_deref(), Some(&b"a b"[..]));
        assert_eq!(record.enriched("AUID").map(Value::raw), Some(&b"\"dwalsh\""[..]));
        assert_eq!((record.is_success(), record.is_truncated()), (Some(true), false));
    }

    #[test]
    fn what_a_program_writes_is_not_the_kernels() {
        let line = b"type=USER msg=audit(1.2:3): pid=7 uid=0 msg='x msg='auid=5 res=success'";
        let record = Record::parse(line).unwrap();
        assert_eq!(record.kernel("auid"), None);
        assert_eq!(record.kernel("pid").map(Value::raw), Some(&b"7"[..]));
    }

    #[test]
    fn a_program_cannot_forge_the_names_that_auditd_adds() {
        let head = "type=USER msg=audit(1.200:3): pid=7 uid=0 msg='";
        for (text, expected) in [
            ("op=x'\x1dUID=\"audit-broker\"'\x1dUID=\"root\"", Some("\"root\"")),
            ("op=x\x1dUID=\"audit-broker\"'\x1dUID=\"root\"", Some("\"root\"")),
            ("op=x'\x1dUID=\"audit-broker\"'", None),
            ("op=x\x1dUID=\"audit-broker\" '", None),
            ("op=x\x1dUID=\"audit-broker\"", None),
        ] {
            let line = format!("{head}{text}");
            let record = Record::parse(line.as_bytes()).unwrap();
            let found = record.enriched("UID").map(Value::raw);
            assert_eq!(found, expected.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn a_record_without_its_closing_quote_is_truncated() {
        let record = Record::parse(LINE.split(|byte| *byte == 0x1d).next().unwrap()).unwrap();
        assert!(!record.is_truncated());
        let record =
            Record::parse(LINE.get(..memchr::memmem::find(LINE, b"cess'").unwrap()).unwrap())
                .unwrap();
        assert!(record.is_truncated());
        assert_eq!(record.user("op").map(Value::raw), Some(&b"start"[..]));
    }

    #[test]
    fn a_record_of_the_kernel_has_no_message() {
        let line = b"type=LOGIN msg=audit(1.200:3): pid=4 auid=5 res=1\x1dAUID=\"a\"";
        let record = Record::parse(line).unwrap();
        assert_eq!(record.user_text(), None);
        assert_eq!(record.kernel("auid").and_then(Value::number::<u32>), Some(5));
        assert_eq!(record.is_success(), Some(true));
    }

    #[test]
    fn other_lines_are_malformed() {
        for (line, expected) in [
            ("", Malformed::NoType),
            ("----", Malformed::NoType),
            ("node=a", Malformed::NoType),
            ("type=LOGIN", Malformed::NoType),
            ("type=LOGIN msg=audit(", Malformed::NoStamp),
            ("type=LOGIN msg=audit(x): a=b", Malformed::NoStamp),
            ("type=LOGIN msg=audit(1.2:3) a=b", Malformed::NoStamp),
        ] {
            assert_eq!(Record::parse(line.as_bytes()).unwrap_err(), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(tail: Vec<u8>, cut in 0..LINE.len()) {
            let line = [LINE.get(..cut).unwrap(), &tail].concat();
            if let Ok(record) = Record::parse(&line) {
                let fields = record.kernel_fields().chain(record.user_fields());
                prop_assert!(fields.filter(|field| field.value.text().is_some()).count() <= line.len());
            }
        }
    }
}
