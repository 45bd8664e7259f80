//! The path of a request: API version, route, and the name of the object.
//!
//! dockerd routes by the decoded path, and redirects a path that is not clean. The broker accepts
//! one form of each path and refuses every other. This file does not look objects up.

use super::percent;
use super::version::ApiVersion;
use crate::api::route::{self, Method, ObjectKind, Route};
use crate::refusal::Refusal;

/// The parts of a path.
#[derive(Debug)]
pub(super) struct Location {
    pub(super) route: &'static Route,
    pub(super) version: Option<ApiVersion>,
    pub(super) object: Option<String>,
}

/// Finds the route of a method and a path.
pub(super) fn locate(method: &hyper::Method, path: &str) -> Result<Location, Refusal> {
    let Some(known_method) = Method::from_name(method.as_str()) else {
        return Err(Refusal::method_not_allowed(format!(
            "the docker API has no method `{}`",
            method.as_str().escape_debug()
        )));
    };
    let (version, path) = split_version(path)?;
    let path = decode(path)?;
    if let Some(refusal) = refuse_unsupported(&path) {
        return Err(refusal);
    }
    let Some((route, object)) = find(known_method, &path) else {
        return Err(refuse_unknown(known_method, &path));
    };
    if let Some(object) = object {
        check_object(route.object, object)?;
    }
    Ok(Location { route, version, object: object.map(str::to_owned) })
}

/// Splits the version from the rest of the path, which keeps its leading slash.
fn split_version(path: &str) -> Result<(Option<ApiVersion>, &str), Refusal> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(Refusal::bad_request(format!(
            "`{}` is not a path; it must start with `/`",
            path.escape_debug()
        )));
    };
    let first = rest.split('/').next().unwrap_or_default();
    let looks_like_version =
        first.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !looks_like_version {
        return Ok((None, path));
    }
    match first.strip_prefix('v').and_then(ApiVersion::from_text) {
        Some(version) => Ok((Some(version), rest.strip_prefix(first).unwrap_or_default())),
        None => Err(Refusal::bad_request(format!(
            "`{}` is not a version of the docker API; write it as `v1.44`",
            first.escape_debug()
        ))),
    }
}

/// Decodes each segment, and refuses a path that could be read as another one.
fn decode(path: &str) -> Result<String, Refusal> {
    let segments = path.strip_prefix('/').unwrap_or_default();
    // The only path of dockerd that ends in a slash.
    if segments == "networks/" {
        return Ok(path.to_owned());
    }
    let mut decoded = String::with_capacity(path.len());
    for segment in segments.split('/') {
        let plain = percent::decode(segment).ok_or_else(|| {
            Refusal::bad_request(format!(
                "the path has an invalid percent escape in `{}`",
                segment.escape_debug()
            ))
        })?;
        let is_separator = |c: char| matches!(c, '/' | '\\') || c.is_control();
        if plain.contains(is_separator) || matches!(plain.as_str(), "." | "..") {
            return Err(Refusal::bad_request(format!(
                "a path cannot contain `{}`",
                segment.escape_debug()
            )));
        }
        if plain.is_empty() && segments.contains('/') {
            return Err(Refusal::bad_request(format!(
                "the path `{}` has an empty segment; remove the extra slash",
                path.escape_debug()
            )));
        }
        decoded.push('/');
        decoded.push_str(&plain);
    }
    Ok(decoded)
}

/// The route of a decoded path, and the object in the path.
fn find(method: Method, path: &str) -> Option<(&'static Route, Option<&str>)> {
    let exact = route::all().find(|route| route.method == method && route.path == path);
    if let Some(route) = exact {
        return Some((route, None));
    }
    route::all()
        .filter(|route| route.method == method)
        .find_map(|route| object_in(route, path).map(|object| (route, Some(object))))
}

/// The object at `{id}` or `{name}`, if the path has the form of the route.
fn object_in<'path>(route: &Route, path: &'path str) -> Option<&'path str> {
    let (before, rest) = route.path.split_once('{')?;
    let (_, after) = rest.split_once('}')?;
    let object = path.strip_prefix(before)?.strip_suffix(after)?;
    let fits = !object.is_empty() && (route.object.has_segments() || !object.contains('/'));
    fits.then_some(object)
}

/// Refuses paths of dockerd that the broker forwards for no caller.
fn refuse_unsupported(path: &str) -> Option<Refusal> {
    let container = path.strip_prefix("/containers/").and_then(|rest| rest.split_once('/'));
    if container.is_some_and(|(_, rest)| rest == "checkpoints" || rest.starts_with("checkpoints/"))
    {
        return Some(Refusal::forbidden(
            "docker checkpoint",
            "audit-broker does not forward checkpoint requests: a checkpoint holds the memory of a \
             container and names paths of the host",
            "root can use docker's own socket",
        ));
    }
    if path == "/debug" || path.starts_with("/debug/") {
        return Some(Refusal::forbidden(
            "GET /debug",
            "audit-broker does not forward the daemon's debug pages",
            "root can use docker's own socket",
        ));
    }
    None
}

fn refuse_unknown(method: Method, path: &str) -> Refusal {
    let other = route::all()
        .find(|route| route.path == path || object_in(route, path).is_some())
        .map(|route| route.method.name());
    match other {
        Some(other) => Refusal::method_not_allowed(format!(
            "the docker API has no {} for `{}`; use {other}",
            method.name(),
            path.escape_debug()
        )),
        None => Refusal::not_found(format!(
            "page not found: the docker API has no path `{}`",
            path.escape_debug()
        )),
    }
}

/// Refuses a name that the object cannot have, because dockerd could find another object by it.
///
/// # Source
/// `RestrictedNamePattern` in `daemon/names/names.go` of moby; the grammar of references in
/// `github.com/distribution/reference`; `stringid.GenerateRandomID` makes exec ids.
fn check_object(kind: ObjectKind, object: &str) -> Result<(), Refusal> {
    let fits = match kind {
        ObjectKind::None => false,
        ObjectKind::Exec => object.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        ObjectKind::Image | ObjectKind::Plugin => is_word(object, b"_.-/:@+"),
        // `CONTAINER/ALIAS` is a container to which another has a link.
        ObjectKind::Container => {
            object.split('/').count() <= 2 && object.split('/').all(|part| is_word(part, b"_.-"))
        }
        // Any text can be the name of a network. The path has no control characters by now.
        ObjectKind::Network => true,
        ObjectKind::Volume
        | ObjectKind::Node
        | ObjectKind::Service
        | ObjectKind::Task
        | ObjectKind::Secret
        | ObjectKind::Config => is_word(object, b"_.-"),
    };
    if fits {
        return Ok(());
    }
    // The docker command tries one kind of object after another, but only as long as it gets a 404.
    Err(Refusal::not_found(kind.missing(&object.escape_debug().to_string())))
}

/// Whether the text has only letters, digits and `punctuation`, and starts with a letter or digit.
fn is_word(text: &str, punctuation: &[u8]) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || punctuation.contains(&byte))
}
