//! The records of a call: their types, their fields and the order of the fields.
//!
//! This file knows which records describe a request and its outcome, and which order of fields readers
//! need. It does not send records.
//!
//! - `VIRT_CONTROL` for operations on containers and dockerd itself. `ausearch` renders this type with
//!   operation and container.
//! - `VIRT_RESOURCE` for volumes and networks, and for each resource that a container gets.
//! - `SOFTWARE_UPDATE` for operations that change images. `ausearch` renders this type with the image,
//!   but renders `VIRT_CREATE` and `VIRT_DESTROY` without any object.
//! - `USER_ROLE_CHANGE` in addition, for each way in which the call gives access to the host.
//! - `USER_CMD` in addition, for each command that a call starts in a container, because readers decode
//!   a command in this type only.
//!
//! A request has `op=start-request`, and its outcome has `op=start`, because `auvirt` counts each
//! `op=start` as a start.

mod automatic;
mod object;
mod redaction;
mod resource;

use std::path::Path;

use audit_core::{Auid, Field, Origin, Outcome, Record, RecordType, Session};
use audit_host::host_access::HostAccess;
use audit_host::mask::Mask;

use crate::api::body::Body;
use crate::api::class::Class;
use crate::api::request::Head;
use crate::judge::action::Action;
use crate::record::journal::JournalLine;
use crate::record::outcome::CallOutcome;
use crate::record::refusal_rate::LeftOut;
use crate::who::subject::Subject;
pub(crate) use automatic::{Automatic, AutomaticKind, SIGKILL_EXIT};
use object::{CallObject, UNNAMED};
pub(crate) use redaction::refused_target;
use redaction::{command_line, hide, hide_in_address};
use resource::ResourceRecord;

/// The facts about one call from which its records are made.
#[derive(Debug)]
pub(crate) struct CallRecords<'a> {
    subject: &'a Subject,
    class: Class,
    op: &'static str,
    /// The `op=` of the record of the request.
    request_op: String,
    object: CallObject,
    host_access: &'a [HostAccess],
    /// The resources that a container gets. They are recorded after the container exists.
    resources: Vec<ResourceRecord>,
}

/// Longest value in the record of a refusal, in bytes, if the record is too long otherwise. A refused
/// request costs the caller nothing, so its records must not push other records out of the log.
const REFUSED_LIMIT_BYTES: usize = 4096;

impl<'a> CallRecords<'a> {
    /// The records of a call that gives access to the host in these ways. `mask` hides secrets.
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
                Body::None
                | Body::Stream
                | Body::Auth(_)
                | Body::Commit(_)
                | Body::ExecCreate(_)
                | Body::ExecStart(_)
                | Body::VolumeCreate(_)
                | Body::VolumeUpdate(_)
                | Body::NetworkCreate(_)
                | Body::NetworkConnect(_)
                | Body::NetworkDisconnect(_)
                | Body::PluginPrivileges(_)
                | Body::PluginSet(_)
                | Body::SwarmInit(_)
                | Body::SwarmJoin(_)
                | Body::SwarmUpdate(_)
                | Body::SwarmUnlock(_)
                | Body::NodeUpdate(_)
                | Body::Service(_)
                | Body::Secret(_)
                | Body::Config(_) => Vec::new(),
            },
        }
    }

    /// The records of one name that the archive of the call gives.
    pub(crate) fn of_name(mut self, name: &str) -> Self {
        self.object.sw = Some(name.to_owned());
        self
    }

    /// The records written before the broker forwards the call, with the policy that allows it.
    pub(crate) fn of_request<'b>(&'b self, policy: Option<&'b str>) -> Vec<Record<'b>> {
        let record_type = record_type(self.class);
        let call = self.call(record_type, &self.request_op, policy, None);
        self.with_role_changes(call, Outcome::Success)
    }

    /// The records of a denied call. All denials have the same type, so that one search finds all of
    /// them.
    pub(crate) fn of_denial<'b>(&'b self, reason: &'b str) -> Vec<Record<'b>> {
        let denied = RecordType::VIRT_CONTROL;
        let call = self.call(denied, &self.request_op, Some(reason), None);
        let records = self.with_role_changes(call, Outcome::Failed).into_iter();
        records.map(|record| record.limit_values(REFUSED_LIMIT_BYTES)).collect()
    }

    /// The record of an allowed call that would be denied if policies in report mode were enforced.
    pub(crate) fn of_report<'b>(&'b self, reason: &'b str) -> Record<'b> {
        let denied = RecordType::VIRT_CONTROL;
        self.call(denied, "would-deny", Some(reason), None).outcome(Outcome::Success)
    }

    fn with_role_changes<'b>(&'b self, call: Record<'b>, outcome: Outcome) -> Vec<Record<'b>> {
        let role_changes = self.host_access.iter().map(|way| self.role_change(way, outcome));
        std::iter::once(call.outcome(outcome)).chain(role_changes).collect()
    }

    /// The records written when the outcome is known.
    pub(crate) fn of_outcome<'b>(
        &'b self,
        call_outcome: CallOutcome,
        made: Option<&'b MadeObject>,
    ) -> Vec<Record<'b>> {
        let outcome = match call_outcome {
            CallOutcome::Done(_) | CallOutcome::Unchanged | CallOutcome::LeftOff => {
                Outcome::Success
            }
            CallOutcome::Failed | CallOutcome::BrokenOff | CallOutcome::NotMade => Outcome::Failed,
        };
        let mut records = Vec::with_capacity(1);
        if outcome == Outcome::Success {
            records.extend(self.resources.iter().map(|resource| self.given(resource, made)));
        }
        let record = self.call(record_type(self.class), self.op, None, made);
        let record = match call_outcome {
            CallOutcome::Done(Some(exit)) => record.number(Field::EXIT, exit),
            CallOutcome::Done(None) | CallOutcome::Unchanged | CallOutcome::Failed => record,
            CallOutcome::BrokenOff | CallOutcome::LeftOff => {
                record.word(Field::REASON, "broken-off")
            }
            CallOutcome::NotMade => record.word(Field::REASON, "not-recorded"),
        };
        records.push(record.outcome(outcome));
        records
    }

    /// The record of the command that the call has started in a container.
    pub(crate) fn of_command(&self) -> Option<Record<'_>> {
        let command = self.object.started.as_ref()?;
        let record =
            Record::new(RecordType::USER_CMD).word(Field::VIRT, "docker").word(Field::OP, self.op);
        let mut record = self.container(record, None);
        if let Some(acct) = &self.object.acct {
            record = record.untrusted(Field::ACCT, acct);
        }
        let record = record.command_line(Field::CMD, command);
        Some(by(record, self.subject).outcome(Outcome::Success))
    }

    /// The line for the journal. More people can read the journal than the audit trail, so hidden values
    /// have no digests here.
    pub(crate) fn journal_line(action: &Action, upstream: &Path) -> JournalLine {
        let object = CallObject::of(action, &Mask::default());
        let CallObject { vm, sw, cmd, name, path, resource, .. } = &object;
        let mut arguments = vec![action.head.route.operation.word().as_bytes().to_vec()];
        let texts = [vm, sw, name, path].into_iter().flatten();
        arguments.extend(texts.map(|text| text.as_bytes().to_vec()));
        arguments.extend(resource.as_ref().map(|resource| resource.name().as_bytes().to_vec()));
        arguments.extend(cmd.iter().map(|line| line.as_bytes().to_vec()));
        JournalLine::new(&action.subject, upstream, arguments)
    }

    /// The record of the call itself.
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
            record = record.untrusted(Field::UUID, uuid);
        }
        if let Some(pid) = self.object.vm_pid {
            record = record.number(Field::VM_PID, pid);
        }
        record
    }

    /// The record of one resource that a container got.
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

