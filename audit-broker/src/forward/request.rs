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

use super::load::{self, LoadLock, NamedLoad};
use super::{naming, stream};
use crate::api::body::Body;
use crate::api::operation::{ImageOperation, Operation};
use crate::api::route::BodyFormat;
use crate::call::Call;
use crate::call::inbound::Inbound;
use crate::dockerd::upstream::{self, RequestBody, Unreachable};
use crate::net::client_stream::ClientBody;
use crate::net::rewritten_body::RewrittenBody;

/// The request without its body.
///
/// # Errors
/// If its target is not a valid URI.
pub(super) fn head(call: &Call, method: &Method) -> Result<Request<()>, Unreachable> {
    let action = &call.action;
    let head = &action.head;
    let left_out = naming::keys_left_out(call);
    // dockerd finds a link by the name of its container only.
    let link = head.object.as_deref().filter(|_| head.link_removed().is_some());
    let object = link.or(action.object.id());
    let target = head.target_without(&left_out, call.version, object);
    let malformed = |source| Unreachable::Malformed { what: target.clone(), source };
    let mut request = Request::new(());
    request.method_mut().clone_from(method);
    *request.uri_mut() = target.parse().map_err(|error: InvalidUri| malformed(error.into()))?;
    let headers = request.headers_mut();
    headers.insert(HOST, upstream::HOST);
    for (name, value) in &head.headers {
        headers.append(name.clone(), value.clone());
    }
    match head.route.body.format() {
        BodyFormat::None => {}
        BodyFormat::Stream => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        }
        BodyFormat::Json => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
    match head.upgrade {
        Some(upgrade) => {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static(upgrade.protocol()));
        }
        // A stream ends when dockerd closes the connection.
        None if stream::is_raw(call) => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        None => {}
    }
    Ok(request)
}

/// The body of the request: the document as the broker understood it, or the client's stream of bytes.
pub(super) fn body(
    call: &Rc<Call>,
    client: &mut Inbound,
    json: Option<Bytes>,
    load_lock: &LoadLock,
    named_load: Option<&Rc<NamedLoad>>,
) -> RequestBody {
    let is_stream = call.action.body == Body::Stream;
    let Some(body) = client.body.take_if(|_| is_stream) else {
        return Either::Left(Full::new(json.unwrap_or_default()));
    };
    let begun = std::mem::take(&mut client.begun);
    let body = ClientBody::new(begun, body, &call.connection.phase);
    let is_load = call.action.head.route.operation == Operation::Image(ImageOperation::Load);
    Either::Right(match named_load {
        Some(load) => Either::Right(RewrittenBody::new(body, load::without_names(call, load))),
        None if is_load => Either::Left(body.ending_after(load::lock_names(call, load_lock))),
        None => Either::Left(body),
    })
}
