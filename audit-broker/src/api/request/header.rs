//! The headers of a request: which ones the broker forwards or reads itself. It leaves out all others.
//!
//! This file also finds out whether a body follows, and refuses a body of a type that dockerd would
//! read differently from the broker. It does not know the content of bodies.

use crate::api::operation::{
    ContainerOperation, ImageOperation, Operation, PluginOperation, RegistryOperation,
};
use crate::api::route::{BodyFormat, BodyKind, Method, ResponseKind, Route};
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

impl Upgrade {
    /// The protocol, as the `Upgrade` header names it.
    pub(crate) const fn protocol(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::H2c => "h2c",
            Self::WebSocket => "websocket",
        }
    }
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
    /// Forwards its first line, the only one that dockerd reads.
    Forward,
    /// Forwards each of its lines.
    ForwardAll,
    /// Forwards its first line, and shows it in no log line or record: it holds credentials.
    ForwardHidden,
    /// Decides by it how to read the request, and writes its own for dockerd. It may occur once.
    Read,
    /// Leaves it out: dockerd does not read it.
    LeaveOut,
}

const REGISTRY_AUTH: HeaderName = HeaderName::from_static("x-registry-auth");

/// `{}` in base64. Without the header, dockerd 20.10 reads credentials from the body of a push, which the
/// broker does not forward (moby 20.10: `postImagesPush`). docker-py sends `{}` there.
const NO_CREDENTIALS: &str = "e30=";

/// Parses the headers of a request to a route.
pub(super) fn parse(route: &Route, headers: &HeaderMap) -> Result<Headers, Refusal> {
    let mut forwarded = Vec::new();
    for name in headers.keys() {
        let treatment = treatment(route, name.as_str());
        let values = headers.get_all(name);
        let count = match treatment {
            Treatment::Forward | Treatment::ForwardHidden => 1,
            Treatment::ForwardAll => usize::MAX,
            Treatment::Read if values.iter().nth(1).is_some() => {
                return Err(Refusal::bad_request(format!(
                    "the header `{name}` occurs more than once"
                )));
            }
            Treatment::Read | Treatment::LeaveOut => 0,
        };
        for value in values.iter().take(count) {
            let mut value = value.clone();
            value.set_sensitive(treatment == Treatment::ForwardHidden);
            forwarded.push((name.clone(), value));
        }
    }
    let length = body_length(headers)?;
    check_body(route, headers, length)?;
    check_expect(headers)?;
    let has_body = length != BodyLength::Known(0);
    let is_push = matches!(route.operation, Operation::Image(ImageOperation::Push));
    if is_push && has_body && !headers.contains_key(REGISTRY_AUTH) {
        forwarded.push((REGISTRY_AUTH, HeaderValue::from_static(NO_CREDENTIALS)));
    }
    Ok(Headers { forwarded, upgrade: upgrade(route, headers)?, has_body })
}

fn treatment(route: &Route, name: &str) -> Treatment {
    match name {
        // compose sends three of these.
        "accept" => Treatment::ForwardAll,
        "user-agent" => Treatment::Forward,
        "x-registry-auth" | "x-registry-config" => Treatment::ForwardHidden,
        "content-length" | "transfer-encoding" | "expect" => Treatment::Read,
        // Elsewhere dockerd does not read it, or reads only that it is there.
        "upgrade" if matches!(route.response, ResponseKind::Http2 | ResponseKind::WebSocket) => {
            Treatment::Read
        }
        _ if name.starts_with("x-docker-expose-session-")
            && route.response == ResponseKind::Http2 =>
        {
            Treatment::ForwardAll
        }
        _ if name.starts_with("sec-websocket-") && route.response == ResponseKind::WebSocket => {
            Treatment::Forward
        }
        // dockerd passes these on to the registry.
        _ if name.starts_with("x-meta-") && uses_registry(route.operation) => Treatment::ForwardAll,
        // This includes `content-type` and `content-encoding`: the broker writes the type of what it
        // forwards, and dockerd tells the encoding of an archive by its bytes.
        _ => Treatment::LeaveOut,
    }
}

/// Whether dockerd sends headers of the client to a registry.
///
/// # Source
/// `X-Meta-` in `daemon/server/router/image/image_routes.go` and
/// `daemon/server/router/plugin/plugin_routes.go` of moby.
fn uses_registry(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Image(ImageOperation::Pull | ImageOperation::Push)
            | Operation::Registry(
                RegistryOperation::SearchImages | RegistryOperation::PluginPrivileges
            )
            | Operation::Plugin(
                PluginOperation::Pull | PluginOperation::Upgrade | PluginOperation::Push
            )
    )
}

/// How long the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyLength {
    Known(u64),
    /// The body comes in chunks, perhaps none.
    Chunked,
}

