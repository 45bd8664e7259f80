//! The object of a call, in the fields under which auditors search for it.
//!
//! This file knows which part of a request names which object. It does not know the rest of a record.

use audit_core::CommandLine;
use audit_host::mask::Mask;

use crate::api::body::Body;
use crate::api::operation::{ContainerOperation, ExecOperation, Operation};
use crate::api::request::Query;
use crate::api::route::{BodyKind, ObjectKind};
use crate::api::task::ContainerSpec;
use crate::dockerd::object::{Container, Object};
use crate::judge::action::Action;
use crate::owner::shown_image;

use super::resource::ResourceRecord;
use super::{command_line, hide, hide_in_address};

/// The object of a call.
#[derive(Debug, Default)]
pub(super) struct CallObject {
    /// The name of a container.
    pub(super) vm: Option<String>,
    /// The id of a container.
    pub(super) uuid: Option<String>,
    /// The pid of a container's first process.
    pub(super) vm_pid: Option<u32>,
    /// An image or plugin.
    pub(super) sw: Option<String>,
    /// The command that a call runs in a container.
    pub(super) cmd: Option<CommandLine>,
    /// The command that starts with the call.
    pub(super) started: Option<CommandLine>,
    /// The user who runs that command, if the request names one.
    pub(super) acct: Option<String>,
    /// A volume or network.
    pub(super) resource: Option<ResourceRecord>,
    /// Any other name: of a service, or the new name of a container.
    pub(super) name: Option<String>,
    /// A path in a container, or an address.
    pub(super) path: Option<String>,
}

/// The name of a container that has none yet, as libvirt writes it.
pub(super) const UNNAMED: &str = "?";

impl CallObject {
    pub(super) fn of(action: &Action, mask: &Mask) -> Self {
        let query = |name| action.head.query.text(name).map(str::to_owned);
        let mut named = match &action.object {
            Object::None => Self::default(),
            Object::Container(container) => Self::of_container(container),
            Object::Exec(exec) => Self {
                acct: Some(exec.user.clone()).filter(|user| !user.is_empty()),
                ..Self::of_container(&exec.container)
            },
            Object::Network(network) => Self {
                resource: Some(ResourceRecord::Network(network.name.clone())),
                ..Self::default()
            },
            Object::Image(image) => Self::of_name(ObjectKind::Image, &image.given),
            Object::Volume(volume) => Self::of_name(ObjectKind::Volume, &volume.name),
            Object::Named(name) => Self::of_name(action.head.route.object, name),
        };
        if action.head.route.body == BodyKind::ContainerCreate {
            named.vm = Some(query("name").unwrap_or_else(|| UNNAMED.to_owned()));
        }
        if let Some(member) = &action.references.member {
            named.vm = Some(member.name().to_owned());
            named.uuid = Some(member.id.clone());
        }
        let command = action.command();
        named.cmd = (!command.is_empty()).then(|| command_line(&command, mask));
        let started = started(action);
        named.started = (!started.is_empty()).then(|| command_line(&started, mask));
        named.add_body(&action.body, mask);
        named.add_query(&action.head.query, mask);
        if action.head.route.body == BodyKind::ContainerCreate {
            named.name = None;
        }
        for text in [&mut named.vm, &mut named.sw, &mut named.name].into_iter().flatten() {
            *text = hide(text, mask);
        }
        named
    }

    fn of_container(container: &Container) -> Self {
        Self {
            vm: Some(container.name().to_owned()),
            uuid: Some(container.id.clone()),
            vm_pid: container.pid(),
            sw: Some(container.image().to_owned()).filter(|image| !image.is_empty()),
            ..Self::default()
        }
    }

    fn of_name(kind: ObjectKind, name: &str) -> Self {
        let name = name.to_owned();
        match kind {
            ObjectKind::Image | ObjectKind::Plugin => Self { sw: Some(name), ..Self::default() },
            ObjectKind::Volume => {
                let resource = ResourceRecord::file_system(name, None);
                Self { resource: Some(resource), ..Self::default() }
            }
            ObjectKind::None
            | ObjectKind::Container
            | ObjectKind::Exec
            | ObjectKind::Network
            | ObjectKind::Node
            | ObjectKind::Service
            | ObjectKind::Task
            | ObjectKind::Secret
            | ObjectKind::Config => Self { name: Some(name), ..Self::default() },
        }
    }