/// An object that a call has created.
#[derive(Clone, Debug)]
pub(crate) struct MadeObject {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
}

/// The record of a request that the broker cannot parse, or whose caller it cannot identify.
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

/// The record that counts refusals without records of their own.
pub(crate) fn of_left_out(left_out: &LeftOut) -> Record<'_> {
    let record = Record::new(RecordType::VIRT_CONTROL)
        .word(Field::VIRT, "docker")
        .word(Field::OP, "refuse")
        .word(Field::REASON, "too-many")
        .number(Field::ENTRIES, left_out.count);
    by(record, &left_out.subject).outcome(Outcome::Failed)
}

/// The record of a call about an object that does not exist.
pub(crate) fn of_missing<'a>(subject: &'a Subject, head: &'a Head) -> Record<'a> {
    let record = Record::new(record_type(head.route.class))
        .word(Field::VIRT, "docker")
        .word(Field::OP, head.route.operation.word())
        .word(Field::REASON, "not-found");
    let name = head.object.as_deref().unwrap_or(UNNAMED);
    let record = by(record.untrusted(Field::VM, name), subject).outcome(Outcome::Failed);
    record.limit_values(REFUSED_LIMIT_BYTES)
}

/// Adds the caller, as the kernel identifies it. For a container that calls, the container's name is the
/// host name and its image is the command, so that `ausearch -hn` and `ausearch -c` find its calls.
fn by<'a>(record: Record<'a>, subject: &'a Subject) -> Record<'a> {
    let mut record = record
        .word(Field::KIND, subject.kind())
        .number(Field::SPID, subject.pid)
        .number(Field::SUID, subject.uid)
        .number(Field::SAUID, subject.auid.map_or(Auid::UNSET, Auid::number))
        .number(Field::OSES, subject.session.map_or(Session::UNSET, Session::number));
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

/// The record type that `ausearch` renders with the object of the call.
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
        Class::SystemProbe
        | Class::SystemRead
        | Class::Events
        | Class::RegistryAuth
        | Class::RegistryRead
        | Class::ContainerList
        | Class::ContainerView
        | Class::ContainerStats
        | Class::ContainerLogs
        | Class::ContainerFilesRead
        | Class::ContainerFilesWrite
        | Class::ContainerCreate
        | Class::ContainerState
        | Class::ContainerModify
        | Class::ContainerDelete
        | Class::Attach
        | Class::Exec
        | Class::ExecView
        | Class::ImageList
        | Class::ImageView
        | Class::ImageSave
        | Class::ImagePush
        | Class::VolumeView
        | Class::NetworkView
        | Class::PluginView
        | Class::SwarmView
        | Class::Swarm
        | Class::NodeView
        | Class::Node
        | Class::ServiceView
        | Class::ServiceLogs
        | Class::Service
        | Class::SecretView
        | Class::Secret
        | Class::ConfigView
        | Class::Config => RecordType::VIRT_CONTROL,
    }
}

#[cfg(test)]
mod tests;
