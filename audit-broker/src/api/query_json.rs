//! JSON values of query keys: filters, maps and lists.
//!
//! Each function checks a value and rewrites it in one form. It returns `None` for `null`. This file
//! does not know which key a value belongs to.

use super::strict_json;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Rewrites filters as nested maps: `{"label":{"a=b":true}}`.
///
/// dockerd also accepts lists, and does not check whether a value in a map is true.
///
/// # Source
/// `FromJSON` in `daemon/internal/filters/parse.go` of moby.
pub(crate) fn filters(json: &str) -> Result<Option<String>, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum FiltersForm {
        Maps(BTreeMap<String, BTreeMap<String, bool>>),
        Lists(BTreeMap<String, BTreeSet<String>>),
    }
    let filters: BTreeMap<String, BTreeSet<String>> = match read::<Option<FiltersForm>>(json) {
        Ok(None) => return Ok(None),
        Ok(Some(FiltersForm::Lists(lists))) => lists,
        Ok(Some(FiltersForm::Maps(maps))) => {
            maps.into_iter().map(|(name, values)| (name, values.into_keys().collect())).collect()
        }
        Err(_) if strict_json::check_query(json.as_bytes()).is_ok() => {
            return Err("filters must be a map of names to values".to_owned());
        }
        Err(reason) => return Err(reason),
    };
    let maps: BTreeMap<&String, BTreeMap<&String, bool>> = filters
        .iter()
        .map(|(name, values)| (name, values.iter().map(|value| (value, true)).collect()))
        .collect();
    write(&maps)
}

/// Adds one value to filters in the form that [`filters`] writes. An object must match every value of
/// the label filter, and one value of any other filter.
pub(crate) fn with(filters: Option<&str>, name: &str, value: &str) -> String {
    with_all(filters, name, [value.to_owned()])
}

/// Like [`with`], for several values.
pub(crate) fn with_all(
    filters: Option<&str>,
    name: &str,
    values: impl IntoIterator<Item = String>,
) -> String {
    let mut maps = read_filters(filters);
    let values = values.into_iter().map(|value| (value, true));
    maps.entry(name.to_owned()).or_default().extend(values);
    serde_json::json!(maps).to_string()
}

/// Replaces each value of one filter for which `replace` returns another one.
pub(crate) fn replaced(
    filters: Option<&str>,
    name: &str,
    replace: impl Fn(&str) -> Option<String>,
) -> String {
    let mut maps = read_filters(filters);
    if let Some(values) = maps.get_mut(name) {
        let replaced = std::mem::take(values).into_iter();
        *values = replaced.map(|(value, is)| (replace(&value).unwrap_or(value), is)).collect();
    }
    serde_json::json!(maps).to_string()
}

/// The values of one filter; `None` if there is no such filter.
pub(crate) fn filtered_by(filters: Option<&str>, name: &str) -> Option<Vec<String>> {
    Some(read_filters(filters).remove(name)?.into_keys().collect())
}

fn read_filters(filters: Option<&str>) -> BTreeMap<String, BTreeMap<String, bool>> {
    filters.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Rewrites a map of names to strings or null. A null takes a build argument from the environment of
/// the builder.
pub(crate) fn map(json: &str) -> Result<Option<String>, String> {
    write(&read::<Option<BTreeMap<String, Option<String>>>>(json)?)
}

/// Rewrites a list of strings.
pub(crate) fn list(json: &str) -> Result<Option<String>, String> {
    write(&read::<Option<Vec<String>>>(json)?)
}

/// Rewrites JSON of any form.
pub(crate) fn any(json: &str) -> Result<Option<String>, String> {
    write(&read::<Value>(json)?)
}

fn read<'json, T: Deserialize<'json>>(json: &'json str) -> Result<T, String> {
    strict_json::check_query(json.as_bytes()).map_err(|error| error.to_string())?;
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn write<T: Serialize>(value: &T) -> Result<Option<String>, String> {
    let json = serde_json::to_string(value).map_err(|error| error.to_string())?;
    Ok((json != "null").then_some(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h08_both_forms_of_filters_become_one() {
        let canonical = Some(r#"{"label":{"a=b":true,"c":true}}"#.to_owned());
        for json in [
            r#"{"label":{"c":true,"a=b":false}}"#,
            r#"{"label":["c","a=b"]}"#,
            r#" {"label": ["c", "a=b", "c"]} "#,
        ] {
            assert_eq!(filters(json), Ok(canonical.clone()), "{json}");
        }
        assert_eq!(filters("{}"), Ok(Some("{}".to_owned())));
        assert_eq!(with(None, "label", "o=1"), r#"{"label":{"o=1":true}}"#);
        let both = r#"{"label":{"a=b":true,"c":true,"o=1":true}}"#;
        assert_eq!(with(canonical.as_deref(), "label", "o=1"), both);
        let values = vec!["a=b".to_owned(), "c".to_owned()];
        assert_eq!(filtered_by(canonical.as_deref(), "label"), Some(values));
        assert_eq!(filtered_by(Some(r#"{"label":{}}"#), "label"), Some(Vec::new()));
        assert_eq!(filtered_by(None, "label"), None);
        assert_eq!(filters("null"), Ok(None));
        for json in [
            r#"{"label":{"a":true},"label":{"b":true}}"#,
            r#"{"label":{"a":true,"a":false}}"#,
            r#"{"label":{"a":"yes"}}"#,
            r#"{"label":["a"],"name":{"b":true}}"#,
            r#"{"label":null}"#,
            r#"{"label":"a"}"#,
            r#"["label"]"#,
            "{",
        ] {
            assert!(filters(json).is_err(), "{json}");
        }
    }

    #[test]
    fn maps_lists_and_other_json_are_rewritten() {
        assert_eq!(map(r#"{ "B":null, "A":"1" }"#), Ok(Some(r#"{"A":"1","B":null}"#.to_owned())));
        assert_eq!(list(r#"[ "a" ]"#), Ok(Some(r#"["a"]"#.to_owned())));
        assert_eq!(any(r#"{ "os" : "linux" }"#), Ok(Some(r#"{"os":"linux"}"#.to_owned())));
        for nothing in [map("null"), list("null"), any("null")] {
            assert_eq!(nothing, Ok(None));
        }
        assert!(map(r#"{"A":1}"#).is_err());
        assert!(list(r#"{"A":1}"#).is_err());
        assert!(any(r#"{"a":1,"a":2}"#).is_err());
    }
}
