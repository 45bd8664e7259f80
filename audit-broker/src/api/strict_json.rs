//! Refuses JSON that two decoders could read differently.
//!
//! If a key occurs twice, Go's decoder takes the last value or merges both, and it replaces bytes that
//! are not UTF-8. The broker refuses such a document before it uses any of it. It also refuses a
//! document larger than a real client sends. This file does not know what a document means.

use super::fold::folded;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

/// Most levels of nested lists and objects. The deepest body of the API has 8.
const DEPTH_LIMIT: usize = 64;

/// Most values in a document. A value of two bytes can take a thousand bytes of memory. A large body of
/// a real client has a few hundred values, and six more for each published port.
const VALUES_LIMIT: usize = 20_000;

/// Longest key, and longest string without a limit of its own, in bytes. No path is longer, and neither
/// are the options of mount(2), which take one page.
///
/// # Source
/// `PATH_MAX` in `linux/limits.h`; `copy_mount_options` in `fs/namespace.c` of Linux.
const STRING_LIMIT_BYTES: usize = 4096;

/// Longest string in a command, an environment, a label and the like, in bytes. The kernel passes no
/// longer argument to a program.
///
/// # Source
/// `MAX_ARG_STRLEN` in `linux/binfmts.h`.
const LONG_STRING_LIMIT_BYTES: usize = 128 << 10;

/// Most bytes of all strings together, as dockerd writes them in its answers: U+2028 and U+2029 take
/// six bytes there.
///
/// # Source
/// `appendString` in `encoding/json/encode.go` of Go.
const ALL_STRINGS_LIMIT_BYTES: usize = 4 << 20;

/// Longest string under this key, in bytes; `None` if the key takes short strings.
fn string_limit_under(key: &str) -> Option<usize> {
    match folded(key).as_str() {
        "annotations" | "args" | "cmd" | "command" | "entrypoint" | "env" | "labels" | "onbuild"
        | "securityopt" | "shell" | "test"
        // Profiles, certificates and tokens.
        | "auth" | "cacert" | "identitytoken" | "password" | "profile" | "registrytoken"
        | "signingcacert" | "signingcakey" => Some(LONG_STRING_LIMIT_BYTES),
        // A secret or config of the swarm, in base64.
        "data" => Some(ALL_STRINGS_LIMIT_BYTES),
        _ => None,
    }
}

/// Checks a document. It must have one value, no duplicate key and no NUL, and stay within the limits on
/// nesting, values and strings.
pub(crate) fn check(json: &[u8]) -> Result<(), serde_json::Error> {
    check_with(json, STRING_LIMIT_BYTES)
}

/// Checks a JSON value of a query, whose total length is limited by that of the head.
pub(crate) fn check_query(json: &[u8]) -> Result<(), serde_json::Error> {
    check_with(json, LONG_STRING_LIMIT_BYTES)
}

fn check_with(json: &[u8], string_limit_bytes: usize) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let remaining = Remaining {
        values: Cell::new(VALUES_LIMIT),
        string_bytes: Cell::new(ALL_STRINGS_LIMIT_BYTES),
    };
    Checker { depth_left: DEPTH_LIMIT, string_limit_bytes, remaining: &remaining }
        .check(&mut deserializer)?;
    deserializer.end()
}

/// What the rest of a document may still contain.
struct Remaining {
    values: Cell<usize>,
    string_bytes: Cell<usize>,
}

impl Remaining {
    fn take_string<E: de::Error>(&self, text: &str, limit_bytes: usize) -> Result<(), E> {
        if text.len() > limit_bytes {
            return Err(E::custom(format_args!("a string of more than {limit_bytes} bytes")));
        }
        // Each takes three bytes in UTF-8, and six as dockerd writes it.
        let separators = text.matches(['\u{2028}', '\u{2029}']).count();
        let written = text.len() + 3 * separators;
        let left = self.string_bytes.get().checked_sub(written).ok_or_else(|| {
            E::custom(format_args!("strings of more than {ALL_STRINGS_LIMIT_BYTES} bytes in total"))
        })?;
        self.string_bytes.set(left);
        Ok(())
    }
}

/// Reads one value to its end, checks it, and drops it.
#[derive(Clone, Copy)]
struct Checker<'remaining> {
    depth_left: usize,
    string_limit_bytes: usize,
    remaining: &'remaining Remaining,
}

impl Checker<'_> {
    fn check<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let values_left =
            self.remaining.values.get().checked_sub(1).ok_or_else(|| {
                de::Error::custom(format_args!("more than {VALUES_LIMIT} values"))
            })?;
        self.remaining.values.set(values_left);
        deserializer.deserialize_any(self)
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(E::custom(format_args!("more than {DEPTH_LIMIT} levels of nesting"))),
        }
    }
}

