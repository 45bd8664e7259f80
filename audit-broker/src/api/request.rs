//! A request as the broker understood it, and as it will ask dockerd. Does no I/O.
//!
//! Knows the head of a request: method, target and headers. What it understood is what is recorded,
//! and what is forwarded is written from that, never from the bytes that came.

mod header;
mod path;
pub(crate) mod percent;
mod query;
mod version;

#[cfg(test)]
pub(crate) mod tests;

use crate::api::route::Route;
use crate::refusal::Refusal;
pub(crate) use header::Upgrade;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
pub(crate) use query::Query;
pub(crate) use version::ApiVersion;

/// The head of a request, each part in one form only.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) route: &'static Route,
    /// The version in the path, if the client asked for one.
    pub(crate) version: Option<ApiVersion>,
    /// What the path names, decoded.
    pub(crate) object: Option<String>,
    pub(crate) query: Query,
    /// The headers that go to the daemon.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The protocol that the client asks for, on a route that can become one.
    pub(crate) upgrade: Option<Upgrade>,
    /// Whether a body follows. On a route that takes none it is read and not forwarded.
    pub(crate) has_body: bool,
}

/// Reads the head of a request strictly: what is unknown, ambiguous or said twice is refused.
///
/// `newest` is the newest version that both the daemon and the broker speak. `ignored_headers` are
/// further headers, in lower case, that are dropped instead of refused.
pub(crate) fn parse_head(
    method: &hyper::Method,
    target: &hyper::Uri,
    http_version: hyper::Version,
    headers: &HeaderMap,
    newest: ApiVersion,
    ignored_headers: &[String],
) -> Result<Head, Refusal> {
    if http_version != hyper::Version::HTTP_11 {
        return Err(Refusal::bad_request(format!(
            "{http_version:?} is not passed on; use HTTP/1.1"
        )));
    }
    if target.scheme().is_some() || target.authority().is_some() {
        return Err(Refusal::bad_request("the target must be a path, not an address"));
    }
    let place = path::locate(method, target.path())?;
    if let Some(version) = place.version {
        version.check_within(newest)?;
    }
    let query = query::parse(place.route, target.query().unwrap_or_default())?;
    let headers = header::parse(place.route, headers, ignored_headers)?;
    Ok(Head {
        route: place.route,
        version: place.version,
        object: place.object,
        query,
        headers: headers.forwarded,
        upgrade: headers.upgrade,
        has_body: headers.has_body,
    })
}

impl Head {
    /// The target to ask the daemon for, in this version of its API. `object` stands in for what
    /// the client named: the full id of the container, say.
    pub(crate) fn target(&self, version: ApiVersion, object: Option<&str>) -> String {
        self.target_without(&[], version, object)
    }

    /// The same without some keys of the query.
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
