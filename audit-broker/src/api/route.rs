//! Every route of the docker API: its operation, its object, and the query and body that it takes.
//!
//! The tables below this file hold the routes, one table for each kind of object. The broker refuses a
//! request without a route, because it could not tell what to record. The head parser looks routes up.

mod container;
mod image;
mod network;
mod parameter;
mod plugin;
mod swarm;
mod system;
mod volume;

use audit_host::image_name::no_such_image;

use super::class::Class;
use super::operation::Operation;
pub(crate) use parameter::{Parameter, ParameterKind};

/// A method and path of the docker API.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The path without the version; `{id}` and `{name}` stand for one object.
    pub(crate) path: &'static str,
    pub(crate) class: Class,
    pub(crate) operation: Operation,
    pub(crate) object: ObjectKind,
    pub(crate) query: &'static [Parameter],
    pub(crate) body: BodyKind,
    pub(crate) response: ResponseKind,
}

/// The methods of the docker API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
}

/// The kind of object that the path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    None,
    Container,
    Exec,
    Image,
    Volume,
    Network,
    Plugin,
    Node,
    Service,
    Task,
    Secret,
    Config,
}

/// The form of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// No body. The broker refuses a body, or drops it where a known client sends one.
    None,
    /// An archive or another stream of bytes, forwarded as it comes.
    Stream,
    Auth,
    ContainerCreate,
    ContainerUpdate,
    Commit,
    ExecCreate,
    ExecStart,
    VolumeCreate,
    VolumeUpdate,
    NetworkCreate,
    NetworkConnect,
    NetworkDisconnect,
    PluginPrivileges,
    PluginSet,
    SwarmInit,
    SwarmJoin,
    SwarmUpdate,
    SwarmUnlock,
    NodeUpdate,
    Service,
    Secret,
    Config,
}

/// The format of a body on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    None,
    Stream,
    Json,
}

impl BodyKind {
    pub(crate) const fn format(self) -> BodyFormat {
        match self {
            Self::None => BodyFormat::None,
            Self::Stream => BodyFormat::Stream,
            Self::Auth
            | Self::ContainerCreate
            | Self::ContainerUpdate
            | Self::Commit
            | Self::ExecCreate
            | Self::ExecStart
            | Self::VolumeCreate
            | Self::VolumeUpdate
            | Self::NetworkCreate
            | Self::NetworkConnect
            | Self::NetworkDisconnect
            | Self::PluginPrivileges
            | Self::PluginSet
            | Self::SwarmInit
            | Self::SwarmJoin
            | Self::SwarmUpdate
            | Self::SwarmUnlock
            | Self::NodeUpdate
            | Self::Service
            | Self::Secret
            | Self::Config => BodyFormat::Json,
        }
    }
}

/// The form of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseKind {
    /// A document of limited length.
    Plain,
    /// A stream that may be endless or large: logs, events, an archive.
    Stream,
    /// Lines of JSON that show progress, and an error at the end: pull, build, load.
    Progress,
    /// The connection becomes a raw stream, both ways.
    Hijack,
    /// The connection becomes a WebSocket.
    WebSocket,
    /// The connection becomes HTTP/2, which the broker cannot read.
    Http2,
}

/// The tables in the order of the search.
const TABLES: &[&[Route]] = &[
    system::ROUTES,
    container::ROUTES,
    image::ROUTES,
    volume::ROUTES,
    network::ROUTES,
    plugin::ROUTES,
    swarm::ROUTES,
];

/// Every route, once.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().copied().flatten()
}

impl Route {
    const fn new(method: Method, path: &'static str, class: Class, operation: Operation) -> Self {
        Self {
            method,
            path,
            class,
            operation,
            object: ObjectKind::None,
            query: &[],
            body: BodyKind::None,
            response: ResponseKind::Plain,
        }
    }

    const fn get(path: &'static str, class: Class, operation: Operation) -> Self {
        Self::new(Method::Get, path, class, operation)
    }

    const fn head(path: &'static str, class: Class, operation: Operation) -> Self {
        Self::new(Method::Head, path, class, operation)
    }

    const fn post(path: &'static str, class: Class, operation: Operation) -> Self {
        Self::new(Method::Post, path, class, operation)
    }

    const fn put(path: &'static str, class: Class, operation: Operation) -> Self {
        Self::new(Method::Put, path, class, operation)
    }

    const fn delete(path: &'static str, class: Class, operation: Operation) -> Self {
        Self::new(Method::Delete, path, class, operation)
    }

    const fn of(self, object: ObjectKind) -> Self {
        Self { object, ..self }
    }

    const fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    const fn takes(self, body: BodyKind) -> Self {
        Self { body, ..self }
    }

    const fn responds(self, response: ResponseKind) -> Self {
        Self { response, ..self }
    }

    /// The parameter with exactly this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.query.iter().find(|parameter| parameter.name == name)
    }
}

impl Method {
    /// The method of this name; `None` if the docker API does not use it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "GET" => Some(Self::Get),
            "HEAD" => Some(Self::Head),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl ObjectKind {
    /// Whether the object's name may contain slashes: image references and networks have any number, and a
    /// linked container is called `CONTAINER/ALIAS`.
    pub(crate) fn has_segments(self) -> bool {
        matches!(self, Self::Image | Self::Plugin | Self::Network | Self::Container)
    }

    /// dockerd's words about an object that does not exist. `given` is the client's name for it.
    ///
    /// # Source
    /// `daemon/container.go`, `daemon/images/image.go`, `volume/service/errors.go` and
    /// `libnetwork/error.go` of moby.
    pub(crate) fn missing(self, given: &str) -> String {
        match self {
            Self::Container => format!("No such container: {given}"),
            Self::Exec => format!("No such exec instance: {given}"),
            Self::Image => no_such_image(given),
            Self::Volume => format!("get {given}: no such volume"),
            Self::Network => format!("network {given} not found"),
            Self::None
            | Self::Plugin
            | Self::Node
            | Self::Service
            | Self::Task
            | Self::Secret
            | Self::Config => format!("{given} not found"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_route_is_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for route in all() {
            assert!(seen.insert((route.method.name(), route.path)), "{}", route.path);
            let names_object = route.path.contains('{');
            assert_eq!(names_object, route.object != ObjectKind::None, "{}", route.path);
            let mut names = HashSet::new();
            assert!(route.query.iter().all(|p| names.insert(p.name)), "{}", route.path);
            assert_eq!(Method::from_name(route.method.name()), Some(route.method));
        }
    }

    #[test]
    fn routes_of_reading_classes_take_no_body() {
        for route in all().filter(|route| route.class.reads_only()) {
            assert_eq!(route.body, BodyKind::None, "{}", route.path);
            assert!(matches!(route.method, Method::Get | Method::Head), "{}", route.path);
        }
    }
}
