//! The API versions that clients see.
//!
//! dockerd advertises its versions in a header and in `GET /version`. The broker lowers them to the
//! newest version that it understands, so that clients do not ask for more.

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::api::request::ApiVersion;

/// The header that shows the newest version, in every response of dockerd.
const HEADER: HeaderName = HeaderName::from_static("api-version");

/// Lowers the version in the headers of a response.
pub(crate) fn limit_header(headers: &mut HeaderMap) {
    let advertised =
        headers.get(HEADER).and_then(|value| ApiVersion::from_text(value.to_str().ok()?));
    if advertised.is_some_and(|version| version > ApiVersion::NEWEST)
        && let Ok(newest) = HeaderValue::from_str(&ApiVersion::NEWEST.to_string())
    {
        headers.insert(HEADER, newest);
    }
}

/// Lowers the newest version in the document, and raises the oldest.
pub(crate) fn limit_document(document: Bytes) -> Bytes {
    let Ok(mut versions) = serde_json::from_slice::<Value>(&document) else { return document };
    limit(&mut versions);
    let components = versions.get_mut("Components").and_then(Value::as_array_mut);
    for component in components.into_iter().flatten() {
        if let Some(details) = component.get_mut("Details") {
            limit(details);
        }
    }
    Bytes::from(versions.to_string())
}

fn limit(versions: &mut Value) {
    let mut change = |key: &str, limit: fn(Option<ApiVersion>) -> Option<ApiVersion>| {
        if let Some(value) = versions.get_mut(key)
            && let Some(lowered) = limit(value.as_str().and_then(ApiVersion::from_text))
        {
            *value = lowered.to_string().into();
        }
    };
    change("ApiVersion", |version| version.map(|version| version.min(ApiVersion::NEWEST)));
    // A version that the broker cannot parse, such as 1.5, is older than any that it understands.
    change("MinAPIVersion", |version| {
        Some(version.map_or(ApiVersion::OLDEST, |version| version.max(ApiVersion::OLDEST)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_versions_are_hidden() {
        let document = br#"{"Components":[{"Name":"Engine","Details":{"ApiVersion":"1.70",
            "MinAPIVersion":"1.12"}},{"Name":"runc"}],"ApiVersion":"1.70","MinAPIVersion":"1.5"}"#;
        let lowered = limit_document(Bytes::from_static(document));
        let versions: Value = serde_json::from_slice(&lowered).unwrap();
        assert_eq!(versions["ApiVersion"], "1.56");
        assert_eq!(versions["MinAPIVersion"], "1.41");
        assert_eq!(versions["Components"][0]["Details"]["ApiVersion"], "1.56");
        assert_eq!(versions["Components"][1]["Name"], "runc");
    }

    #[test]
    fn supported_versions_stay() {
        let document = Bytes::from_static(br#"{"ApiVersion":"1.41","MinAPIVersion":"1.44"}"#);
        let versions: Value = serde_json::from_slice(&limit_document(document)).unwrap();
        assert_eq!(versions["ApiVersion"], "1.41");
        assert_eq!(versions["MinAPIVersion"], "1.44");
        assert_eq!(limit_document(Bytes::from_static(b"no document")), "no document");
    }

    #[test]
    fn the_header_is_lowered() {
        let mut headers = HeaderMap::new();
        limit_header(&mut headers);
        assert!(headers.is_empty());
        for (advertised, expected) in [("1.41", "1.41"), ("1.99", "1.56"), ("odd", "odd")] {
            headers.insert(HEADER, HeaderValue::from_static(advertised));
            limit_header(&mut headers);
            assert_eq!(headers[HEADER], expected);
        }
    }
}
