//! JSON read with no room for two readings.
//!
//! Go's decoder takes the last of two equal keys, or merges them, and replaces bytes that are not
//! UTF-8. Here a document that could be read in two ways is refused before anything of it is used.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

/// How deep lists and maps may lie in each other. The deepest body of the API has 8 levels.
const DEPTH_LIMIT: usize = 64;

/// How many values a document may hold. A value of two bytes can take a thousand in memory; a large
/// body of a real client holds some hundred.
const VALUES_LIMIT: usize = 10_000;

/// Checks a document: one value, no key twice, no NUL, no depth and no number of values without end.
pub(crate) fn check(json: &[u8]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let values_left = Cell::new(VALUES_LIMIT);
    Checked { depth_left: DEPTH_LIMIT, values_left: &values_left }.check(&mut deserializer)?;
    deserializer.end()
}

/// A value that is read to the end and not kept.
#[derive(Clone, Copy)]
struct Checked<'count> {
    depth_left: usize,
    values_left: &'count Cell<usize>,
}

impl Checked<'_> {
    fn check<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let values_left =
            self.values_left.get().checked_sub(1).ok_or_else(|| {
                de::Error::custom(format_args!("more than {VALUES_LIMIT} values"))
            })?;
        self.values_left.set(values_left);
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
        if text.contains('\0') { Err(E::custom("a NUL character in a text")) } else { Ok(()) }
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
            if let Some(Key(key)) = keys.replace(key) {
                return Err(de::Error::custom(format_args!(
                    "the key `{}` stands more than once",
                    key.escape_debug()
                )));
            }
            map.next_value_seed(deeper)?;
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
