//! Groups records into calls.
//!
//! This file knows which records belong to one call: the request, the ways in which it gives access to the
//! host, a reported denial, the resources of a new container, and that container. The broker writes the
//! records of a login in one thread, and all records of a call at once. So the records that belong to a
//! request come directly after it.

use std::collections::HashMap;

use audit_core::Auid;

use super::record::{Record, RecordKind, Sender};
use crate::api::operation::{ContainerOperation, NetworkOperation, Operation, VolumeOperation};
use crate::owner::Owner;
use crate::who::principal::{owner_of, service_of};
use crate::who::subject::{ContainerSubject, Subject, container_ids};

/// One call.
#[derive(Debug)]
pub(super) struct RecordedCall {
    pub(super) caller: RecordedCaller,
    /// The owner of objects that the call creates, regardless of whether the caller was root.
    pub(super) owner: Owner,
    /// The operation; `None` if this version of the broker has no such operation.
    pub(super) operation: Option<Operation>,
    /// The name and id of a container.
    pub(super) vm: Option<String>,
    pub(super) uuid: Option<String>,
    /// An image.
    pub(super) sw: Option<String>,
    pub(super) volume: Option<String>,
    pub(super) network: Option<String>,
    /// Any other name.
    pub(super) name: Option<String>,
    /// The volumes and networks of a new container.
    pub(super) given: Vec<GivenObject>,
    /// The ways in which the call gives access to the host, as the records write them.
    pub(super) ways: Vec<String>,
    pub(super) is_denied: bool,
    pub(super) would_be_denied: bool,
    /// Whether a record shows the container that the call created.
    is_made: bool,
    spid: u32,
}

/// The caller in the records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RecordedCaller {
    /// A person, by login uid.
    User(u32),
    /// A systemd unit.
    Service(String),
    Container {
        id: String,
        name: String,
        image: String,
    },
}

/// A volume or network of a new container, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GivenObject {
    Volume(String),
    Network(String),
}

/// The operation that creates a container.
const CREATE: Operation = Operation::Container(ContainerOperation::Create);

/// An object that a call makes and other calls then use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MadeKind {
    Container,
    Volume,
    Network,
}

/// The operations that make such an object.
const MAKING: [(Operation, MadeKind); 3] = [
    (CREATE, MadeKind::Container),
    (Operation::Volume(VolumeOperation::Create), MadeKind::Volume),
    (Operation::Network(NetworkOperation::Create), MadeKind::Network),
];

/// Groups records into calls.
pub(super) fn calls(records: &[Record]) -> Vec<RecordedCall> {
    let mut calls: Vec<RecordedCall> = Vec::new();
    let mut last: HashMap<Sender, usize> = HashMap::new();
    let mut given: HashMap<String, Vec<GivenObject>> = HashMap::new();
    for record in records.iter().filter(|record| !record.is_continuation()) {
        let op = record.word("op").unwrap_or_default();
        let index = last.get(&record.sender).copied();
        let belonging = index.and_then(|index| calls.get_mut(index));
        let belonging = belonging.filter(|call| call.fits(record));
        match (record.kind, op.strip_suffix("-request")) {
            (RecordKind::RoleChange, _) => {
                if let Some(call) = belonging {
                    call.ways.push(way(record));
                }
            }
            (RecordKind::RecordedCall, Some(op)) => match RecordedCall::of(record, op) {
                Some(call) => {
                    last.insert(record.sender, calls.len());
                    calls.push(call);
                }
                // Records that follow belong to no call.
                None => _ = last.remove(&record.sender),
            },
            (RecordKind::RecordedCall, None) if op == "would-deny" => {
                if let Some(call) = belonging {
                    call.would_be_denied = true;
                }
            }
            (RecordKind::RecordedCall, None) if record.word("reason") == Some("create") => {
                if let (Some(uuid), Some(object)) = (record.text("uuid"), GivenObject::of(record)) {
                    given.entry(uuid).or_default().push(object);
                }
            }
            (RecordKind::RecordedCall, None)
                if Operation::from_word(op) == Some(CREATE) && record.is_success() =>
            {
                let made = calls.iter_mut().rev().find(|call| call.became(record));
                if let (Some(call), Some(uuid)) = (made, record.text("uuid")) {
                    call.is_made = true;
                    call.vm = record.text("vm");
                    call.given = given.remove(&uuid).unwrap_or_default();
                    call.uuid = Some(uuid);
                }
            }
            _ => {}
        }
    }
    calls
}

