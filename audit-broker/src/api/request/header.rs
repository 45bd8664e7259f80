//! The headers of a request: which ones the broker forwards, reads itself, or drops.
//!
//! This file also finds out whether a body follows, and refuses a body of a type that the daemon would
//! read differently from the broker. It does not know the content of bodies.

use crate::api::route::{BodyKind, Method, ResponseKind, Route};
use crate::refusal::Refusal;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// The protocol to which the client wants to upgrade the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// Raw bytes, both ways.
    Tcp,
    /// HTTP/2 without TLS.
    H2c,
    WebSocket,
}

#[derive(Debug)]
pub(super) struct Headers {
    pub(super) forwarded: Vec<(HeaderName, HeaderValue)>,
    pub(super) upgrade: Option<Upgrade>,
    pub(super) has_body: bool,
}

/// What the broker does with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    /// Forwards it. It may occur once.
    Forward,
    /// Forwards each of its lines.
    ForwardAll,
    /// Forwards it, and shows it in no log line or record: it holds credentials. It may occur once.
    ForwardHidden,
    /// Reads it, and writes its own for the daemon. It may occur once.
    Read,
    /// Drops it: it has no meaning to the daemon.
    Ignore,
}

/// Headers that concern only this connection, or that the daemon does not read.
const IGNORED: &[&str] = &[
    "host",
    "connection",
    "keep-alive",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "pragma",
    "origin",
    "traceparent",
    "tracestate",
    "baggage",
    // Docker 20.10 sends its version here too. A daemon at 1.41 or newer does not use it.
    "version",
];

/// Parses the headers of a request to a route.
pub(super) fn parse(
    route: &Route,
    headers: &HeaderMap,
    ignored: &[String],
) -> Result<Headers, Refusal> {
    let mut forwarded = Vec::new();
    for name in headers.keys() {
        let treatment = treatment(route, name.as_str(), ignored).ok_or_else(|| {
            Refusal::bad_request(format!(
                "the docker API has no header `{name}`; leave it out, or list it in `ignore_headers` \
                 in the configuration of audit-broker"
            ))
        })?;
        let values = headers.get_all(name);
        if !matches!(treatment, Treatment::ForwardAll | Treatment::Ignore)
            && values.iter().nth(1).is_some()
        {
            return Err(Refusal::bad_request(format!("the header `{name}` occurs more than once")));
        }
        if matches!(
            treatment,
            Treatment::Forward | Treatment::ForwardAll | Treatment::ForwardHidden
        ) {
            for value in values {
                let mut value = value.clone();
                value.set_sensitive(treatment == Treatment::ForwardHidden);
                forwarded.push((name.clone(), value));
            }
        }
    }
    let chunked = is_chunked(headers)?;
    let content_length = content_length(headers)?;
    if chunked && content_length.is_some() {
        return Err(Refusal::bad_request(
            "a request cannot have both `content-length` and `transfer-encoding`",
        ));
    }
    let has_body = chunked || content_length.is_some_and(|length| length > 0);
    check_body(route, headers, has_body)?;
    check_expect(headers)?;
    Ok(Headers { forwarded, upgrade: upgrade(route, headers)?, has_body })
}

fn treatment(route: &Route, name: &str, ignored: &[String]) -> Option<Treatment> {
    match name {
        // compose sends three of these.
        "accept" => return Some(Treatment::ForwardAll),
        "user-agent" => return Some(Treatment::Forward),
        "x-registry-auth" | "x-registry-config" => return Some(Treatment::ForwardHidden),
        "content-type" | "content-length" | "transfer-encoding" | "upgrade" | "expect" => {
            return Some(Treatment::Read);
        }
        _ => {}
    }
    let session = name.starts_with("x-docker-expose-session-");
    if session && route.response == ResponseKind::Http2 {
        return Some(Treatment::ForwardAll);
    }
    if name.starts_with("sec-websocket-") && route.response == ResponseKind::WebSocket {
        return Some(Treatment::Forward);
    }
    let has_no_meaning = IGNORED.contains(&name) || ignored.iter().any(|header| header == name);
    // `content-encoding` changes what the daemon reads, so no configuration can ignore it.
    (has_no_meaning && name != "content-encoding").then_some(Treatment::Ignore)
}

