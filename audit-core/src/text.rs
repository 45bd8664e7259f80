//! Formats the fields of a record as text.
//!
//! This file knows the order and form that `ausearch` reads. It does no I/O and knows no limits.

use std::io::Write;

use crate::encoding::{bare_len, encode, encode_bare, encode_hex, encode_verbatim, encoded_len};
use crate::record::{Address, Entry, Outcome, Record, Value};

/// Appends the whole record: its fields, the subject and the outcome.
pub(crate) fn write_whole(record: &Record<'_>, outcome: Outcome, text: &mut Vec<u8>) {
    for entry in &record.entries {
        write_field(entry, text);
    }
    write_field(&exe(record), text);
    write_end(record, outcome, text);
}

/// A lower bound of what [`write_whole`] appends, in bytes: encoding never shortens a value.
pub(crate) fn whole_len_at_least(record: &Record<'_>) -> usize {
    record.entries.iter().chain([&exe(record)]).map(|entry| entry.value.len()).sum()
}

/// The program that acts; `"?"` if it is unknown.
pub(crate) fn exe<'a>(record: &Record<'a>) -> Entry<'a> {
    Entry { name: "exe", value: Value::Untrusted(record.exe.unwrap_or(b"?")) }
}

/// Appends one field and a space.
pub(crate) fn write_field(field: &Entry<'_>, text: &mut Vec<u8>) {
    if !field.name.is_empty() {
        text.extend_from_slice(field.name.as_bytes());
        text.push(b'=');
    }
    match field.value {
        Value::Untrusted(value) => encode(value, text),
        Value::CommandLine(line) => encode(line.as_bytes(), text),
        Value::Word(word) => text.extend_from_slice(word.as_bytes()),
        Value::Number(number) => write_number(number, text),
        Value::Label(label) => write_label(label, text),
        Value::Verbatim(fields) => encode_verbatim(fields, text),
    }
    text.push(b' ');
}

/// Length of what [`write_field`] appends, in bytes.
pub(crate) fn field_len(field: &Entry<'_>) -> usize {
    let value = match field.value {
        Value::Untrusted(value) => encoded_len(value),
        Value::CommandLine(line) => encoded_len(line.as_bytes()),
        Value::Word(word) => word.len(),
        Value::Number(number) => number.checked_ilog10().map_or(1, |digits| digits as usize + 1),
        Value::Label(label) => label_len(label),
        Value::Verbatim(fields) => return fields.len() + " ".len(),
    };
    field.name.len() + "=".len() + value + " ".len()
}

/// Appends the fields after `exe`.
pub(crate) fn write_end(record: &Record<'_>, outcome: Outcome, text: &mut Vec<u8>) {
    if let Some(origin) = record.origin {
        text.extend_from_slice(b"hostname=");
        encode_bare(origin.hostname, text);
        text.extend_from_slice(b" addr=");
        write_addr(origin.addr, text);
        text.push(b' ');
    }
    text.extend_from_slice(b"terminal=");
    encode_bare(record.terminal, text);
    text.extend_from_slice(b" res=");
    text.extend_from_slice(outcome.word().as_bytes());
}

/// Length of what [`write_end`] appends with the longer outcome, in bytes.
pub(crate) fn end_len(record: &Record<'_>) -> usize {
    let origin = record.origin.map_or(0, |origin| {
        "hostname= addr= ".len() + bare_len(origin.hostname) + addr_len(origin.addr)
    });
    origin + "terminal=".len() + bare_len(record.terminal) + " res=success".len()
}

fn write_addr(addr: Address<'_>, text: &mut Vec<u8>) {
    match addr {
        Address::Unknown => encode_bare(None, text),
        Address::Text(addr) => encode_bare(Some(addr), text),
        Address::Ip(addr) => {
            // Writing to a vector cannot fail.
            let _ = write!(text, "{addr}");
        }
    }
}

fn addr_len(addr: Address<'_>) -> usize {
    match addr {
        Address::Unknown => bare_len(None),
        Address::Text(addr) => bare_len(Some(addr)),
        Address::Ip(_) => {
            let mut text = Vec::new();
            write_addr(addr, &mut text);
            text.len()
        }
    }
}

pub(crate) fn write_number(mut number: u64, text: &mut Vec<u8>) {
    let first = text.len();
    loop {
        let digit = (number % 10).to_le_bytes();
        text.push(b'0' + digit.first().copied().unwrap_or(0));
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = text.get_mut(first..) {
        digits.reverse();
    }
}

/// Readers expect labels without quotes. A label that could end the field, or that readers would
/// trim, is written as hexadecimal.
fn write_label(label: Option<&[u8]>, text: &mut Vec<u8>) {
    match label {
        None | Some(b"") => text.push(b'?'),
        Some(label) if is_bare(label) => text.extend_from_slice(label),
        Some(label) => encode_hex(label, text),
    }
}

fn label_len(label: Option<&[u8]>) -> usize {
    match label {
        None | Some(b"") => "?".len(),
        Some(label) if is_bare(label) => label.len(),
        Some(label) => label.len() * 2,
    }
}

fn is_bare(label: &[u8]) -> bool {
    let inside = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b',')
    };
    label.iter().all(inside) && label.last().is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;
    use crate::record::Origin;
    use crate::record_type::RecordType;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lengths_are_known_in_advance(
            cmd: Vec<u8>,
            number: u64,
            label: Option<Vec<u8>>,
            verbatim: Vec<u8>,
            hostname: Option<Vec<u8>>,
            addr: Option<std::net::IpAddr>,
        ) {
            let hostname = hostname.as_deref();
            let record = Record::new(RecordType::USER_ROLE_CHANGE)
                .untrusted(Field::CMD, &cmd)
                .number(Field::EXIT, number)
                .label(Field::DEFAULT_CONTEXT, label.as_deref())
                .verbatim(&verbatim)
                .origin(Some(Origin { hostname, addr }))
                .terminal(hostname)
                .outcome(Outcome::Success);
            let mut text = Vec::new();
            write_whole(&record, Outcome::Success, &mut text);
            let fields: usize = record.entries.iter().map(field_len).sum();
            prop_assert_eq!(text.len(), fields + field_len(&exe(&record)) + end_len(&record));
            prop_assert!(text.len() >= whole_len_at_least(&record));
            let numbered = format!(" exit={number} ");
            prop_assert!(text.windows(numbered.len()).any(|w| w == numbered.as_bytes()));
        }
    }
}
