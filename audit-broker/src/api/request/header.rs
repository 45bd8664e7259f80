//! The headers of a request: which are forwarded, which are read here, which have no meaning.
//!
//! Does not know the bodies; it says whether one follows and refuses one of a type that the daemon
//! would read in another way than the broker.

use crate::api::route::{AnswerKind, BodyKind, Method, Route};
use crate::refusal::Refusal;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// The protocol that a connection is to become.
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

/// What becomes of a header.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It goes to the daemon.
    Forward,
    /// Each of its lines goes to the daemon.
    ForwardAll,
    /// It holds credentials: it goes to the daemon, and no record or trace shows it.
    ForwardHidden,
    /// It is read here, and the daemon gets the broker's own.
    Read,
    /// It has no meaning to the daemon.
    Ignore,
}

/// Names that have a meaning between client and server only, or that the daemon does not read.
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
    // Docker 20.10 names its version here too; a daemon at 1.41 or newer does nothing by it.
    "version",
];

/// Reads the headers for a route.
pub(super) fn parse(
    route: &Route,
    headers: &HeaderMap,
    ignored: &[String],
) -> Result<Headers, Refusal> {
    let mut forwarded = Vec::new();
    for name in headers.keys() {
        let treatment = treatment(route, name.as_str(), ignored).ok_or_else(|| {
            Refusal::bad_request(format!(
                "the header `{name}` is not known to the docker API; leave it out, or name it in \
                 `ignore_headers` in the configuration of audit-broker"
            ))
        })?;
        let values = headers.get_all(name);
        if !matches!(treatment, Use::ForwardAll | Use::Ignore) && values.iter().nth(1).is_some() {
            return Err(Refusal::bad_request(format!("the header `{name}` stands more than once")));
        }
        if matches!(treatment, Use::Forward | Use::ForwardAll | Use::ForwardHidden) {
            for value in values {
                let mut value = value.clone();
                value.set_sensitive(treatment == Use::ForwardHidden);
                forwarded.push((name.clone(), value));
            }
        }
    }
    let chunked = is_chunked(headers)?;
    let content_length = content_length(headers)?;
    if chunked && content_length.is_some() {
        return Err(Refusal::bad_request(
            "`content-length` and `transfer-encoding` may not stand together",
        ));
    }
    let has_body = chunked || content_length.is_some_and(|length| length > 0);
    check_body(route, headers, has_body)?;
    check_expect(headers)?;
    Ok(Headers { forwarded, upgrade: upgrade(route, headers)?, has_body })
}

fn treatment(route: &Route, name: &str, ignored: &[String]) -> Option<Use> {
    match name {
        // compose says in three lines what it takes.
        "accept" => return Some(Use::ForwardAll),
        "user-agent" => return Some(Use::Forward),
        "x-registry-auth" | "x-registry-config" => return Some(Use::ForwardHidden),
        "content-type" | "content-length" | "transfer-encoding" | "upgrade" | "expect" => {
            return Some(Use::Read);
        }
        _ => {}
    }
    let session = name.starts_with("x-docker-expose-session-");
    if session && route.answer == AnswerKind::Http2 {
        return Some(Use::ForwardAll);
    }
    if name.starts_with("sec-websocket-") && route.answer == AnswerKind::WebSocket {
        return Some(Use::Forward);
    }
    let has_no_meaning = IGNORED.contains(&name) || ignored.iter().any(|header| header == name);
    // A coding of the body changes what the daemon reads, whatever the configuration says.
    (has_no_meaning && name != "content-encoding").then_some(Use::Ignore)
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

/// A client that waits for `100 Continue` gets it when its body is read.
fn check_expect(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("expect") {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(refuse_value("expect", value, "`100-continue`"))
        }
        _ => Ok(()),
    }
}

/// The daemon takes over the connection by the route, with or without an upgrade, and ignores one
/// to raw bytes elsewhere.
fn upgrade(route: &Route, headers: &HeaderMap) -> Result<Option<Upgrade>, Refusal> {
    let asked = match headers.get("upgrade") {
        None => None,
        Some(value) => match value.as_bytes().to_ascii_lowercase().as_slice() {
            b"tcp" => Some(Upgrade::Tcp),
            b"h2c" => Some(Upgrade::H2c),
            b"websocket" => Some(Upgrade::WebSocket),
            _ => return Err(refuse_value("upgrade", value, "`tcp`, `h2c` or `websocket`")),
        },
    };
    match (route.answer, asked) {
        (AnswerKind::Hijack, None | Some(Upgrade::Tcp))
        | (AnswerKind::WebSocket, Some(Upgrade::WebSocket))
        | (AnswerKind::Http2, Some(Upgrade::H2c)) => Ok(asked),
        (AnswerKind::WebSocket, _) => Err(refuse_upgrade(route, "needs `upgrade: websocket`")),
        (AnswerKind::Http2, _) => Err(refuse_upgrade(route, "needs `upgrade: h2c`")),
        (_, None | Some(Upgrade::Tcp)) => Ok(None),
        (_, Some(Upgrade::H2c | Upgrade::WebSocket)) => {
            Err(refuse_upgrade(route, "cannot become another protocol"))
        }
    }
}

fn refuse_upgrade(route: &Route, what: &str) -> Refusal {
    Refusal::bad_request(format!("{} {} {what}", route.method.name(), route.path))
}

/// Refuses a body that the daemon would read in another way: values of a form come before those of
/// the query, on many routes.
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
                "a body of type `{}` is not passed on; put the values in the query",
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
        // Clients send the query a second time as JSON; the daemon does not read it.
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

/// The type without its parameters, in lower case; nothing if it is malformed.
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
