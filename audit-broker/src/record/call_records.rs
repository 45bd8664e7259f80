//! The records of a call.
//!
//! Knows which records say that somebody asked for something and what came of it, and in which
//! order readers need their fields. Sends nothing.
//!
//! - `VIRT_CONTROL` for what is done with containers and the daemon: the type that `ausearch`
//!   renders with operation and container.
//! - `VIRT_RESOURCE` for volumes and networks, and for what a container is given.
//! - `SOFTWARE_UPDATE` for what changes images: `VIRT_CREATE` and `VIRT_DESTROY` are rendered
//!   without any object, this one with the image.
//! - `USER_ROLE_CHANGE` in addition for what yields the host.
//!
//! What is asked for has `op=start-request`, what came of it `op=start`: `auvirt` takes each
//! `op=start` for a start.

mod hidden;
mod resource;

use std::path::Path;

use audit_core::{Auid, CommandLine, Field, Origin, Outcome, Record, RecordType, Session};
use audit_host::host_access::HostAccess;
use audit_host::mask::Mask;

use crate::api::body::Body;
use crate::api::class::Class;
use crate::api::request::{Head, Query};
use crate::api::route::{BodyKind, ObjectKind};
use crate::api::task::ContainerSpec;
use crate::dockerd::object::Object;
use crate::judge::action::Action;
use crate::owner::shown_image;
use crate::record::journal::JournalLine;
use crate::record::outcome::CallOutcome;
use crate::record::refusal_rate::LeftOut;
use crate::who::subject::Subject;
pub(crate) use hidden::refused_target;
use hidden::{command_line, hide, hide_in_address};
use resource::ResourceRecord;

/// What the records of one call say.
pub(crate) struct CallRecords<'a> {
    subject: &'a Subject,
    class: Class,
    op: &'static str,
    /// `op` of the record that says that it was asked for.
    request_op: String,
    object: CallObject,
    host_access: &'a [HostAccess],
    /// What a container is given, told when it is there.
    resources: Vec<ResourceRecord>,
}

/// What the call is about, by the names under which it is searched for.
#[derive(Debug, Default)]
struct CallObject {
    /// A container's name.
    vm: Option<String>,
    /// A container's id.
    uuid: Option<String>,
    /// A container's first process.
    vm_pid: Option<u32>,
    /// An image.
    sw: Option<String>,
    /// What is run in a container, and as whom if that is said.
    cmd: Option<CommandLine>,
    acct: Option<String>,
    /// A volume or network.
    resource: Option<ResourceRecord>,
    /// Anything else that has a name: a plugin, a service, the new name of a container.
    name: Option<String>,
    /// A path in a container.
    path: Option<String>,
}

/// How much of each value the record of a refusal holds, in bytes, if it does not fit as a whole:
/// what nobody does costs the caller nothing, and is not to wash other records out of the log.
const REFUSED_LIMIT_BYTES: usize = 4096;

/// In place of the name of a container that has none yet, as libvirt writes it.
const UNNAMED: &str = "?";

impl<'a> CallRecords<'a> {
    /// The records of a call that has these ways to the host. The mask says how secrets are hidden.
    pub(crate) fn new(action: &'a Action, ways: &'a [HostAccess], mask: &Mask) -> Self {
        let route = action.head.route;
        Self {
            subject: &action.subject,
            class: route.class,
            op: route.operation.word(),
            request_op: format!("{}-request", route.operation),
            object: CallObject::of(action, mask),
            host_access: ways,
            resources: match &action.body {
                Body::ContainerCreate(config) => {
                    ResourceRecord::of_container(config, &action.references, mask)
                }
                Body::ContainerUpdate(config) => {
                    ResourceRecord::of_update(config).into_iter().collect()
                }
                _ => Vec::new(),
            },
        }
    }

    /// What is written before the call is made, with the policy that permits it.
    pub(crate) fn of_request<'b>(&'b self, policy: Option<&'b str>) -> Vec<Record<'b>> {
        let record_type = record_type(self.class);
        let call = self.call(record_type, &self.request_op, policy, None);
        self.with_role_changes(call, Outcome::Success)
    }

    /// What is written of a call that is denied. All denials have one type, so that one search finds
    /// them, whatever they are about.
    pub(crate) fn of_denial<'b>(&'b self, reason: &'b str) -> Vec<Record<'b>> {
        let denied = RecordType::VIRT_CONTROL;
        let call = self.call(denied, &self.request_op, Some(reason), None);
        let records = self.with_role_changes(call, Outcome::Failed).into_iter();
        records.map(|record| record.limit_values(REFUSED_LIMIT_BYTES)).collect()
    }

    /// What is written of a call that would be denied if denials counted.
    pub(crate) fn of_report<'b>(&'b self, reason: &'b str) -> Record<'b> {
        let denied = RecordType::VIRT_CONTROL;
        self.call(denied, "would-deny", Some(reason), None).outcome(Outcome::Success)
    }

