//! Open Cybersecurity Schema Framework: API Activity (6003) for calls, Process Activity (1007) for commands,
//! and Base Event (0) for what happened to sessions, services and the trail itself.
//!
//! # Source
//! OCSF 1.9, `events/` and `objects/` of its repository. The tests compare with an extract.

use audit_trail::{Action, Deed, Outcome, Recorder};
use serde_json::{Map, Value, json};

use super::super::wording::{self, text};
use super::{Change, Subject, action_word, exit, native, object, policy, reason, word};

/// The version that the documents follow.
const VERSION: &str = "1.9.0";

/// The classes in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Api,
    Process,
    Base,
}

impl Class {
    const fn of(deed: &Deed) -> Self {
        if matches!(deed.action, Action::Call(_) | Action::Refuse | Action::Unknown(_)) {
            Self::Api
        } else if matches!(deed.action, Action::Command) {
            Self::Process
        } else {
            Self::Base
        }
    }

    /// The numbers of the class and its category.
    const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Api => (6003, 6),
            Self::Process => (1007, 1),
            Self::Base => (0, 0),
        }
    }
}

pub(super) fn document(subject: &Subject<'_>) -> Map<String, Value> {
    let deed = subject.deed;
    let class = Class::of(deed);
    let (class_uid, category_uid) = class.numbers();
    let (activity_id, activity) = activity(deed, class);
    let mut document = object([
        ("class_uid", class_uid.into()),
        ("category_uid", category_uid.into()),
        ("activity_id", activity_id.into()),
        ("activity_name", activity.into()),
        ("type_uid", (class_uid * 100 + activity_id).into()),
        ("time", deed.stamp.time.millis().into()),
        ("message", format!("{}: {}", subject.who, wording::what(deed)).into()),
        ("metadata", metadata(subject).into()),
        ("actor", actor(subject).into()),
        ("device", endpoint(subject, true).into()),
        ("unmapped", unmapped(subject).into()),
    ]);
    document.extend(judgement(deed));
    match class {
        Class::Api => document.extend(api(subject)),
        Class::Process => document.extend(process(subject)),
        Class::Base => {}
    }
    document
}

/// The number and the caption of the activity. The caption of `Other` is the source's own word.
fn activity(deed: &Deed, class: Class) -> (u32, String) {
    let known = match (&deed.action, class) {
        (Action::Call(operation), _) => Some(match Change::of(*operation) {
            Change::Creation => (1, "Create"),
            Change::Read => (2, "Read"),
            Change::Update => (3, "Update"),
            Change::Deletion => (4, "Delete"),
        }),
        (_, Class::Process) => Some((1, "Launch")),
        (_, Class::Api | Class::Base) => None,
    };
    known.map_or_else(|| (99, action_word(deed)), |(id, name)| (id, name.to_owned()))
}

fn metadata(subject: &Subject<'_>) -> Map<String, Value> {
    object([
        ("version", VERSION.into()),
        ("product", json!({ "name": wording::recorder(subject.deed), "vendor_name": "audit-cli" })),
        ("uid", subject.id.clone().into()),
        ("sequence", subject.deed.stamp.serial.into()),
        ("log_name", "audit.log".into()),
        ("log_provider", "auditd".into()),
        ("profiles", json!(["host", "container", "security_control"])),
    ])
}

/// Severity, status, and what the policies decided.
fn judgement(deed: &Deed) -> Map<String, Value> {
    let is_unproven = deed.recorder == Recorder::Unproven;
    let is_denied = deed.outcome.is_denied();
    let (severity_id, severity) = match () {
        () if is_unproven => (5, "Critical"),
        () if is_denied => (3, "Medium"),
        () if !deed.access.is_empty() => (4, "High"),
        () if deed.would_deny.is_some() => (2, "Low"),
        () => (1, "Informational"),
    };
    let (status_id, status) = match &deed.outcome {
        _ if is_unproven => (99, "Unproven"),
        Outcome::Success { .. } => (1, "Success"),
        Outcome::Failed { .. } | Outcome::Denied { .. } | Outcome::Refused { .. } => (2, "Failure"),
        Outcome::Requested => (99, "Requested"),
        // A variant of a newer library.
        _ => (0, "Unknown"),
    };
    let is_allowed = deed.permitted_by.is_some() && !is_unproven;
    let (action_id, action, disposition_id, disposition) = match () {
        () if is_denied => (2, "Denied", 2, "Blocked"),
        () if deed.would_deny.is_some() => (3, "Observed", 15, "Detected"),
        () if is_allowed => (1, "Allowed", 1, "Allowed"),
        () => (3, "Observed", 17, "Logged"),
    };
    let policy = policy(deed).filter(|_| !is_unproven);
    object([
        ("severity_id", severity_id.into()),
        ("severity", severity.into()),
        ("status_id", status_id.into()),
        ("status", status.into()),
        ("status_detail", reason(deed).into()),
        ("action_id", action_id.into()),
        ("action", action.into()),
        ("disposition_id", disposition_id.into()),
        ("disposition", disposition.into()),
        ("policy", object([("name", policy.into())]).into()),
    ])
}

