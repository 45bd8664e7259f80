//! Leaves out or replaces parts of JSON lists and objects. All other bytes stay as they are.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The replacement for a part; `None` leaves it out.
pub(super) type Changed<'a> = anyhow::Result<Option<Cow<'a, str>>>;

/// A list whose elements `change` replaces or leaves out. `null` is a list without elements.
///
/// # Errors
/// If the text is not a list, or if `change` fails.
pub(super) fn map_elements<'a>(
    list: &'a str,
    mut change: impl FnMut(&'a str) -> Changed<'a>,
) -> anyhow::Result<Cow<'a, str>> {
    let Some(elements) = serde_json::from_str::<Option<Vec<&RawValue>>>(list)? else {
        return Ok(list.into());
    };
    let mut parts = Vec::with_capacity(elements.len());
    for element in elements {
        parts.extend(change(element.get())?);
    }
    Ok(format!("[{}]", parts.join(",")).into())
}

/// An object whose values `change` replaces or leaves out, by key and value. `null` is an object without
/// members.
///
/// # Errors
/// If the text is not an object, or if `change` fails.
pub(super) fn map_members<'a>(
    object: &'a str,
    mut change: impl FnMut(&str, &'a str) -> Changed<'a>,
) -> anyhow::Result<Cow<'a, str>> {
    let Some(Members(members)) = serde_json::from_str(object)? else { return Ok(object.into()) };
    let mut parts = Vec::with_capacity(members.len());
    for (key, value) in members {
        let name: String = serde_json::from_str(key.get())?;
        if let Some(value) = change(&name, value.get())? {
            parts.push(format!("{}:{value}", key.get()));
        }
    }
    Ok(format!("{{{}}}", parts.join(",")).into())
}

/// A text as a JSON string.
///
/// # Errors
/// Never in practice: every text has a JSON form.
pub(super) fn string(text: &str) -> anyhow::Result<Cow<'static, str>> {
    Ok(serde_json::to_string(text)?.into())
}

/// The members of an object in order, duplicates included.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_parts_keep_their_bytes() {
        let list = r#"[ {"a" : 1.0} , "\u003c",null,[ 1 ] ]"#;
        let same = map_elements(list, |element| Ok(Some(element.into()))).unwrap();
        assert_eq!(same, r#"[{"a" : 1.0},"\u003c",null,[ 1 ]]"#);
        let without = map_elements(list, |element| {
            Ok((!element.starts_with('[')).then(|| element.replace("null", "true").into()))
        });
        assert_eq!(without.unwrap(), r#"[{"a" : 1.0},"\u003c",true]"#);

        let object = r#"{"b":{"x" : 1e2},"\u003ca\"":1,"b":18446744073709551616}"#;
        let same = map_members(object, |_, value| Ok(Some(value.into()))).unwrap();
        assert_eq!(same, object);
        let without = map_members(object, |key, value| {
            Ok((key == "<a\"").then(|| value.replace('1', "2").into()))
        });
        assert_eq!(without.unwrap(), r#"{"\u003ca\"":2}"#);
    }

    #[test]
    fn empty_values_stay_empty_and_malformed_ones_are_refused() {
        let keep = |value: &'static str| Ok(Some(Cow::from(value)));
        assert_eq!(map_elements("null", keep).unwrap(), "null");
        assert_eq!(map_elements(" [ ] ", keep).unwrap(), "[]");
        assert_eq!(map_members("null", |_, value| keep(value)).unwrap(), "null");
        assert_eq!(map_members("{ }", |_, value| keep(value)).unwrap(), "{}");
        for text in ["", "{}", "1", "[1", "[]x", "[1,]"] {
            assert!(map_elements(text, keep).is_err(), "{text}");
        }
        for text in ["", "[]", "1", "{\"a\":1", "{}x", "{a:1}", "{\"a\":01}"] {
            assert!(map_members(text, |_, value| keep(value)).is_err(), "{text}");
        }
    }
}