    fn with_role_changes<'b>(&'b self, call: Record<'b>, outcome: Outcome) -> Vec<Record<'b>> {
        let role_changes = self.host_access.iter().map(|way| self.role_change(way, outcome));
        std::iter::once(call.outcome(outcome)).chain(role_changes).collect()
    }

    /// What is written when it is known what came of it.
    pub(crate) fn of_outcome<'b>(
        &'b self,
        came: CallOutcome,
        made: Option<&'b MadeObject>,
    ) -> Vec<Record<'b>> {
        let outcome = match came {
            CallOutcome::Done(_) => Outcome::Success,
            CallOutcome::Failed | CallOutcome::BrokenOff | CallOutcome::NotMade => Outcome::Failed,
        };
        let mut records = Vec::with_capacity(1);
        if outcome == Outcome::Success {
            records.extend(self.resources.iter().map(|resource| self.given(resource, made)));
        }
        let record = self.call(record_type(self.class), self.op, None, made);
        let record = match came {
            CallOutcome::Done(Some(exit)) => record.number(Field::EXIT, exit),
            CallOutcome::Done(None) | CallOutcome::Failed => record,
            CallOutcome::BrokenOff => record.word(Field::REASON, "broken-off"),
            CallOutcome::NotMade => record.word(Field::REASON, "not-recorded"),
        };
        records.push(record.outcome(outcome));
        records
    }

    /// The line for the journal: what is asked of the daemon behind its socket. More people read the
    /// journal than the trail, so it has no digests of what is hidden.
    pub(crate) fn journal_line(action: &Action, upstream: &Path) -> JournalLine {
        let named = CallObject::of(action, &Mask::default());
        let CallObject { vm, sw, cmd, name, path, resource, .. } = &named;
        let mut arguments = vec![action.head.route.operation.word().as_bytes().to_vec()];
        let texts = [vm, sw, name, path].into_iter().flatten();
        arguments.extend(texts.map(|text| text.as_bytes().to_vec()));
        arguments.extend(resource.as_ref().map(|resource| resource.name().as_bytes().to_vec()));
        arguments.extend(cmd.iter().map(|line| line.as_bytes().to_vec()));
        JournalLine::new(&action.subject, upstream, arguments)
    }

    /// The call itself.
    fn call<'b>(
        &'b self,
        record_type: RecordType,
        op: &'b str,
        reason: Option<&'b str>,
        made: Option<&'b MadeObject>,
    ) -> Record<'b> {
        let object = &self.object;
        let mut record = Record::new(record_type).word(Field::VIRT, "docker").word(Field::OP, op);
        if let Some(reason) = reason {
            record = record.word(Field::REASON, reason);
        }
        let record = match &object.resource {
            Some(resource) => record.word(Field::RESRC, resource.word()),
            None => record,
        };
        let mut record = self.container(record, made);
        if let Some(sw) = &object.sw {
            record = record.untrusted(Field::SW, sw);
            if record.record_type() == RecordType::SOFTWARE_UPDATE {
                let is_plugin = self.class == Class::Plugin;
                let sw_type = if is_plugin { "docker-plugin" } else { "docker-image" };
                record = record.word(Field::SW_TYPE, sw_type);
            }
        }
        if let Some(resource) = &object.resource {
            record = resource.describe(record);
        }
        if let Some(name) = &object.name {
            record = record.untrusted(Field::NAME, name);
        }
        if let Some(path) = &object.path {
            record = record.untrusted(Field::PATH, path);
        }
        if let Some(acct) = &object.acct {
            record = record.untrusted(Field::ACCT, acct);
        }
        if let Some(cmd) = &object.cmd {
            record = record.command_line(Field::CMD, cmd);
        }
        by(record, self.subject)
    }

    fn container<'b>(&'b self, mut record: Record<'b>, made: Option<&'b MadeObject>) -> Record<'b> {
        let name = made.and_then(|made| made.name.as_ref()).or(self.object.vm.as_ref());
        if let Some(vm) = name {
            record = record.untrusted(Field::VM, vm);
        }
        if let Some(uuid) = made.map(|made| &made.id).or(self.object.uuid.as_ref()) {
            record = record.word(Field::UUID, uuid);
        }
        if let Some(pid) = self.object.vm_pid {
            record = record.number(Field::VM_PID, pid);
        }
        record
    }

    /// One thing that a container is given.
    fn given<'b>(
        &'b self,
        resource: &'b ResourceRecord,
        made: Option<&'b MadeObject>,
    ) -> Record<'b> {
        let record = Record::new(RecordType::VIRT_RESOURCE)
            .word(Field::VIRT, "docker")
            .word(Field::RESRC, resource.word())
            .word(Field::REASON, self.op);
        let record = resource.describe(self.container(record, made));
        by(record, self.subject).outcome(Outcome::Success)
    }

    fn role_change<'b>(&'b self, way: &'b HostAccess, outcome: Outcome) -> Record<'b> {
        let record = self.container(way.role_change(self.subject.label.as_deref()), None);
        by(record, self.subject).outcome(outcome)
    }
}

