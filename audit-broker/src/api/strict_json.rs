//! JSON read with no room for two readings.
//!
//! Go's decoder takes the last of two equal keys, or merges them, and replaces bytes that are not
//! UTF-8. Here a document that could be read in two ways is refused before anything of it is used,
//! and so is one that holds more than a real client has to say.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

/// How deep lists and maps may lie in each other. The deepest body of the API has 8 levels.
const DEPTH_LIMIT: usize = 64;

/// How many values a document may hold. A value of two bytes can take a thousand in memory; a large
/// body of a real client holds some hundred.
const VALUES_LIMIT: usize = 10_000;

/// Longest key, and longest text where no other limit holds, in bytes. No path is longer, and no
/// text of options for mount(2), which takes one page.
///
/// # Source
/// `PATH_MAX` in `linux/limits.h`; `copy_mount_options` in `fs/namespace.c` of Linux.
const TEXT_LIMIT_BYTES: usize = 4096;

/// Longest text of a command, an environment, a label and the like, in bytes. The kernel passes no
/// longer word to a program.
///
/// # Source
/// `MAX_ARG_STRLEN` in `linux/binfmts.h`.
const LONG_TEXT_LIMIT_BYTES: usize = 128 << 10;

/// Most bytes of all texts together, as dockerd writes them when it tells of what it was given:
/// U+2028 and U+2029 in six bytes.
///
/// # Source
/// `appendString` in `encoding/json/encode.go` of Go.
const TEXTS_LIMIT_BYTES: usize = 4 << 20;

/// What each of the texts under a key may have in bytes. A key that is not here takes short ones.
fn text_limit_under(key: &str) -> Option<usize> {
    match key {
        "Annotations" | "Args" | "Cmd" | "Command" | "Entrypoint" | "Env" | "Labels" | "OnBuild"
        | "SecurityOpt" | "Shell" | "Test"
        // Profiles, certificates and tokens.
        | "CACert" | "Profile" | "SigningCACert" | "SigningCAKey" | "auth" | "identitytoken"
        | "password" | "registrytoken" => Some(LONG_TEXT_LIMIT_BYTES),
        // Of a secret or config of the swarm, in base64.
        "Data" => Some(TEXTS_LIMIT_BYTES),
        _ => None,
    }
}

/// Checks a document: one value, no key twice, no NUL, and no depth, number of values or length of a
/// text without end.
pub(crate) fn check(json: &[u8]) -> Result<(), serde_json::Error> {
    check_with(json, TEXT_LIMIT_BYTES)
}

/// The same for JSON in a query, which is short as a whole.
pub(crate) fn check_query(json: &[u8]) -> Result<(), serde_json::Error> {
    check_with(json, LONG_TEXT_LIMIT_BYTES)
}

fn check_with(json: &[u8], text_limit_bytes: usize) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let left = Left { values: Cell::new(VALUES_LIMIT), text_bytes: Cell::new(TEXTS_LIMIT_BYTES) };
    Checked { depth_left: DEPTH_LIMIT, text_limit_bytes, left: &left }.check(&mut deserializer)?;
    deserializer.end()
}

/// What the rest of a document may still hold.
struct Left {
    values: Cell<usize>,
    text_bytes: Cell<usize>,
}

impl Left {
    fn take_text<E: de::Error>(&self, text: &str, limit_bytes: usize) -> Result<(), E> {
        if text.len() > limit_bytes {
            return Err(E::custom(format_args!("a text of more than {limit_bytes} bytes")));
        }
        // Each has three bytes here, and six there.
        let separators = text.matches(['\u{2028}', '\u{2029}']).count();
        let written = text.len() + 3 * separators;
        let left = self.text_bytes.get().checked_sub(written).ok_or_else(|| {
            E::custom(format_args!("texts of more than {TEXTS_LIMIT_BYTES} bytes together"))
        })?;
        self.text_bytes.set(left);
        Ok(())
    }
}

