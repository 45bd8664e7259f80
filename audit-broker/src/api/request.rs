//! The head of a request, as the broker understood it and as it forwards it.
//!
//! This file parses method, target and headers into a [`Head`], and writes the target to forward. The
//! broker records what it understood, and forwards a request written from that, never the original
//! bytes. This file does no I/O and does not know the bodies.

mod header;
mod path;
pub(crate) mod percent;
mod query;
mod version;

#[cfg(test)]
pub(crate) mod tests;

use crate::api::operation::{ContainerOperation, Operation};
use crate::api::route::Route;
use crate::refusal::Refusal;
pub(crate) use header::Upgrade;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
pub(crate) use query::{Query, parse_bool};
pub(crate) use version::ApiVersion;

/// The head of a request. Each part has only one form.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) route: &'static Route,
    /// The version in the path, if the client asked for one.
    pub(crate) version: Option<ApiVersion>,
    /// The name or id of the object in the path, decoded.
    pub(crate) object: Option<String>,
    pub(crate) query: Query,
    /// The headers that go to dockerd.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The protocol that the client wants to upgrade to, on a route that supports it.
    pub(crate) upgrade: Option<Upgrade>,
    /// Whether a body follows. On a route that takes none, the broker reads and drops it.
    pub(crate) has_body: bool,
}

/// Parses the head of a request. Refuses what dockerd could read differently, and leaves out what it
/// does not read.
///
/// `newest` is the newest version that both dockerd and the broker support.
pub(crate) fn parse_head(
    method: &hyper::Method,
    target: &hyper::Uri,
    http_version: hyper::Version,
    headers: &HeaderMap,
    newest: ApiVersion,
) -> Result<Head, Refusal> {
    if http_version != hyper::Version::HTTP_11 {
        return Err(Refusal::bad_request(format!(
            "audit-broker does not speak {http_version:?}; use HTTP/1.1"
        )));
    }
    if target.scheme().is_some() || target.authority().is_some() {
        return Err(Refusal::bad_request("the request target must be a path, not a URL"));
    }
    let location = path::locate(method, target.path())?;
    if let Some(version) = location.version {
        version.check_within(newest)?;
    }
    let query = query::parse(location.route, target.query().unwrap_or_default())?;
    let headers = header::parse(location.route, headers)?;
    Ok(Head {
        route: location.route,
        version: location.version,
        object: location.object,
        query,
        headers: headers.forwarded,
        upgrade: headers.upgrade,
        has_body: headers.has_body,
    })
}

impl Head {
    /// The target to request from dockerd, in this version of its API. `object` replaces the name
    /// that the client sent, for example with the full id of a container.
    pub(crate) fn target(&self, version: ApiVersion, object: Option<&str>) -> String {
        self.target_without(&[], version, object)
    }

    /// The linking container and the alias, if the request removes the link (`docker rm --link`) and not a
    /// container.
    pub(crate) fn link_removed(&self) -> Option<(&str, &str)> {
        let is_removal = self.route.operation == Operation::Container(ContainerOperation::Remove);
        let object = self.object.as_deref().filter(|_| is_removal)?;
        object.split_once('/').filter(|_| self.query.text("link") == Some("1"))
    }

    /// Like [`Self::target`], without some keys of the query.
    pub(crate) fn target_without(
        &self,
        keys: &[&str],
        version: ApiVersion,
        object: Option<&str>,
    ) -> String {
        let object = object.or(self.object.as_deref()).unwrap_or_default();
        let mut target = format!("/v{version}");
        match self.route.path.split_once('{') {
            None => target.push_str(self.route.path),
            Some((before, rest)) => {
                let after = rest.split_once('}').map_or("", |(_, after)| after);
                target.push_str(before);
                target.push_str(&percent::encode_path(object));
                target.push_str(after);
            }
        }
        let query = self.query.encode(keys);
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        target
    }
}