/// What a call has brought into being.
#[derive(Clone, Debug)]
pub(crate) struct MadeObject {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
}

/// Of a request that is not understood, or comes from nobody who is known.
pub(crate) fn of_refused<'a>(
    subject: &'a Subject,
    target: Option<&'a str>,
    reason: &'static str,
) -> Record<'a> {
    let record = Record::new(RecordType::VIRT_CONTROL)
        .word(Field::VIRT, "docker")
        .word(Field::OP, "refuse")
        .word(Field::REASON, reason);
    let record = match target {
        Some(target) => record.untrusted(Field::PATH, target),
        None => record,
    };
    by(record, subject).outcome(Outcome::Failed).limit_values(REFUSED_LIMIT_BYTES)
}

/// Of refusals that have no record of their own.
pub(crate) fn of_left_out(left_out: &LeftOut) -> Record<'_> {
    let record = Record::new(RecordType::VIRT_CONTROL)
        .word(Field::VIRT, "docker")
        .word(Field::OP, "refuse")
        .word(Field::REASON, "too-many")
        .number(Field::ENTRIES, left_out.count);
    by(record, &left_out.subject).outcome(Outcome::Failed)
}

/// Of a call about something that is not there.
pub(crate) fn of_missing<'a>(subject: &'a Subject, head: &'a Head) -> Record<'a> {
    let record = Record::new(record_type(head.route.class))
        .word(Field::VIRT, "docker")
        .word(Field::OP, head.route.operation.word())
        .word(Field::REASON, "not-found");
    let name = head.object.as_deref().unwrap_or(UNNAMED);
    let record = by(record.untrusted(Field::VM, name), subject).outcome(Outcome::Failed);
    record.limit_values(REFUSED_LIMIT_BYTES)
}

/// Says who calls, as the kernel knows them. Of a container that calls, the name is where they are
/// and the image what they run, so that `ausearch -hn` and `ausearch -c` find what it does.
fn by<'a>(record: Record<'a>, subject: &'a Subject) -> Record<'a> {
    let mut record = record
        .word(Field::KIND, subject.kind())
        .number(Field::SPID, subject.pid)
        .number(Field::SUID, subject.uid)
        .number(Field::SAUID, subject.auid.map_or(UNSET, Auid::number))
        .number(Field::OSES, subject.session.map_or(UNSET, Session::number));
    if let Some(container) = &subject.container {
        let hostname = Some(container.name.as_bytes());
        record = record.origin(Some(Origin { hostname, addr: None }));
        record = record.untrusted(Field::COMM, &container.image);
    }
    if subject.trusted_login().is_none() && !subject.cgroup.is_empty() {
        record = record.untrusted(Field::CGROUP, &subject.cgroup);
    }
    record.exe(subject.exe.as_deref()).terminal(subject.terminal.as_ref().map(String::as_bytes))
}

/// How the kernel writes an auid or session that is unset, and `ausearch -i` reads it back.
const UNSET: u32 = u32::MAX;

/// Each type is the one that `ausearch` renders with the object of the call.
const fn record_type(class: Class) -> RecordType {
    match class {
        Class::ImagePull
        | Class::ImageLoad
        | Class::ImageName
        | Class::ImageDelete
        | Class::Build
        | Class::BuildSession
        | Class::Plugin => RecordType::SOFTWARE_UPDATE,
        Class::Volume | Class::Network => RecordType::VIRT_RESOURCE,
        _ => RecordType::VIRT_CONTROL,
    }
}

impl CallObject {
    fn of(action: &Action, mask: &Mask) -> Self {
        let query = |name| action.head.query.text(name).map(str::to_owned);
        let mut named = match &action.object {
            Object::None => Self::default(),
            Object::Container(container) => Self::of_container(container),
            Object::Exec(exec) => Self::of_container(&exec.container),
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

    fn of_container(container: &crate::dockerd::object::Container) -> Self {
        Self {
            vm: Some(container.name().to_owned()),
            uuid: Some(container.id.clone()),
            vm_pid: container.pid(),
            sw: Some(container.image().to_owned()).filter(|image| !image.is_empty()),
            ..Self::default()
        }
    }
}

impl CallObject {
    fn of_name(kind: ObjectKind, name: &str) -> Self {
        let name = name.to_owned();
        match kind {
            ObjectKind::Image | ObjectKind::Plugin => Self { sw: Some(name), ..Self::default() },
            ObjectKind::Volume => {
                let resource = ResourceRecord::file_system(name, None);
                Self { resource: Some(resource), ..Self::default() }
            }
            _ => Self { name: Some(name), ..Self::default() },
        }
    }

    /// What the body names.
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
            _ => {}
        }
    }

    /// What the query names: an image, a new name, a path.
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

#[cfg(test)]
mod tests;
