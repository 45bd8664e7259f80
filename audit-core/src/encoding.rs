//! Encodes values that people choose, so that no value can break or hide a record.
//!
//! This file knows only bytes. Every untrusted value of every record passes through this module. No other
//! code quotes or escapes.

/// Whether the value may be written unchanged between double quotes.
///
/// True if all bytes are printable ASCII without space, and none is `"`, `'`, `\` or `=`. This is
/// stricter than libaudit, which puts the last three between quotes. But `ausearch` searches for
/// `res=`, `uid=` and others anywhere in the line, and other readers end the message at `'` or treat
/// `\"` as an escape. Hexadecimal is legal wherever quotes are, and every reader decodes it.
///
/// # Source
/// `audit_string_contains_control` in `kernel/audit.c` for the base rule; `ausearch-parse.c` of
/// audit-userspace for the substring search.
#[must_use]
pub fn is_plain(value: &[u8]) -> bool {
    if value.len() < LONG_BYTES {
        return classes(value) & NOT_PLAIN == 0;
    }
    // Every byte is checked, even after one that is not plain: the compiler then checks many at a time.
    value.iter().fold(true, |plain, byte| plain & is_plain_byte(*byte))
}

/// From this length on, in bytes, comparing many bytes at a time is faster than [`CLASSES`].
const LONG_BYTES: usize = 64;

const fn is_plain_byte(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7E) & !matches!(byte, b'"' | b'\'' | b'\\' | b'=')
}

/// The classes that [`CLASSES`] tells apart, as bits.
const CONTROL: u8 = 1;
const NOT_PLAIN: u8 = 1 << 1;
const NOT_BARE: u8 = 1 << 2;
/// The first and the last letter of `key`.
const K: u8 = 1 << 3;
const Y: u8 = 1 << 4;

/// The classes of each byte. Most values have less than twenty bytes, and for these a table is faster than
/// comparisons.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let class = (if byte.is_ascii_control() { CONTROL } else { 0 })
            | (if is_plain_byte(byte) { 0 } else { NOT_PLAIN })
            | (if is_bare_byte(byte) { 0 } else { NOT_BARE })
            | (if byte == b'k' { K } else { 0 })
            | (if byte == b'y' { Y } else { 0 });
        #[expect(
            clippy::indexing_slicing,
            reason = "a byte is less than 256; runs at compile time"
        )]
        {
            classes[byte as usize] = class;
        }
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

/// The classes of all bytes of the value.
fn classes(value: &[u8]) -> u8 {
    // Every byte is looked up, even after one that settles the answer: that is faster than a branch.
    let class = |byte: &u8| CLASSES.get(usize::from(*byte)).copied().unwrap_or(u8::MAX);
    value.iter().fold(0, |classes, byte| classes | class(byte))
}

/// Length of the longest prefix that may be written between double quotes, in bytes.
pub(crate) fn plain_prefix_len(value: &[u8]) -> usize {
    value.iter().position(|byte| !is_plain_byte(*byte)).unwrap_or(value.len())
}

/// Appends the encoded value: `"value"` if it [is plain](is_plain), otherwise upper-case hexadecimal.
pub fn encode(value: &[u8], text: &mut Vec<u8>) {
    if is_plain(value) {
        text.reserve(value.len() + "\"\"".len());
        text.push(b'"');
        text.extend_from_slice(value);
        text.push(b'"');
    } else {
        encode_hex(value, text);
    }
}

/// Appends a value that readers expect without quotes, such as a terminal or a host name.
///
/// The value is unchanged if no byte of it can end the field or imitate another field. Otherwise it is
/// written as hexadecimal. `None` and an empty value are written `?`.
pub fn encode_bare(value: Option<&[u8]>, text: &mut Vec<u8>) {
    match value {
        None | Some(b"") => text.push(b'?'),
        Some(value) if is_bare(value) => text.extend_from_slice(value),
        Some(value) => encode_hex(value, text),
    }
}

/// How many bytes [`encode_bare`] appends.
pub(crate) fn bare_len(value: Option<&[u8]>) -> usize {
    match value {
        None | Some(b"") => "?".len(),
        Some(value) if is_bare(value) => value.len(),
        Some(value) => value.len() * 2,
    }
}

fn is_bare(value: &[u8]) -> bool {
    classes(value) & NOT_BARE == 0
}

const fn is_bare_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        | matches!(byte, b'.' | b':' | b'-' | b'_' | b'/' | b'%' | b'@' | b'?')
}

/// Appends text that the caller formatted, field names included. Control characters become spaces:
/// they could end the line, or forge the fields that auditd adds to it.
///
/// A field `key=` whose value is neither in double quotes nor hexadecimal becomes `key:`. auditd and
/// other programs with libauparse 3.0.9 crash on such a field in a `TRUSTED_APP` record. The length
/// does not change.
///
/// # Source
/// `parse_up_record` in `auparse/ellist.c` of audit-userspace 3.0.9 uses the result of `au_unescape`
/// without a check for NULL.
pub fn encode_verbatim(value: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    text.extend_from_slice(value);
    let classes = classes(value);
    let written = text.get_mut(start..).unwrap_or_default();
    if classes & CONTROL != 0 {
        written.iter_mut().filter(|byte| byte.is_ascii_control()).for_each(|byte| *byte = b' ');
    }
    if classes & (K | Y) != K | Y {
        return;
    }
    for field in written.split_mut(|byte| *byte == b' ') {
        match field {
            [b'k', b'e', b'y', equals @ b'=', value @ ..] if !is_safe_key(value) => *equals = b':',
            _ => {}
        }
    }
}

