//! Finds the object that a call is about.
//!
//! dockerd finds an object by its name or by the beginning of its id. The broker asks dockerd once, and
//! then puts the full id into the request. So no caller can move the name to another object in the
//! meantime. This file must not know who calls.

mod container;
mod defaults;
mod exec;
mod image;
mod inspected;
mod network;
mod volume;

use crate::api::class::Class;
use crate::api::operation::{ExecOperation, ImageOperation, Operation};
use crate::api::request::{ApiVersion, Head};
use crate::api::route::ObjectKind;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
pub(crate) use audit_host::options::bind::is_name;

pub(crate) use container::{Container, container, may_be_container};
use container::{is_entered, unreadable};
pub(crate) use defaults::{Defaults, defaults};
use exec::exec;
pub(crate) use exec::{Exec, exit_code};
pub(crate) use image::{Image, NamedImage, image, image_for};
pub(crate) use inspected::{Resolved, resolve};
pub(crate) use network::{Network, may_be_network, members, network};
pub(crate) use volume::{Volume, make_volume, volume};

/// The object that a call is about.
#[derive(Debug)]
pub(crate) enum Object {
    /// The path names no object.
    None,
    Container(Container),
    /// A process in a container.
    Exec(Exec),
    Network(Network),
    Image(NamedImage),
    Volume(Volume),
    /// A plugin or an object of the swarm, by the caller's own name for it.
    Named(String),
}

impl Object {
    /// The id that replaces the client's name in the request.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Container(container) => Some(&container.id),
            Self::Exec(exec) => Some(&exec.id),
            Self::Network(network) => Some(&network.id),
            Self::Image(image) => Some(&image.given),
            Self::Volume(volume) => Some(&volume.name),
            Self::Named(name) => Some(name),
        }
    }

    /// The container that the operation starts or enters. The caller then gets all access that the
    /// container has.
    pub(crate) fn entered(&self, operation: Operation) -> Option<&Container> {
        match operation {
            Operation::Container(operation) => {
                self.container().filter(|container| is_entered(operation, container))
            }
            Operation::Exec(operation) => self.entered_by_process(operation),
            Operation::System(_)
            | Operation::Registry(_)
            | Operation::Image(_)
            | Operation::Volume(_)
            | Operation::Network(_)
            | Operation::Build(_)
            | Operation::Plugin(_)
            | Operation::Swarm(_) => None,
        }
    }

    fn entered_by_process(&self, operation: ExecOperation) -> Option<&Container> {
        match operation {
            ExecOperation::Create => self.container().filter(|container| container.pid().is_some()),
            ExecOperation::Start => self.process().map(|exec| &exec.container),
            ExecOperation::Inspect | ExecOperation::Resize => None,
        }
    }

    /// The container, if the path names one.
    pub(crate) const fn container(&self) -> Option<&Container> {
        match self {
            Self::Container(container) => Some(container),
            Self::None
            | Self::Exec(_)
            | Self::Network(_)
            | Self::Image(_)
            | Self::Volume(_)
            | Self::Named(_) => None,
        }
    }

    /// The process in a container, if the path names one.
    pub(crate) const fn process(&self) -> Option<&Exec> {
        match self {
            Self::Exec(exec) => Some(exec),
            Self::None
            | Self::Container(_)
            | Self::Network(_)
            | Self::Image(_)
            | Self::Volume(_)
            | Self::Named(_) => None,
        }
    }
}

/// Finds the object that the path of a request names.
///
/// # Errors
/// If dockerd cannot be reached.
async fn named(
    head: &Head,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Object>, Unreachable> {
    let Some(name) = head.object.as_deref() else { return Ok(Found::Yes(Object::None)) };
    Ok(match head.route.object {
        ObjectKind::Container => {
            let found = match container(name, version, upstream).await {
                Err(error) => Found::Yes(unreadable(head, name, error)?),
                Ok(found) => found,
            };
            found.map(Object::Container)
        }
        ObjectKind::Exec => exec(name, version, upstream).await?.map(Object::Exec),
        ObjectKind::Network => {
            let scope = head.query.text("scope");
            network(name, scope, version, upstream).await?.map(Object::Network)
        }
        ObjectKind::Volume => volume(name, version, upstream).await?.map(Object::Volume),
        // An image in a registry need not exist on this host.
        ObjectKind::Image if head.route.class == Class::RegistryRead => {
            Found::Yes(Object::Named(name.to_owned()))
        }
        ObjectKind::Image if head.route.operation == Operation::Image(ImageOperation::Push) => {
            let pushed = image::pushed(name, head.query.text("tag"), version, upstream).await?;
            pushed.map(|image| Object::Image(NamedImage { given: name.to_owned(), image }))
        }
        ObjectKind::Image => image(name, version, upstream).await?.map(|image| {
            let given = match head.route.operation {
                // The full name, so that dockerd does not take a name for an id.
                Operation::Image(ImageOperation::Remove) => {
                    image.tag_of(name).unwrap_or_else(|| name.to_owned())
                }
                Operation::Image(ImageOperation::Save) => image.exported(name),
                Operation::System(_)
                | Operation::Registry(_)
                | Operation::Build(_)
                | Operation::Container(_)
                | Operation::Exec(_)
                | Operation::Image(_)
                | Operation::Volume(_)
                | Operation::Network(_)
                | Operation::Plugin(_)
                | Operation::Swarm(_) => name.to_owned(),
            };
            Object::Image(NamedImage { given, image })
        }),
        ObjectKind::None
        | ObjectKind::Plugin
        | ObjectKind::Node
        | ObjectKind::Service
        | ObjectKind::Task
        | ObjectKind::Secret
        | ObjectKind::Config => Found::Yes(Object::Named(name.to_owned())),
    })
}
