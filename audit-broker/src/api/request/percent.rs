//! Percent encoding: decodes strictly, and encodes in one form.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters to encode in a name in a path. Image references keep their `/`, `:` and `@`.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@');

const QUERY: &AsciiSet = &PATH.remove(b',');

/// Decodes once; `None` if a `%` is not followed by two hex digits, or the result is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            decoded.push(hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// Like [`decode`], and decodes `+` as a space, as in a query.
pub(super) fn decode_query(text: &str) -> Option<String> {
    decode(&text.replace('+', " "))
}

pub(crate) fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

pub(super) fn encode_query(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(decode("a%20b%2541").as_deref(), Some("a b%41"));
        assert_eq!(decode("%C3%a9").as_deref(), Some("é"));
        assert_eq!(decode("a+b").as_deref(), Some("a+b"));
        assert_eq!(decode_query("a+b%2B").as_deref(), Some("a b+"));
        for bad in ["%", "%1", "%zz", "%+1", "a%", "%ff", "%c3", "%u0041"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn encoding_and_decoding_gives_the_same_text() {
        for text in ["a b+c&d=e;f%", "é\u{1F600}", "r.example:5000/a/b@sha256:1", "~-._,"] {
            assert_eq!(decode_query(&encode_query(text)).as_deref(), Some(text));
            assert_eq!(decode(&encode_path(text)).as_deref(), Some(text));
        }
        assert_eq!(encode_path("a/b:1@x"), "a/b:1@x");
    }
}
