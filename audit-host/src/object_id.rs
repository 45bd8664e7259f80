//! Ids of docker's containers, networks and images: their length, and how docker shortens them.

/// The number of hexadecimal digits in an id, without `sha256:`.
///
/// # Source
/// `GenerateRandomID` in `pkg/stringid/stringid.go` of moby.
pub const ID_DIGITS: usize = 64;

/// The number of digits of an id that docker shows in lists.
///
/// # Source
/// `shortLen` in `pkg/stringid/stringid.go` of moby.
pub const SHORT_ID_DIGITS: usize = 12;

/// The id as docker shows it in lists. A shorter text is returned unchanged.
#[must_use]
pub fn short_id(id: &str) -> &str {
    match id.char_indices().nth(SHORT_ID_DIGITS) {
        Some((end, _)) => id.split_at(end).0,
        None => id,
    }
}

/// Whether the text is a whole id: 64 hexadecimal digits, of either case.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the text is a whole id as docker writes it: 64 hexadecimal digits in lower case.
#[must_use]
pub fn is_lower_case_id(text: &str) -> bool {
    is_id(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether the text is a shortened or whole id, or could be: at least as many hexadecimal digits as
/// docker shows.
#[must_use]
pub fn may_be_short_id(text: &str) -> bool {
    text.len() >= SHORT_ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shortened_as_docker_does() {
        assert_eq!(short_id("0123456789abcdef"), "0123456789ab");
        assert_eq!(short_id("web"), "web");
        assert_eq!(short_id(&"é".repeat(13)), "é".repeat(12));
    }

    #[test]
    fn an_id_has_64_digits() {
        assert!(is_id(&"0aF".repeat(22)[..ID_DIGITS]));
        assert!(is_lower_case_id(&"0a".repeat(32)) && !is_lower_case_id(&"0A".repeat(32)));
        assert!(!is_id(&"0".repeat(63)) && !is_id(&"g".repeat(64)));
        assert!(may_be_short_id("0123456789ab") && !may_be_short_id("0123456789a"));
    }
}
