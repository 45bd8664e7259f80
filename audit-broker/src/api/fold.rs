//! Keys of JSON objects as Go compares them.
//!
//! Go's decoder takes a key in any case for the field of a struct. The broker does the same before it
//! judges a body, so that it judges what dockerd would read. Keys of maps, such as labels, are never
//! folded.

/// The known key that dockerd reads under this spelling. An exact match wins.
pub(super) fn known_key(known: &'static [&'static str], given: &str) -> Option<&'static str> {
    let exact = known.iter().find(|key| **key == given);
    exact.or_else(|| known.iter().find(|key| is_same(key, given))).copied()
}

/// The key in the form in which Go compares it.
pub(super) fn folded(key: &str) -> String {
    key.chars().map(fold).collect()
}

fn is_same(known: &str, given: &str) -> bool {
    known.chars().map(fold).eq(given.chars().map(fold))
}

/// # Source
/// `foldName` in `encoding/json/fold.go` of Go. The long s and the Kelvin sign are the only other
/// characters that fold to ASCII letters.
fn fold(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k25_keys_match_as_in_go() {
        let known = &["Image", "NetworkMode", "HostConfig", "IPAM"];
        for (given, expected) in [
            ("Image", Some("Image")),
            ("image", Some("Image")),
            ("iMAGE", Some("Image")),
            ("networ\u{212a}mode", Some("NetworkMode")),
            ("Ho\u{17f}tConfig", Some("HostConfig")),
            ("Image ", None),
            ("Imag", None),
            // Letters that only other rules fold to ASCII.
            ("\u{130}mage", None),
            ("\u{131}mage", None),
            ("ipam", Some("IPAM")),
        ] {
            assert_eq!(known_key(known, given), expected, "{given}");
        }
    }
}
