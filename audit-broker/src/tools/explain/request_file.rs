//! Parses a file that contains an HTTP request.

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use hyper::Request;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;

/// Parses a request line, any headers, an empty line and a body.
///
/// # Errors
/// If the request line or a header is not valid. The body is not checked.
pub(super) fn parse(text: &str) -> anyhow::Result<(Parts, Bytes)> {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let (mut request, rest) = (Request::new(()), first.split_once(' '));
    let (method, target) = rest.with_context(|| {
        format!(
            "the first line must be like `POST /v1.41/containers/create`, not `{}`",
            first.escape_debug()
        )
    })?;
    let target = target.trim().trim_end_matches(" HTTP/1.1").trim();
    *request.method_mut() =
        method.parse().with_context(|| format!("`{}` is not a method", method.escape_debug()))?;
    *request.uri_mut() =
        target.parse().with_context(|| format!("`{}` is not a target", target.escape_debug()))?;
    let headers = request.headers_mut();
    for line in lines {
        let header = || anyhow!("`{}` is not a header", line.escape_debug());
        let (name, value) = line.split_once(':').ok_or_else(header)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| header())?;
        headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| header())?);
    }
    let body = Bytes::from(body.trim_end().to_owned());
    if !body.is_empty() {
        // A length in the file may count the final newline, or may be older than an edit of the body.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    }
    ensure!(target.starts_with('/'), "the target must be a path, not `{}`", target.escape_debug());
    Ok((request.into_parts().0, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_parsed() {
        let (head, body) = parse(
            "POST /v1.41/containers/create?name=x HTTP/1.1\r\nHost: docker\r\n\r\n{\"a\": 1}\r\n",
        )
        .unwrap();
        assert_eq!(head.method, "POST");
        assert_eq!(head.uri, "/v1.41/containers/create?name=x");
        assert_eq!(head.headers["host"], "docker");
        assert_eq!(head.headers["content-length"], "8");
        assert_eq!(body, "{\"a\": 1}");
        let (head, body) = parse("GET /info\n").unwrap();
        assert_eq!(head.uri, "/info");
        assert!(body.is_empty() && head.headers.is_empty());
    }

    #[test]
    fn the_error_shows_the_invalid_part() {
        let problem = |text| format!("{:#}", parse(text).unwrap_err());
        assert!(problem("").contains("first line"));
        assert!(problem("{}").contains("`{}`"));
        assert!(problem("G@T /info").contains("`G@T` is not a method"));
        let target = problem("GET info");
        assert!(target.contains("not a target") || target.contains("path"), "{target}");
        assert!(problem("GET /info\nno header\n\n").contains("`no header` is not a header"));
    }
}