    /// Adds the names in the body.
    fn add_body(&mut self, body: &Body, mask: &Mask) {
        match body {
            Body::ContainerCreate(config) => {
                let labels = config.labels.as_ref();
                let shown = |image| labels.map_or(image, |labels| shown_image(image, labels));
                self.sw = config.image.as_deref().map(|image| shown(image).to_owned());
            }
            Body::ExecCreate(exec) => {
                self.acct = exec.user.clone().filter(|user| !user.is_empty());
            }
            Body::PluginSet(settings) => self.cmd = Some(command_line(settings, mask)),
            Body::VolumeCreate(volume) => {
                let source = volume.name.clone().filter(|name| !name.is_empty());
                let source = source.unwrap_or_else(|| UNNAMED.to_owned());
                self.resource = Some(ResourceRecord::file_system(source, None));
            }
            Body::NetworkCreate(network) => {
                let name = network.name.clone().unwrap_or_default();
                self.resource = Some(ResourceRecord::Network(name));
            }
            Body::Service(service) => {
                let task = service.task_template.as_ref();
                let container = task.and_then(|task| task.container_spec.as_ref());
                self.sw = container.and_then(|container| container.image.clone());
                self.name = service.name.clone().or(self.name.take());
                let words = |container: &ContainerSpec| {
                    let words = container.command.iter().chain(&container.args).flatten();
                    words.cloned().collect::<Vec<_>>()
                };
                let words = container.map(|container| words(container)).unwrap_or_default();
                self.cmd = (!words.is_empty()).then(|| command_line(&words, mask));
            }
            Body::Secret(secret) => self.name = secret.name.clone().or(self.name.take()),
            Body::Config(config) => self.name = config.name.clone().or(self.name.take()),
            Body::Auth(auth) => {
                let address = auth.serveraddress.as_deref();
                self.path = address.map(|address| hide_in_address(address, mask));
            }
            Body::None
            | Body::Stream
            | Body::ContainerUpdate(_)
            | Body::Commit(_)
            | Body::ExecStart(_)
            | Body::VolumeUpdate(_)
            | Body::NetworkConnect(_)
            | Body::NetworkDisconnect(_)
            | Body::PluginPrivileges(_)
            | Body::SwarmInit(_)
            | Body::SwarmJoin(_)
            | Body::SwarmUpdate(_)
            | Body::SwarmUnlock(_)
            | Body::NodeUpdate(_) => {}
        }
    }

    /// Adds the names in the query: an image, a new name, a path.
    fn add_query(&mut self, query: &Query, mask: &Mask) {
        let text = |name| query.text(name).map(str::to_owned);
        let address = |name| query.text(name).map(|address| hide_in_address(address, mask));
        let tag = |image: String, tag| match text(tag) {
            Some(tag) if tag.contains(':') => format!("{image}@{tag}"),
            Some(tag) => format!("{image}:{tag}"),
            None => image,
        };
        let joined = |name| {
            let all: Vec<&str> = query.all(name).collect();
            (!all.is_empty()).then(|| all.join(" "))
        };
        if let Some(image) = text("fromImage") {
            self.sw = Some(tag(image, "tag"));
        } else if let Some(source) = address("fromSrc") {
            self.path = Some(source);
        }
        if let Some(repository) = text("repo") {
            self.name = Some(tag(repository, "tag"));
        } else if text("fromImage").is_none() {
            self.sw = self.sw.take().map(|image| tag(image, "tag"));
        }
        let images = joined("t").or_else(|| joined("names"));
        if self.sw.is_none() {
            self.sw = images;
        }
        let path = text("path").or_else(|| address("remote")).or_else(|| text("ps_args"));
        self.path = path.or(self.path.take());
        self.name = text("name").or(self.name.take());
    }
}

/// The command that runs in a container from this call on.
fn started(action: &Action) -> Vec<String> {
    match (action.head.route.operation, &action.object) {
        (
            Operation::Container(ContainerOperation::Start | ContainerOperation::Restart),
            Object::Container(container),
        ) => container.command(),
        (Operation::Exec(ExecOperation::Start), Object::Exec(exec)) => exec.command.clone(),
        _ => Vec::new(),
    }
}