impl RecordedCall {
    fn of(record: &Record, op: &str) -> Option<Self> {
        let subject = subject(record)?;
        let filled = |name| record.text(name).filter(|text| !text.is_empty() && text != "?");
        Some(Self {
            caller: RecordedCaller::of(&subject),
            owner: owner_of(&subject).without_root(),
            operation: Operation::from_word(op),
            vm: filled("vm"),
            uuid: record.text("uuid"),
            sw: filled("sw"),
            volume: filled("new-fs"),
            network: filled("new-net"),
            name: filled("name"),
            given: Vec::new(),
            ways: Vec::new(),
            is_denied: !record.is_success(),
            would_be_denied: false,
            is_made: false,
            spid: subject.pid,
        })
    }

    /// The kind of object that the call makes.
    pub(super) fn makes(&self) -> Option<MadeKind> {
        MAKING.iter().find(|(making, _)| self.operation == Some(*making)).map(|(_, kind)| *kind)
    }

    /// Whether the record has the same process and object as the request.
    fn fits(&self, record: &Record) -> bool {
        let vm = record.text("vm").filter(|vm| vm != "?");
        record.number("spid") == Some(self.spid)
            && vm == self.vm
            && record.text("uuid") == self.uuid
    }

    /// Whether this call may have created the container in the record.
    fn became(&self, record: &Record) -> bool {
        self.operation == Some(CREATE)
            && !self.is_made
            && !self.is_denied
            && record.number("spid") == Some(self.spid)
            && record.text("sw") == self.sw
            && (self.vm.is_none() || self.vm == record.text("vm"))
    }
}

/// The subject, as far as the record describes it; `None` if the record contradicts itself.
fn subject(record: &Record) -> Option<Subject> {
    let auid = record.number("sauid")?;
    // The kernel adds the login uid under which the broker writes: the subject's, or none.
    if record.sender.auid != Auid::UNSET && record.sender.auid != auid {
        return None;
    }
    let cgroup = record.text("cgroup").unwrap_or_default();
    let kind = record.word("kind")?;
    let container = match kind {
        "container" => Some(ContainerSubject {
            id: container_ids(cgroup.as_bytes()).next().unwrap_or_default().to_owned(),
            name: record
                .word("hostname")
                .filter(|name| *name != "?")
                .unwrap_or_default()
                .to_owned(),
            image: record.text("comm").unwrap_or_default(),
            ..ContainerSubject::default()
        }),
        _ => None,
    };
    Some(Subject {
        auid: Auid::from_raw(auid),
        is_namespaced: kind == "user-namespace",
        cgroup: cgroup.into_bytes(),
        container,
        ..Subject::unknown(record.number("spid")?, record.number("suid")?)
    })
}

impl RecordedCaller {
    fn of(subject: &Subject) -> Self {
        match (&subject.container, subject.trusted_login()) {
            (Some(container), _) => {
                let ContainerSubject { id, name, image, .. } = container.clone();
                Self::Container { id, name, image }
            }
            (None, Some(auid)) => Self::User(auid.number()),
            (None, None) => Self::Service(service_of(subject)),
        }
    }

    /// The owner whose objects are in this principal.
    pub(super) fn as_owner(&self) -> Owner {
        match self {
            Self::User(0) => Owner::Root,
            Self::User(auid) => Owner::login(*auid),
            Self::Service(unit) => Owner::Service { unit: unit.clone(), groups: Vec::new() },
            Self::Container { id, .. } => Owner::Container(id.clone()),
        }
    }
}

impl GivenObject {
    /// `None` for a path, which is not a volume, and for an anonymous volume, which docker creates with the
    /// container.
    fn of(record: &Record) -> Option<Self> {
        let named = |name| record.text(name).filter(|text| !matches!(text.as_str(), "" | "?"));
        match record.word("resrc")? {
            "fs" => named("new-fs").filter(|name| !name.starts_with('/')).map(Self::Volume),
            "net" => named("new-net").map(Self::Network),
            _ => None,
        }
    }
}

/// A way in which a call gives access to the host: `op=host-mount path=/`.
fn way(record: &Record) -> String {
    let mut way = format!("op={}", record.word("op").unwrap_or_default());
    for name in ["path", "device"] {
        if let Some(text) = record.text(name) {
            way = format!("{way} {name}={text}");
        }
    }
    match record.word("resrc") {
        Some(words) => format!("{way} resrc={words}"),
        None => way,
    }
}
