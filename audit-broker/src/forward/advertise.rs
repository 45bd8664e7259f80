//! Which version of the docker API clients are told of: no newer one than the broker understands.

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::api::request::ApiVersion;

/// The document that tells it.
pub(crate) const PATH: &str = "/version";

/// The header that tells it, in every answer of dockerd.
const HEADER: HeaderName = HeaderName::from_static("api-version");

/// Lowers the version in an answer's headers.
pub(crate) fn limit_header(headers: &mut HeaderMap) {
    let told = headers.get(HEADER).and_then(|value| ApiVersion::from_text(value.to_str().ok()?));
    if told.is_some_and(|told| told > ApiVersion::NEWEST)
        && let Ok(newest) = HeaderValue::from_str(&ApiVersion::NEWEST.to_string())
    {
        headers.insert(HEADER, newest);
    }
}

/// Lowers the newest version in the document, and raises the oldest.
pub(crate) fn limit_document(document: Bytes) -> Bytes {
    let Ok(mut told) = serde_json::from_slice::<Value>(&document) else { return document };
    limit(&mut told);
    let components = told.get_mut("Components").and_then(Value::as_array_mut);
    for component in components.into_iter().flatten() {
        if let Some(details) = component.get_mut("Details") {
            limit(details);
        }
    }
    Bytes::from(told.to_string())
}

fn limit(versions: &mut Value) {
    let mut change = |key: &str, limit: fn(Option<ApiVersion>) -> Option<ApiVersion>| {
        if let Some(value) = versions.get_mut(key)
            && let Some(limited) = limit(value.as_str().and_then(ApiVersion::from_text))
        {
            *value = limited.to_string().into();
        }
    };
    change("ApiVersion", |told| told.map(|told| told.min(ApiVersion::NEWEST)));
    // One that cannot be read, such as 1.5, is older than any that is understood.
    change("MinAPIVersion", |told| {
        Some(told.map_or(ApiVersion::OLDEST, |told| told.max(ApiVersion::OLDEST)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_are_not_told_of() {
        let document = br#"{"Components":[{"Name":"Engine","Details":{"ApiVersion":"1.70",
            "MinAPIVersion":"1.12"}},{"Name":"runc"}],"ApiVersion":"1.70","MinAPIVersion":"1.5"}"#;
        let limited = limit_document(Bytes::from_static(document));
        let told: Value = serde_json::from_slice(&limited).unwrap();
        assert_eq!(told["ApiVersion"], "1.56");
        assert_eq!(told["MinAPIVersion"], "1.41");
        assert_eq!(told["Components"][0]["Details"]["ApiVersion"], "1.56");
        assert_eq!(told["Components"][1]["Name"], "runc");
    }

    #[test]
    fn what_is_understood_stays() {
        let document = Bytes::from_static(br#"{"ApiVersion":"1.41","MinAPIVersion":"1.44"}"#);
        let told: Value = serde_json::from_slice(&limit_document(document)).unwrap();
        assert_eq!(told["ApiVersion"], "1.41");
        assert_eq!(told["MinAPIVersion"], "1.44");
        assert_eq!(limit_document(Bytes::from_static(b"no document")), "no document");
    }

    #[test]
    fn the_header_is_lowered() {
        let mut headers = HeaderMap::new();
        limit_header(&mut headers);
        assert!(headers.is_empty());
        for (told, expected) in [("1.41", "1.41"), ("1.99", "1.56"), ("odd", "odd")] {
            headers.insert(HEADER, HeaderValue::from_static(told));
            limit_header(&mut headers);
            assert_eq!(headers[HEADER], expected);
        }
    }
}