/// Whether libauparse 3.0.9 reads this value of a field `key` without a crash.
fn is_safe_key(value: &[u8]) -> bool {
    let is_quoted = matches!(value, [b'"', .., b'"']);
    let is_hexadecimal = value.len() % 2 == 0 && value.iter().all(u8::is_ascii_hexdigit);
    is_quoted || (is_hexadecimal && !value.is_empty())
}

/// Appends the value as upper-case hexadecimal.
pub fn encode_hex(value: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    text.resize(start + 2 * value.len(), 0);
    let digits = text.get_mut(start..).unwrap_or_default();
    for (pair, byte) in digits.chunks_exact_mut(2).zip(value) {
        pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(*byte)]);
    }
}

/// Length of the encoded value, in bytes.
#[must_use]
pub fn encoded_len(value: &[u8]) -> usize {
    if is_plain(value) { value.len() + 2 } else { value.len() * 2 }
}

/// Decodes a value; `None` if the text is neither quoted nor upper-case hexadecimal.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if let [b'"', value @ .., b'"'] = text {
        return is_plain(value).then(|| value.to_vec());
    }
    if text.is_empty() {
        return None;
    }
    text.chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(hex_value(*high)? << 4 | hex_value(*low)?),
            _ => None,
        })
        .collect()
}

fn hex_digit(nibble: u8) -> u8 {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    DIGITS.get(usize::from(nibble & 0x0F)).copied().unwrap_or(b'?')
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(value: &[u8]) -> String {
        let mut text = Vec::new();
        encode(value, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn ordinary_values_are_quoted() {
        assert_eq!(encoded(b"/home/dwalsh"), "\"/home/dwalsh\"");
        assert_eq!(encoded(b""), "\"\"");
        assert_eq!(encoded(b"?"), "\"?\"");
    }

    #[test]
    fn values_that_could_break_or_hide_a_record_are_hexadecimal() {
        assert_eq!(encoded(b"a b"), "612062");
        assert_eq!(encoded(b"\x41\x00\x22\xff"), "410022FF");
        for byte in 0..=u8::MAX {
            let value = [b'a', byte, b'b'];
            let quoted = byte.is_ascii_graphic() && !b"\"'\\=".contains(&byte);
            assert_eq!(encoded(&value).starts_with('"'), quoted, "{byte:#04x}");
            assert_eq!(decode(encoded(&value).as_bytes()).as_deref(), Some(&value[..]));
        }
    }

    #[test]
    fn bare_values_cannot_end_their_field() {
        for (value, expected) in [
            (None, "?"),
            (Some(&b""[..]), "?"),
            (Some(b"?"), "?"),
            (Some(b"/dev/pts/3"), "/dev/pts/3"),
            (Some(b"fe80::1%eth0"), "fe80::1%eth0"),
            (Some(b"a res=success"), "61207265733D73756363657373"),
            (Some(b"h,x"), "682C78"),
        ] {
            let mut text = Vec::new();
            encode_bare(value, &mut text);
            assert_eq!(String::from_utf8(text.clone()).unwrap(), expected);
            assert_eq!(text.len(), bare_len(value));
        }
    }

    #[test]
    fn s27_a_key_that_would_crash_auditd_becomes_no_field() {
        for (text, expected) in [
            ("key=hello", "key:hello"),
            ("op=x key=zz res=success", "op=x key:zz res=success"),
            ("op=x\tkey=0", "op=x key:0"),
            ("op=x key=61a key= key=\"a", "op=x key:61a key: key:\"a"),
            ("key=616263 key=\"a\" key=\"\"", "key=616263 key=\"a\" key=\"\""),
            ("subj_key=x monkey=y key", "subj_key=x monkey=y key"),
        ] {
            let mut written = b"key=in_front ".to_vec();
            encode_verbatim(text.as_bytes(), &mut written);
            assert_eq!(String::from_utf8(written).unwrap(), format!("key=in_front {expected}"));
        }
    }

    #[test]
    fn verbatim_text_stays_one_line() {
        let mut text = Vec::new();
        encode_verbatim(b"op=a b=\"c d\"\n\x1dUID=\"root\"\x7f", &mut text);
        assert_eq!(text, b"op=a b=\"c d\"  UID=\"root\" ");
    }

    #[test]
    fn other_text_is_not_decoded() {
        for text in ["", "4", "4g", "612062 ", "\"a b\"", "\"", "beef"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(value: Vec<u8>) {
            let mut text = Vec::new();
            encode(&value, &mut text);
            prop_assert_eq!(text.len(), encoded_len(&value));
            if !value.is_empty() {
                prop_assert_eq!(decode(&text), Some(value));
            }
        }

        #[test]
        fn an_encoded_value_holds_nothing_that_ends_it(value: Vec<u8>) {
            let mut text = Vec::new();
            encode(&value, &mut text);
            let inner = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")).unwrap_or(&text);
            prop_assert!(is_plain(inner));
        }
    }
}