fn is_chunked(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get("transfer-encoding") {
        None => Ok(false),
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(true),
        Some(value) => Err(refuse_value("transfer-encoding", value, "`chunked`")),
    }
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get("content-length") else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| refuse_value("content-length", value, "a number of bytes"))
}

/// A client that waits for `100 Continue` gets it when the broker reads the body.
fn check_expect(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("expect") {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(refuse_value("expect", value, "`100-continue`"))
        }
        _ => Ok(()),
    }
}

/// The upgrade that the client wants and the route supports.
///
/// On some routes the daemon hijacks the connection with or without an upgrade. On all others it
/// ignores an upgrade to raw bytes, and so does the broker.
fn upgrade(route: &Route, headers: &HeaderMap) -> Result<Option<Upgrade>, Refusal> {
    let wanted = match headers.get("upgrade") {
        None => None,
        Some(value) => match value.as_bytes().to_ascii_lowercase().as_slice() {
            b"tcp" => Some(Upgrade::Tcp),
            b"h2c" => Some(Upgrade::H2c),
            b"websocket" => Some(Upgrade::WebSocket),
            _ => return Err(refuse_value("upgrade", value, "`tcp`, `h2c` or `websocket`")),
        },
    };
    match (route.response, wanted) {
        (ResponseKind::Hijack, None | Some(Upgrade::Tcp))
        | (ResponseKind::WebSocket, Some(Upgrade::WebSocket))
        | (ResponseKind::Http2, Some(Upgrade::H2c)) => Ok(wanted),
        (ResponseKind::WebSocket, _) => Err(refuse_upgrade(route, "needs `upgrade: websocket`")),
        (ResponseKind::Http2, _) => Err(refuse_upgrade(route, "needs `upgrade: h2c`")),
        (_, None | Some(Upgrade::Tcp)) => Ok(None),
        (_, Some(Upgrade::H2c | Upgrade::WebSocket)) => {
            Err(refuse_upgrade(route, "cannot be upgraded to another protocol"))
        }
    }
}

fn refuse_upgrade(route: &Route, what: &str) -> Refusal {
    Refusal::bad_request(format!("{} {} {what}", route.method.name(), route.path))
}

/// Refuses a body that the daemon would read differently from the broker. On many routes, for example,
/// the daemon prefers values of a form to those of the query.
fn check_body(route: &Route, headers: &HeaderMap, has_body: bool) -> Result<(), Refusal> {
    let content_type = headers.get("content-type");
    let media_type = content_type.and_then(|value| value.to_str().ok()).and_then(media_type);
    if let Some(value) = content_type {
        let lower = value.as_bytes().to_ascii_lowercase();
        let lower = lower.trim_ascii_start();
        if lower.starts_with(b"application/x-www-form-urlencoded")
            || lower.starts_with(b"multipart/")
        {
            return Err(Refusal::bad_request(format!(
                "audit-broker does not forward a body of type `{}`; put the values in the query",
                String::from_utf8_lossy(value.as_bytes()).escape_debug()
            )));
        }
    }
    if !has_body {
        return Ok(());
    }
    let is_json = media_type.as_deref() == Some("application/json");
    match route.body {
        BodyKind::Stream => Ok(()),
        // Some clients repeat the query as JSON, which the daemon does not read.
        BodyKind::None if is_json && route.method == Method::Post => Ok(()),
        BodyKind::None => Err(Refusal::bad_request(format!(
            "{} {} takes no body",
            route.method.name(),
            route.path
        ))),
        _ if is_json => Ok(()),
        _ => Err(Refusal::bad_request(format!(
            "{} {} needs a body of type `application/json`",
            route.method.name(),
            route.path
        ))),
    }
}

/// The media type without its parameters, in lower case; `None` if the header is malformed.
fn media_type(value: &str) -> Option<String> {
    let mut parts = value.split(';');
    let media_type = parts.next()?.trim().to_ascii_lowercase();
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
    let well_formed = parts.all(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            let value = value.trim_end();
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            is_token(name.trim_start()) && is_token(quoted.unwrap_or(value))
        })
    });
    well_formed.then_some(media_type)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn refuse_value(name: &str, value: &HeaderValue, wanted: &str) -> Refusal {
    Refusal::bad_request(format!(
        "the header `{name}` must be {wanted}, not `{}`",
        String::from_utf8_lossy(value.as_bytes()).escape_debug()
    ))
}
