//! Every route of the docker API: what it does, to what, and what it takes.
//!
//! Knows the tables below it, one for each kind of object. What is not in a table is not passed on:
//! the broker would not know what it records. Called by the head parser.

mod container;
mod image;
mod network;
mod parameter;
mod plugin;
mod swarm;
mod system;
mod volume;

use super::class::Class;
use super::operation::Operation;
pub(crate) use parameter::{Parameter, ParameterKind};

/// A method and path of the docker API.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The path without version; `{id}` and `{name}` stand for one object.
    pub(crate) path: &'static str,
    pub(crate) class: Class,
    pub(crate) operation: Operation,
    pub(crate) object: ObjectKind,
    pub(crate) query: &'static [Parameter],
    pub(crate) body: BodyKind,
    pub(crate) answer: AnswerKind,
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

/// What the path names.
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

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// No body; one that is there is refused, or not forwarded where a client is known to send one.
    None,
    /// An archive or another stream of bytes, passed on as it comes.
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

/// How the answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    /// A document of known end.
    Plain,
    /// A stream that may be without end: logs, events, an archive.
    Stream,
    /// Lines of JSON that tell of progress, and of an error at their end: pull, build, load.
    Progress,
    /// The connection becomes a raw stream, both ways.
    Hijack,
    /// The connection becomes a web socket.
    WebSocket,
    /// The connection becomes HTTP/2, which the broker cannot read.
    Http2,
}

/// The tables in the order in which they are searched.
const TABLES: &[&[Route]] = &[
    system::ROUTES,
    container::ROUTES,
    image::ROUTES,
    volume::ROUTES,
    network::ROUTES,
    plugin::ROUTES,
    swarm::ROUTES,
];

/// Every route once.
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
            answer: AnswerKind::Plain,
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

    const fn answers(self, answer: AnswerKind) -> Self {
        Self { answer, ..self }
    }

    /// The parameter of this name, exactly.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.query.iter().find(|parameter| parameter.name == name)
    }
}

impl Method {
    /// The method of this name; docker has no others.
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
    /// Whether the object's name may hold slashes, as references to images do.
    pub(crate) fn has_segments(self) -> bool {
        matches!(self, Self::Image | Self::Plugin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_route_is_there_once_and_well_formed() {
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
    fn a_class_that_reads_only_takes_no_body() {
        for route in all().filter(|route| route.class.reads_only()) {
            assert_eq!(route.body, BodyKind::None, "{}", route.path);
            assert!(matches!(route.method, Method::Get | Method::Head), "{}", route.path);
        }
    }
}
