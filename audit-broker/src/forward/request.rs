//! The request that the broker sends to dockerd.
//!
//! The broker writes the request itself, from the route, query, headers and body that it understood.
//! No byte of the client's request head reaches dockerd.

use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, UPGRADE};
use hyper::http::uri::InvalidUri;
use hyper::{Method, Request};

use super::load::{self, LoadLock};
use super::{naming, stream};
use crate::api::body::Body;
use crate::api::operation::{ImageOperation, Operation};
use crate::api::request::Upgrade;
use crate::api::route::BodyKind;
use crate::call::Call;
use crate::call::inbound::Inbound;
use crate::dockerd::upstream::{self, RequestBody, Unreachable};
use crate::net::client_stream::ClientBody;

/// The request without its body.
///
/// # Errors
/// If its target is not a valid URI.
pub(super) fn head(call: &Call, method: &Method) -> Result<Request<()>, Unreachable> {
    let action = &call.action;
    let head = &action.head;
    let left_out = naming::keys_left_out(call);
    let target = head.target_without(&left_out, call.version, action.object.id());
    let malformed = |source| Unreachable::Malformed { what: target.clone(), source };
    let mut request = Request::new(());
    request.method_mut().clone_from(method);
    *request.uri_mut() = target.parse().map_err(|error: InvalidUri| malformed(error.into()))?;
    let headers = request.headers_mut();
    headers.insert(HOST, upstream::HOST);
    for (name, value) in &head.headers {
        headers.append(name.clone(), value.clone());
    }
    match head.route.body {
        BodyKind::None => {}
        BodyKind::Stream => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        }
        _ => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
    match protocol(call) {
        Some(protocol) => {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static(protocol));
        }
        // A stream ends when dockerd closes the connection.
        None if stream::is_for(call) => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        None => {}
    }
    Ok(request)
}

/// The protocol to which the client asks to upgrade the connection.
pub(super) fn protocol(call: &Call) -> Option<&'static str> {
    let upgrade = call.action.head.upgrade?;
    Some(match upgrade {
        Upgrade::Tcp => "tcp",
        Upgrade::H2c => "h2c",
        Upgrade::WebSocket => "websocket",
    })
}

/// The body of the request: the document as the broker understood it, or the client's stream of bytes.
pub(super) fn body(
    call: &Rc<Call>,
    client: &mut Inbound,
    json: Option<Bytes>,
    load_lock: &LoadLock,
) -> RequestBody {
    let stream = match &call.action.body {
        Body::Stream => client.body.take(),
        _ => None,
    };
    let Some(body) = stream else { return Either::Left(Full::new(json.unwrap_or_default())) };
    let begun = std::mem::take(&mut client.begun);
    let body = ClientBody::new(begun, body, &call.connection.phase);
    Either::Right(match call.action.head.route.operation {
        Operation::Image(ImageOperation::Load) => {
            body.ending_after(load::lock_names(call, load_lock))
        }
        _ => body,
    })
}
