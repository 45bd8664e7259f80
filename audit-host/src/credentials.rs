//! Credentials in URLs. They do not belong in an audit trail that is forwarded and stored.
//!
//! This file knows how clients read a URL. In doubt, it finds too much rather than too little. `mask`
//! hides what it finds.
//!
//! # Source
//! RFC 3986, 3.2.1; `parseAuthority` in Go's `net/url`: the user information ends at the last `@`
//! of the authority.

use std::ops::Range;

/// The parts of a text that are credentials in URLs: the user information of each URL, and the value of
/// each query key whose name stands for a secret. The parts are in order and do not overlap.
#[must_use]
pub fn in_text(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = position(text, from, b"://") {
        let start = at + b"://".len();
        let end = start + length_until(text, start, |byte| is_end(*byte));
        let user = user_information(text, start, end);
        let rest = user.as_ref().map_or(start, |user| user.end);
        found.extend(user);
        found.extend(secrets_in_query(text, rest, end));
        from = end.max(start);
    }
    found
}

/// Like [`in_text`], for a text that is one address, with or without a scheme. So this also finds the
/// credentials in `user:password@host/path`.
#[must_use]
pub fn in_address(address: &[u8]) -> Vec<Range<usize>> {
    if position(address, 0, b"://").is_some() {
        return in_text(address);
    }
    let authority = length_until(address, 0, |byte| b"/?#".contains(byte));
    let user = last_at(address, 0, authority);
    let is_pair = |end: &usize| address.get(..*end).is_some_and(|user| user.contains(&b':'));
    let user = user.filter(is_pair).map(|end| 0..end);
    let rest = user.as_ref().map_or(0, |user| user.end);
    user.into_iter().chain(secrets_in_query(address, rest, address.len())).collect()
}

/// The user information of the URL whose authority begins at `start`.
fn user_information(text: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    let authority = start + length_until(text, start, |byte| b"/?#".contains(byte));
    let authority = authority.min(end);
    let user = match last_at(text, start, authority) {
        Some(user) => Some(user),
        // In `user:pass/word@host`, `pass` cannot be a port, so the rest may be a password.
        None if !is_port(text.get(start..authority)?) => last_at(text, start, end),
        None => None,
    };
    user.filter(|end| *end > start).map(|end| start..end)
}

/// Whether the text after the last colon of a host is a port, or the host has no colon.
fn is_port(host: &[u8]) -> bool {
    let port = host.rsplit(|byte| *byte == b':').next().unwrap_or_default();
    host.ends_with(b"]") || !host.contains(&b':') || port.iter().all(u8::is_ascii_digit)
}

fn secrets_in_query(text: &[u8], start: usize, end: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = start + length_until(text, start, |byte| *byte == b'?') + 1;
    while at < end {
        let pair_end =
            (at + length_until(text, at, |byte| matches!(byte, b'&' | b'#' | b';'))).min(end);
        let equals = at + length_until(text, at, |byte| *byte == b'=');
        if equals < pair_end && names_secret(text.get(at..equals).unwrap_or_default()) {
            found.push(equals + 1..pair_end);
        }
        at = pair_end + 1;
    }
    found
}

/// Words in the names of query keys that show that the value is a secret.
const SECRETS: [&str; 9] =
    ["token", "secret", "passw", "pwd", "signature", "sig", "key", "credential", "auth"];

fn names_secret(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    SECRETS.iter().any(|secret| name.contains(secret))
}

/// Whether the byte cannot be part of a URL, and so ends a URL inside a longer text.
const fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || matches!(byte, b'"' | b'\'' | b'`')
}

fn last_at(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let found = text.get(start..end)?.iter().rposition(|byte| *byte == b'@')?;
    Some(start + found)
}

/// The number of bytes from `start` to the first wanted byte, or to the end.
fn length_until(text: &[u8], start: usize, is_wanted: impl Fn(&u8) -> bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    rest.iter().position(is_wanted).unwrap_or(rest.len())
}

fn position(text: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let found = text.get(from..)?.windows(wanted.len()).position(|part| part == wanted)?;
    Some(from + found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;

    fn shown(text: &str) -> String {
        Mask::default().hide(text, &in_text(text.as_bytes()))
    }

    #[test]
    fn r18_credentials_in_urls_are_hidden() {
        for (text, expected) in [
            ("http://u:password@host/x", "http://***@host/x"),
            (
                "https://ghp_token@github.com/o/r.git#main:d",
                "https://***@github.com/o/r.git#main:d",
            ),
            ("http://u:p@ss@host/x", "http://***@host/x"),
            ("http://u:p/ss@host/x", "http://***@host/x"),
            ("http://u:p?ss@host/x", "http://***@host/x"),
            ("http://:p@[::1]:80/", "http://***@[::1]:80/"),
            ("URL=postgres://u:x@h/db", "URL=postgres://***@h/db"),
            ("a http://u:p@h/ b https://v:q@i c", "a http://***@h/ b https://***@i c"),
            ("curl 'http://u:p@h' x@y", "curl 'http://***@h' x@y"),
            ("http://h/x?a=b&token=t#f", "http://h/x?a=b&token=***#f"),
            ("http://h/?X-Amz-Signature=s&x=y", "http://h/?X-Amz-Signature=***&x=y"),
            ("http://u:p@h/?access_key=s", "http://***@h/?access_key=***"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn r18_other_texts_stay() {
        for text in [
            "http://host:80/x@y",
            "http://host/a?b=c@d",
            "http://[::1]/x@y",
            "git@github.com:o/r.git",
            "repo:tag@sha256:0123",
            "://",
            "http://",
            "http://@host",
            "",
            "a://b://c",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn r18_an_address_may_have_no_scheme() {
        for (text, expected) in [
            ("u:p@host/x", "***@host/x"),
            ("host:5000/x?token=t", "host:5000/x?token=***"),
            ("git@github.com:o/r.git", "git@github.com:o/r.git"),
            ("https://u:p@h", "https://***@h"),
        ] {
            let parts = in_address(text.as_bytes());
            assert_eq!(Mask::default().hide(text, &parts), expected);
        }
    }
}
