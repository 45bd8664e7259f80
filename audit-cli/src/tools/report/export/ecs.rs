//! Elastic Common Schema.
//!
//! # Source
//! ECS 9.4, `generated/ecs/ecs_flat.yml` of its repository. The tests compare with an extract.

use audit_trail::{Action, Deed, Operation, Outcome, Recorder};
use serde_json::{Map, Value, json};

use super::super::wording::{self, text};
use super::{
    Change, Subject, action_word, exit, given, native, object, policy, reason, utc, ways, word,
};

/// The version that the documents follow.
const VERSION: &str = "9.4.0";

pub(super) fn document(subject: &Subject<'_>) -> Map<String, Value> {
    let deed = subject.deed;
    let host = object([("name", subject.host.clone().into())]);
    let users: Vec<String> = subject.user.iter().cloned().collect();
    let file = object([("path", word(deed.object.path.as_ref()))]);
    let mut document = object([
        ("@timestamp", utc(deed.stamp.time).into()),
        ("message", format!("{}: {}", subject.who, wording::what(deed)).into()),
        ("ecs", json!({ "version": VERSION })),
        ("event", event(subject).into()),
        ("host", host.into()),
        ("user", user(subject).into()),
        ("process", process(deed).into()),
        ("container", container(deed).into()),
        ("file", file.into()),
        ("rule", object([("name", policy(deed).into())]).into()),
        ("related", object([("user", users.into())]).into()),
        ("labels", labels(deed).into()),
    ]);
    document.retain(|_, value| !value.is_null());
    document
}

fn event(subject: &Subject<'_>) -> Map<String, Value> {
    let deed = subject.deed;
    let (category, mut types) = class(deed);
    if deed.outcome.is_denied() {
        types.push("denied");
    } else if category == "api" && deed.permitted_by.is_some() {
        types.push("allowed");
    }
    let is_success = matches!(deed.outcome, Outcome::Success { .. });
    let outcome = match () {
        () if deed.recorder == Recorder::Unproven => "unknown",
        () if is_success => "success",
        () if deed.outcome.is_failed() => "failure",
        () => "unknown",
    };
    object([
        ("kind", if deed.recorder == Recorder::Unproven { "alert" } else { "event" }.into()),
        ("category", json!([category])),
        ("type", types.into()),
        ("action", action_word(deed).into()),
        ("outcome", outcome.into()),
        ("reason", reason(deed).into()),
        ("id", subject.id.clone().into()),
        ("sequence", deed.stamp.serial.into()),
        ("start", utc(deed.stamp.time).into()),
        ("end", deed.ended.and_then(utc).into()),
        ("module", "auditd".into()),
        ("provider", wording::recorder(deed).into()),
    ])
}

/// The category, and the types that it may have.
fn class(deed: &Deed) -> (&'static str, Vec<&'static str>) {
    let kind = match &deed.action {
        Action::Call(Operation::Start | Operation::Restart) => ("api", "start"),
        Action::Call(Operation::Stop | Operation::Kill) => ("api", "end"),
        Action::Call(operation) => {
            let change = match Change::of(*operation) {
                Change::Creation => "creation",
                Change::Read => "access",
                Change::Update => "change",
                Change::Deletion => "deletion",
            };
            ("api", change)
        }
        Action::Command | Action::ServiceStart | Action::AuditdStart => ("process", "start"),
        Action::ServiceStop | Action::AuditdStop => ("process", "end"),
        Action::SessionStart => ("session", "start"),
        Action::SessionEnd => ("session", "end"),
        Action::Boot => ("host", "start"),
        Action::AuditChange | Action::PolicyLoad => ("configuration", "change"),
        // The second is a call of a newer broker.
        Action::Refuse | Action::Unknown(_) => ("api", "info"),
        // An action of a newer library.
        _ => ("process", "info"),
    };
    (kind.0, vec![kind.1])
}

fn user(subject: &Subject<'_>) -> Map<String, Value> {
    let it = &subject.deed.subject;
    let id = it.auid.or(it.uid).map(|id| id.to_string());
    object([("id", id.into()), ("name", subject.user.clone().into())])
}

fn process(deed: &Deed) -> Map<String, Value> {
    let is_command = deed.action == Action::Command;
    let exe = deed.subject.exe.as_deref().map(text);
    let name = exe.as_deref().and_then(|exe| exe.rsplit('/').next()).map(str::to_owned);
    let own = |value: Option<&Vec<u8>>| if is_command { word(value) } else { Value::Null };
    object([
        ("pid", deed.subject.pid.into()),
        ("executable", exe.into()),
        ("name", name.into()),
        ("command_line", own(deed.object.command.as_ref())),
        ("working_directory", own(deed.object.directory.as_ref())),
        ("exit_code", if is_command { exit(deed).into() } else { Value::Null }),
    ])
}

fn container(deed: &Deed) -> Map<String, Value> {
    let it = &deed.object;
    if it.container.is_none() && it.id.is_none() {
        return Map::new();
    }
    object([
        ("id", word(it.id.as_ref())),
        ("name", word(it.container.as_ref())),
        ("image", object([("name", word(it.image.as_ref()))]).into()),
        ("runtime", "docker".into()),
    ])
}

/// What ECS has no field for. Labels have text values only.
fn labels(deed: &Deed) -> Map<String, Value> {
    let (ways, given) = (ways(deed), given(deed));
    let it = &deed.object;
    let join = |list: Vec<String>| (!list.is_empty()).then(|| list.join("; "));
    let (_, name, image) = native::caller(&deed.subject.kind);
    let origin = deed.origin.as_ref().map(|origin| text(&origin.command));
    let in_container = it.command.as_ref().filter(|_| deed.action != Action::Command);
    object([
        ("access_to_the_host", join(ways).into()),
        ("given", join(given).into()),
        ("container_command", word(in_container)),
        ("container_exit", exit(deed).map(|exit| exit.to_string()).into()),
        ("image", word(it.image.as_ref())),
        ("volume", word(it.volume.as_ref())),
        ("network", word(it.network.as_ref())),
        ("name", word(it.name.as_ref())),
        ("session", deed.subject.session.map(|session| session.to_string()).into()),
        ("terminal", word(deed.subject.terminal.as_ref())),
        ("cgroup", word(deed.subject.cgroup.as_ref())),
        ("caller_container", name),
        ("caller_image", image),
        ("would_deny", word(deed.would_deny.as_ref())),
        ("wrapper_command", origin.into()),
    ])
}
