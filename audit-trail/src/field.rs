//! Splits text into fields.

use memchr::memchr;

use crate::value::Value;

/// The fields of a part of a record, in order. A name may occur more than once.
///
/// Fields are separated by spaces. A word without `=` is no field. A value in double quotes may hold
/// spaces: some programs write such values, although libaudit encodes them.
///
/// # Source
/// `parse_up_record` in `auparse/ellist.c` of audit-userspace: it drops a `(` before a name, and a `,`,
/// `)` or `:` after a value, which records of old PAM versions have.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The value.
    pub value: Value<'a>,
}

impl<'a> Fields<'a> {
    /// Splits the text.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn first(self, name: &[u8]) -> Option<Value<'a>> {
        let mut fields = self;
        fields.find(|field| field.name == name).map(|field| field.value)
    }

    /// The fields that say what changed, as text: all but the subject's and the outcome.
    pub(crate) fn settings(self) -> Vec<u8> {
        let mut text = Vec::new();
        for Field { name, value } in self {
            if matches!(name, b"auid" | b"uid" | b"ses" | b"pid" | b"subj" | b"res") {
                continue;
            }
            if !text.is_empty() {
                text.push(b' ');
            }
            text.extend_from_slice(name);
            text.push(b'=');
            text.extend_from_slice(value.raw());
        }
        text
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let start = self.rest.iter().position(|byte| *byte != b' ')?;
            let text = self.rest.get(start..)?;
            // Names are short, so that a loop over their bytes is faster than a search.
            let name_end = text.iter().position(|byte| matches!(byte, b'=' | b' '))?;
            let (name, rest) = text.split_at_checked(name_end)?;
            let Some(value) = rest.strip_prefix(b"=") else {
                self.rest = rest;
                continue;
            };
            let len = quoted_len(value).unwrap_or_else(|| word_len(value));
            let (raw, rest) = value.split_at_checked(len)?;
            self.rest = rest;
            if name.is_empty() {
                continue;
            }
            let name = name.strip_prefix(b"(").unwrap_or(name);
            return Some(Field { name, value: Value::new(name, trimmed(raw)) });
        }
    }
}

/// The length of the word at the start of the text.
fn word_len(text: &[u8]) -> usize {
    memchr(b' ', text).unwrap_or(text.len())
}

/// The length of a quoted value at the start of the text, up to the quote before a space or the end.
fn quoted_len(text: &[u8]) -> Option<usize> {
    let quoted = text.strip_prefix(b"\"")?;
    let at = memchr(b'"', quoted)?;
    matches!(quoted.get(at + 1), None | Some(b' ')).then_some(at + 2)
}

fn trimmed(raw: &[u8]) -> &[u8] {
    match raw {
        [b'"', .., b'"'] | [b'(', .., b')'] => raw,
        [value @ .., b',' | b')' | b':'] => value,
        _ => raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<(String, String)> {
        let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = Fields::new(text.as_bytes());
        fields.map(|field| (text_of(field.name), text_of(field.value.raw()))).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_are_split_at_spaces_outside_quotes() {
        for (text, expected) in [
            ("", &[][..]),
            ("op=a  res=success ", &[("op", "a"), ("res", "success")]),
            ("cmd=\"a b\" res=1", &[("cmd", "\"a b\""), ("res", "1")]),
            ("cmd=\"a b res=1", &[("cmd", "\"a"), ("res", "1")]),
            ("cmd=\"a\"b\" res=1", &[("cmd", "\"a\"b\""), ("res", "1")]),
            ("newrole: old-context=a:b", &[("old-context", "a:b")]),
            ("subj=docker-default (enforce)", &[("subj", "docker-default")]),
            (
                "(hostname=?, addr=?, res=success)",
                &[("hostname", "?"), ("addr", "?"), ("res", "success")],
            ),
            ("key=(null) =x y= z", &[("key", "(null)"), ("y", "")]),
            ("a=b=c", &[("a", "b=c")]),
        ] {
            assert_eq!(split(text), pairs(expected), "{text}");
        }
    }

    #[test]
    fn the_first_field_of_a_name_counts() {
        let fields = Fields::new(b"uid=1 uid=2");
        assert_eq!(fields.clone().first(b"uid").and_then(Value::number::<u32>), Some(1));
        assert_eq!(fields.first(b"gid"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end(text: Vec<u8>) {
            prop_assert!(Fields::new(&text).count() <= text.len());
        }
    }
}