impl<'de> de::DeserializeSeed<'de> for Checker<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.check(deserializer)
    }
}

impl<'de> Visitor<'de> for Checker<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            return Err(E::custom("a NUL character in a string"));
        }
        self.remaining.take_string(text, self.string_limit_bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while list.next_element_seed(deeper)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<Key>()? {
            self.remaining.take_string(&key.0, STRING_LIMIT_BYTES)?;
            let limit = string_limit_under(&key.0).unwrap_or(deeper.string_limit_bytes);
            let below = Self { string_limit_bytes: limit, ..deeper };
            if let Some(Key(key)) = keys.replace(key) {
                return Err(de::Error::custom(format_args!(
                    "the key `{}` occurs more than once",
                    key.escape_debug()
                )));
            }
            map.next_value_seed(below)?;
        }
        Ok(())
    }
}

/// A key without NUL.
#[derive(PartialEq, Eq, Hash)]
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        if key.contains('\0') {
            Err(de::Error::custom("a NUL character in a key"))
        } else {
            Ok(Self(key))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unambiguous_documents_are_accepted() {
        for json in
            ["null", "{}", r#" {"a":{"a":[1,-2,0.5,"x",true,null]},"b":1} "#, r#"["\u00e9"]"#]
        {
            assert!(check(json.as_bytes()).is_ok(), "{json}");
        }
        let deep = format!("{}{}", "[".repeat(DEPTH_LIMIT), "]".repeat(DEPTH_LIMIT));
        assert!(check(deep.as_bytes()).is_ok());
    }

    #[test]
    fn the_number_of_values_is_limited() {
        let list = |count| format!("[{}1]", "1,".repeat(count - 1));
        assert!(check(list(VALUES_LIMIT - 1).as_bytes()).is_ok());
        assert!(check(list(VALUES_LIMIT).as_bytes()).is_err());
    }

    #[test]
    fn s30_each_key_limits_the_length_of_its_strings() {
        let text = |key: &str, len: usize| format!(r#"{{"{key}":["{}"]}}"#, "a".repeat(len));
        for (key, limit) in [
            ("Binds", STRING_LIMIT_BYTES),
            ("anything", STRING_LIMIT_BYTES),
            ("Cmd", LONG_STRING_LIMIT_BYTES),
            ("cmd", LONG_STRING_LIMIT_BYTES),
            ("Labels", LONG_STRING_LIMIT_BYTES),
            ("Data", ALL_STRINGS_LIMIT_BYTES - "Data".len()),
        ] {
            assert!(check(text(key, limit).as_bytes()).is_ok(), "{key}");
            assert!(check(text(key, limit + 1).as_bytes()).is_err(), "{key}");
        }
        let key = |len: usize| format!(r#"{{"{}":1}}"#, "a".repeat(len));
        assert!(check(key(STRING_LIMIT_BYTES).as_bytes()).is_ok());
        assert!(check(key(STRING_LIMIT_BYTES + 1).as_bytes()).is_err());
        // A key after one with long strings still takes short ones.
        let nested =
            format!(r#"{{"Labels":{{}},"Image":"{}"}}"#, "a".repeat(STRING_LIMIT_BYTES + 1));
        assert!(check(nested.as_bytes()).is_err());
    }

    #[test]
    fn s31_strings_count_as_dockerd_writes_them() {
        let words = |word: &str, count| {
            let word = format!(r#""{}""#, word.repeat(30_000));
            format!(r#"{{"Cmd":[{}]}}"#, vec![word; count].join(","))
        };
        assert!(check(words("abc", 46).as_bytes()).is_ok());
        assert!(check(words("\u{2028}", 23).as_bytes()).is_ok());
        assert!(check(words("\u{2028}", 24).as_bytes()).is_err());
    }

    #[test]
    fn ambiguous_documents_are_refused() {
        let deep = format!("{}{}", "[".repeat(DEPTH_LIMIT + 1), "]".repeat(DEPTH_LIMIT + 1));
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"b":[{"a":1,"\u0061":null}]}"#,
            "{} {}",
            "{}x",
            r#""\u0000""#,
            r#"{"\u0000":1}"#,
            r#""\ud800""#,
            "\u{feff}{}",
            "NaN",
            "{/**/}",
            "01",
            "1e999",
            "",
            "[1,]",
            deep.as_str(),
        ] {
            assert!(check(json.as_bytes()).is_err(), "{json}");
        }
        assert!(check(b"\"\xff\"").is_err());
    }
}
