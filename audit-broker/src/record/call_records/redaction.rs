//! Hides values that records must not show: credentials in URLs, and the query values of a refused
//! request.
//!
//! This file knows which parts to hide. The mask knows how to hide them.

use audit_core::CommandLine;
use audit_host::credentials::{in_address, in_text};
use audit_host::mask::Mask;
use hyper::Uri;
use percent_encoding::percent_decode_str;

/// Hides the credentials of any URL in a name or path.
pub(super) fn hide(text: &str, mask: &Mask) -> String {
    mask.hide(text, &in_text(text.as_bytes()))
}

/// Hides the credentials in an address.
pub(super) fn hide_in_address(address: &str, mask: &Mask) -> String {
    mask.hide(address, &in_address(address.as_bytes()))
}

/// Hides the credentials of any URL in a command.
pub(super) fn command_line<Word: AsRef<str>>(words: &[Word], mask: &Mask) -> CommandLine {
    let words: Vec<Vec<u8>> =
        words.iter().map(|word| hide(word.as_ref(), mask).into_bytes()).collect();
    CommandLine::new(&words)
}

/// The part of a refused request's target that records show: the path and the query's keys. The broker
/// has not interpreted the values, so they may be secrets.
pub(crate) fn refused_target(target: &Uri) -> String {
    let mask = Mask::default();
    let path = percent_decode_str(target.path()).decode_utf8_lossy();
    let mut shown = match in_text(path.as_bytes()).as_slice() {
        [] => target.path().to_owned(),
        parts => mask.hide(&path, parts),
    };
    let pairs = target.query().into_iter().flat_map(|query| query.split('&'));
    for (number, pair) in pairs.enumerate() {
        let name = pair.split('=').next().unwrap_or_default();
        shown.push(if number == 0 { '?' } else { '&' });
        shown.push_str(&hide(&percent_decode_str(name).decode_utf8_lossy(), &mask));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_the_record_of_a_refused_target_has_no_values() {
        for (target, expected) in [
            (
                "/v1.41/build?remote=http://u:p@h&buildargs={%22A%22:1}&t",
                "/v1.41/build?remote&buildargs&t",
            ),
            ("/images/http%3A%2F%2Fu%3Ap%40h/push?tag=x", "/images/http://***@h/push?tag"),
            ("/images/http://u:p@h/push", "/images/http://***@h/push"),
            ("http://u:p@docker/build?http://u:p@h", "/build?http://***@h"),
            ("/containers/a%20b/start", "/containers/a%20b/start"),
            ("/?=x&&", "/?&&"),
            ("*", "*"),
        ] {
            assert_eq!(refused_target(&target.parse().unwrap()), expected);
        }
    }
}
