//! A request as it would go over the wire, from a file.

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use hyper::Request;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;

/// Reads a request line, headers if there are any, an empty line and a body.
///
/// # Errors
/// What is wrong with the request line or with which header. The body is not looked at.
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
        method.parse().with_context(|| format!("`{}` is no method", method.escape_debug()))?;
    *request.uri_mut() =
        target.parse().with_context(|| format!("`{}` is no target", target.escape_debug()))?;
    let headers = request.headers_mut();
    for line in lines {
        let header = || anyhow!("`{}` is no header", line.escape_debug());
        let (name, value) = line.split_once(':').ok_or_else(header)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| header())?;
        headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| header())?);
    }
    let body = Bytes::from(body.trim_end().to_owned());
    if !body.is_empty() {
        // What was counted with the last line end, or before an edit, is not what is here.
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
    fn a_request_is_read() {
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
    fn what_is_no_request_is_named() {
        let problem = |text| format!("{:#}", parse(text).unwrap_err());
        assert!(problem("").contains("first line"));
        assert!(problem("{}").contains("`{}`"));
        assert!(problem("G@T /info").contains("no method"));
        assert!(problem("GET info").contains("no target") || problem("GET info").contains("path"));
        assert!(problem("GET /info\nno header\n\n").contains("`no header` is no header"));
    }
}