/// A value that is read to the end and not kept.
#[derive(Clone, Copy)]
struct Checked<'left> {
    depth_left: usize,
    text_limit_bytes: usize,
    left: &'left Left,
}

impl Checked<'_> {
    fn check<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let values_left =
            self.left.values.get().checked_sub(1).ok_or_else(|| {
                de::Error::custom(format_args!("more than {VALUES_LIMIT} values"))
            })?;
        self.left.values.set(values_left);
        deserializer.deserialize_any(self)
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(E::custom(format_args!("more than {DEPTH_LIMIT} levels"))),
        }
    }
}

impl<'de> de::DeserializeSeed<'de> for Checked<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.check(deserializer)
    }
}

impl<'de> Visitor<'de> for Checked<'_> {
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
            return Err(E::custom("a NUL character in a text"));
        }
        self.left.take_text(text, self.text_limit_bytes)
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
            self.left.take_text(&key.0, TEXT_LIMIT_BYTES)?;
            let limit = text_limit_under(&key.0).unwrap_or(deeper.text_limit_bytes);
            let below = Self { text_limit_bytes: limit, ..deeper };
            if let Some(Key(key)) = keys.replace(key) {
                return Err(de::Error::custom(format_args!(
                    "the key `{}` stands more than once",
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
    fn one_reading_is_taken() {
        for json in
            ["null", "{}", r#" {"a":{"a":[1,-2,0.5,"x",true,null]},"b":1} "#, r#"["\u00e9"]"#]
        {
            assert!(check(json.as_bytes()).is_ok(), "{json}");
        }
        let deep = format!("{}{}", "[".repeat(DEPTH_LIMIT), "]".repeat(DEPTH_LIMIT));
        assert!(check(deep.as_bytes()).is_ok());
    }

    #[test]
    fn there_are_not_too_many_values() {
        let list = |count| format!("[{}1]", "1,".repeat(count - 1));
        assert!(check(list(VALUES_LIMIT - 1).as_bytes()).is_ok());
        assert!(check(list(VALUES_LIMIT).as_bytes()).is_err());
    }

    #[test]
    fn s30_no_text_is_longer_than_what_it_is_for() {
        let text = |key: &str, len: usize| format!(r#"{{"{key}":["{}"]}}"#, "a".repeat(len));
        for (key, limit) in [
            ("Binds", TEXT_LIMIT_BYTES),
            ("anything", TEXT_LIMIT_BYTES),
            ("Cmd", LONG_TEXT_LIMIT_BYTES),
            ("Labels", LONG_TEXT_LIMIT_BYTES),
            ("Data", TEXTS_LIMIT_BYTES - "Data".len()),
        ] {
            assert!(check(text(key, limit).as_bytes()).is_ok(), "{key}");
            assert!(check(text(key, limit + 1).as_bytes()).is_err(), "{key}");
        }
        let key = |len: usize| format!(r#"{{"{}":1}}"#, "a".repeat(len));
        assert!(check(key(TEXT_LIMIT_BYTES).as_bytes()).is_ok());
        assert!(check(key(TEXT_LIMIT_BYTES + 1).as_bytes()).is_err());
        // Below a key that takes long texts, others do not.
        let nested = format!(r#"{{"Labels":{{}},"Image":"{}"}}"#, "a".repeat(TEXT_LIMIT_BYTES + 1));
        assert!(check(nested.as_bytes()).is_err());
    }

    #[test]
    fn s31_texts_count_as_dockerd_writes_them() {
        let words = |word: &str, count| {
            let word = format!(r#""{}""#, word.repeat(30_000));
            format!(r#"{{"Cmd":[{}]}}"#, vec![word; count].join(","))
        };
        assert!(check(words("abc", 46).as_bytes()).is_ok());
        assert!(check(words("\u{2028}", 23).as_bytes()).is_ok());
        assert!(check(words("\u{2028}", 24).as_bytes()).is_err());
    }

    #[test]
    fn two_readings_are_refused() {
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