fn body_length(headers: &HeaderMap) -> Result<BodyLength, Refusal> {
    match (is_chunked(headers)?, content_length(headers)?) {
        (true, Some(_)) => Err(Refusal::bad_request(
            "a request cannot have both `content-length` and `transfer-encoding`",
        )),
        (true, None) => Ok(BodyLength::Chunked),
        (false, length) => Ok(BodyLength::Known(length.unwrap_or_default())),
    }
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
/// On some routes dockerd hijacks the connection with or without an upgrade, whatever its protocol. On
/// others it ignores an upgrade, which curl sends with every request.
///
/// # Source
/// `postContainersAttach` in `daemon/server/router/container/container_routes.go`, `serveGRPC` in
/// `daemon/server/router/grpc/grpc_routes.go` of moby.
fn upgrade(route: &Route, headers: &HeaderMap) -> Result<Option<Upgrade>, Refusal> {
    let wanted = headers.get("upgrade").map(HeaderValue::as_bytes);
    let is = |protocol: &str| {
        wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case(protocol.as_bytes()))
    };
    match route.response {
        ResponseKind::Hijack => Ok(wanted.map(|_| Upgrade::Tcp)),
        ResponseKind::WebSocket if is("websocket") => Ok(Some(Upgrade::WebSocket)),
        ResponseKind::WebSocket => Err(Refusal::bad_request(format!(
            "{} {} needs `upgrade: websocket`",
            route.method.name(),
            route.path
        ))),
        ResponseKind::Http2 if is("h2c") => Ok(Some(Upgrade::H2c)),
        ResponseKind::Http2 => Err(Refusal::bad_request(match wanted {
            None => "no upgrade proto in request".to_owned(),
            Some(other) => format!("protocol {} not supported", shown(other)),
        })),
        ResponseKind::Plain | ResponseKind::Stream | ResponseKind::Progress => Ok(None),
    }
}

/// Refuses a body that dockerd would read differently from the broker: on many routes, dockerd prefers
/// the values of a form to those of the query.
fn check_body(route: &Route, headers: &HeaderMap, length: BodyLength) -> Result<(), Refusal> {
    if route.operation == Operation::Container(ContainerOperation::Start) {
        check_start(length)?;
    }
    if length == BodyLength::Known(0) {
        return Ok(());
    }
    // dockerd reads the first.
    let content_type = headers.get("content-type").map_or(&b""[..], HeaderValue::as_bytes);
    let lower = content_type.to_ascii_lowercase();
    let lower = lower.trim_ascii_start();
    let is_form =
        lower.starts_with(b"application/x-www-form-urlencoded") || lower.starts_with(b"multipart/");
    // dockerd does not look at the type of credentials.
    if route.body == BodyKind::Auth {
        return Ok(());
    }
    if route.body.format() == BodyFormat::Json {
        return check_json_type(content_type);
    }
    if is_form && matches!(route.method, Method::Post | Method::Put) {
        return Err(Refusal::bad_request(format!(
            "audit-broker does not forward a body of type `{}`; put the values in the query",
            shown(content_type)
        )));
    }
    Ok(())
}

/// Refuses a body with the settings of the container, in dockerd's words.
///
/// # Source
/// `postContainersStart` in `daemon/server/router/container/container_routes.go` of moby: a JSON
/// object with content has more than 7 bytes.
fn check_start(length: BodyLength) -> Result<(), Refusal> {
    match length {
        BodyLength::Known(0..=7) => Ok(()),
        BodyLength::Known(_) | BodyLength::Chunked => Err(Refusal::bad_request(
            "starting container with non-empty request body was deprecated since API v1.22 and \
             removed in v1.24",
        )),
    }
}

/// Refuses a body that is not JSON, in dockerd's words.
///
/// # Source
/// `matchesContentType` in `daemon/server/httputils/httputils.go` of moby.
fn check_json_type(content_type: &[u8]) -> Result<(), Refusal> {
    let text = std::str::from_utf8(content_type).unwrap_or_default();
    let given = shown(content_type);
    Err(Refusal::bad_request(match media_type(text).as_deref() {
        Some("application/json") => return Ok(()),
        Some(_) => {
            format!("unsupported Content-Type header ({given}): must be 'application/json'")
        }
        None if text.split(';').next().unwrap_or_default().trim().is_empty() => {
            format!("malformed Content-Type header ({given}): mime: no media type")
        }
        None => format!("malformed Content-Type header ({given}): mime: invalid media parameter"),
    }))
}

/// The media type without its parameters, in lower case; `None` if the header is malformed.
fn media_type(value: &str) -> Option<String> {
    let mut parts = value.split(';');
    let media_type = parts.next()?.trim().to_ascii_lowercase();
    if media_type.is_empty() {
        return None;
    }
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
        shown(value.as_bytes())
    ))
}

fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).escape_debug().to_string()
}