fn actor(subject: &Subject<'_>) -> Map<String, Value> {
    let it = &subject.deed.subject;
    let exe = it.exe.as_deref().map(text);
    let name = exe.as_deref().and_then(|exe| exe.rsplit('/').next()).map(str::to_owned);
    let process = object([("pid", it.pid.into()), ("path", exe.into()), ("name", name.into())]);
    let (type_id, kind) = match it.auid {
        Some(_) => (1, "User"),
        None => (4, "Service"),
    };
    let id = it.auid.or(it.uid).map(|id| id.to_string());
    let user = id.map(|id| {
        let name = subject.user.clone();
        let entries = [
            ("uid", id.into()),
            ("name", name.into()),
            ("type_id", type_id.into()),
            ("type", kind.into()),
        ];
        Value::Object(object(entries))
    });
    let session = object([
        ("uid", it.session.map(|session| session.to_string()).into()),
        ("terminal", word(it.terminal.as_ref())),
    ]);
    // A process needs its pid.
    let process = it.pid.map(|_| Value::Object(process));
    object([
        ("app_name", subject.who.clone().into()),
        ("process", process.into()),
        ("user", user.into()),
        ("session", session.into()),
    ])
}

/// The host, or the caller on it. A log without `node=` does not name the host.
fn endpoint(subject: &Subject<'_>, is_device: bool) -> Map<String, Value> {
    let (_, name, image) = native::caller(&subject.deed.subject.kind);
    let container = if is_device || name.is_null() {
        Map::new()
    } else {
        object([("name", name), ("image", image_of(&image).into())])
    };
    let type_id = if is_device { json!(0) } else { Value::Null };
    object([
        ("name", subject.host.as_deref().unwrap_or("localhost").into()),
        ("hostname", subject.host.clone().into()),
        ("type_id", type_id),
        ("container", container.into()),
    ])
}

/// An image by its name; the schema requires an id.
fn image_of(name: &Value) -> Map<String, Value> {
    object([("uid", name.clone()), ("name", name.clone())])
}

fn api(subject: &Subject<'_>) -> Map<String, Value> {
    let deed = subject.deed;
    let it = &deed.object;
    let mut resources: Vec<Value> = Vec::new();
    for (kind, name, id) in [
        ("container", it.container.as_ref(), it.id.as_ref()),
        ("image", it.image.as_ref(), None),
        ("volume", it.volume.as_ref(), None),
        ("network", it.network.as_ref(), None),
        ("path", it.path.as_ref(), None),
        ("name", it.name.as_ref(), None),
    ] {
        if name.is_some() || id.is_some() {
            let entries = [("type", kind.into()), ("name", word(name)), ("uid", word(id))];
            resources.push(object(entries).into());
        }
    }
    object([
        ("api", json!({ "operation": action_word(deed), "service": { "name": "docker" } })),
        ("src_endpoint", endpoint(subject, false).into()),
        ("resources", resources.into()),
    ])
}

fn process(subject: &Subject<'_>) -> Map<String, Value> {
    let deed = subject.deed;
    let it = &deed.object;
    let path = it.path.as_ref().or(deed.subject.exe.as_ref());
    let process = object([
        ("pid", deed.subject.pid.into()),
        // A record without a pid still names one process.
        ("uid", subject.id.clone().into()),
        ("cmd_line", word(it.command.as_ref())),
        ("working_directory", word(it.directory.as_ref())),
        ("path", word(path)),
    ]);
    object([
        ("process", process.into()),
        ("launch_type_id", 3.into()),
        ("launch_type", "Exec".into()),
        ("exit_code", exit(deed).into()),
    ])
}

/// What the schema has no attribute for, by the names of the export in JSON.
fn unmapped(subject: &Subject<'_>) -> Map<String, Value> {
    let mut all = native::document(subject);
    let names = [
        "access",
        "given",
        "automatic",
        "permitted_by",
        "would_deny",
        "kind",
        "cgroup",
        "command",
        "account",
        "calls",
        "ended",
        "exit",
        "wrapper_id",
        "wrapper_command",
    ];
    all.retain(|name, _| names.contains(&name.as_str()));
    all
}
