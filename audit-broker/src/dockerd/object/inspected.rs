//! Finds the object of a call, and keeps dockerd's description for a call that asks for nothing else.
//!
//! A call that inspects an object asks what the broker must ask before it can judge the call. dockerd
//! describes the object once: the broker judges by the description, and the client gets the same one.

use bytes::Bytes;
use hyper::Response;
use serde::de::DeserializeOwned;

use super::{Container, Image, NamedImage, Network, Object, Volume, named};
use crate::api::operation::{
    ContainerOperation, ImageOperation, NetworkOperation, Operation, VolumeOperation,
};
use crate::api::request::{ApiVersion, Head};
use crate::dockerd::upstream::{Found, Unreachable, Upstream};

/// The object of a call.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) object: Object,
    /// dockerd's response, if the call asks for no more than the description of the object.
    pub(crate) inspected: Option<Response<Bytes>>,
}

/// Finds the object that the path of a request names.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn resolve(
    head: &Head,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Resolved>, Unreachable> {
    let Some(kind) = Inspected::of(head) else {
        let found = named(head, version, upstream).await?;
        return Ok(found.map(|object| Resolved { object, inspected: None }));
    };
    let target = head.target(version, None);
    match kind {
        Inspected::Container => ask::<Container>(upstream, &target, Object::Container).await,
        Inspected::Network => ask::<Network>(upstream, &target, Object::Network).await,
        Inspected::Volume => ask::<Volume>(upstream, &target, Object::Volume).await,
        Inspected::Image => {
            let given = head.object.clone().unwrap_or_default();
            let named = |image: Image| Object::Image(NamedImage { given, image });
            ask(upstream, &target, named).await
        }
    }
}

/// The kind of an object that a call inspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inspected {
    Container,
    Image,
    Network,
    Volume,
}

impl Inspected {
    /// `None` for a call that does something else, or that asks for more by a query.
    fn of(head: &Head) -> Option<Self> {
        if head.query.pairs().next().is_some() {
            return None;
        }
        match head.route.operation {
            Operation::Container(ContainerOperation::Inspect) => Some(Self::Container),
            Operation::Image(ImageOperation::Inspect) => Some(Self::Image),
            Operation::Network(NetworkOperation::Inspect) => Some(Self::Network),
            Operation::Volume(VolumeOperation::Inspect) => Some(Self::Volume),
            Operation::System(_)
            | Operation::Registry(_)
            | Operation::Build(_)
            | Operation::Container(_)
            | Operation::Exec(_)
            | Operation::Image(_)
            | Operation::Volume(_)
            | Operation::Network(_)
            | Operation::Plugin(_)
            | Operation::Swarm(_) => None,
        }
    }
}

async fn ask<Document: DeserializeOwned>(
    upstream: &Upstream,
    target: &str,
    object: impl FnOnce(Document) -> Object,
) -> Result<Found<Resolved>, Unreachable> {
    let found = upstream.ask_keeping(target).await?;
    Ok(found.map(|(document, response)| Resolved {
        object: object(document),
        inspected: Some(response),
    }))
}
