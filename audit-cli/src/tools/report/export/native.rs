//! The deed as it is, in JSON.

use audit_trail::CallerKind;
use serde_json::{Map, Value};

use super::super::wording;
use super::{Subject, action_word, exit, given, object, outcome_word, reason, utc, ways, word};

/// The kind of caller, and the name and the image of a container.
pub(super) fn caller(kind: &CallerKind) -> (&'static str, Value, Value) {
    match kind {
        CallerKind::Login => ("login", Value::Null, Value::Null),
        CallerKind::Service => ("service", Value::Null, Value::Null),
        CallerKind::Container { name, image } => {
            ("container", word(name.as_ref()), word(image.as_ref()))
        }
        CallerKind::UserNamespace => ("user-namespace", Value::Null, Value::Null),
        // A kind of a newer library has no name here.
        CallerKind::Unknown | _ => ("unknown", Value::Null, Value::Null),
    }
}

pub(super) fn document(subject: &Subject<'_>) -> Map<String, Value> {
    let deed = subject.deed;
    let mut document = object([
        ("id", subject.id.clone().into()),
        ("time", utc(deed.stamp.time).into()),
        ("ended", deed.ended.and_then(utc).into()),
        ("host", subject.host.clone().into()),
        ("recorder", wording::recorder(deed).into()),
        ("action", action_word(deed).into()),
        ("words", wording::what(deed).into()),
        ("outcome", outcome_word(deed).into()),
        ("reason", reason(deed).into()),
        ("exit", exit(deed).into()),
        ("automatic", word(deed.automatic.as_ref())),
        ("permitted_by", word(deed.permitted_by.as_ref())),
        ("would_deny", word(deed.would_deny.as_ref())),
        ("access", ways(deed).into()),
        ("given", given(deed).into()),
    ]);
    document.extend(who(subject));
    document.extend(what(subject));
    document
}

fn who(subject: &Subject<'_>) -> Map<String, Value> {
    let it = &subject.deed.subject;
    let (kind, container, image) = caller(&it.kind);
    object([
        ("who", subject.who.clone().into()),
        ("kind", kind.into()),
        ("user", subject.user.clone().into()),
        ("auid", it.auid.into()),
        ("uid", it.uid.into()),
        ("session", it.session.into()),
        ("pid", it.pid.into()),
        ("exe", word(it.exe.as_ref())),
        ("terminal", word(it.terminal.as_ref())),
        ("cgroup", word(it.cgroup.as_ref())),
        ("caller_container", container),
        ("caller_image", image),
    ])
}

fn what(subject: &Subject<'_>) -> Map<String, Value> {
    let it = &subject.deed.object;
    let origin = subject.deed.origin.as_deref();
    object([
        ("container", word(it.container.as_ref())),
        ("container_id", word(it.id.as_ref())),
        ("container_pid", it.container_pid.into()),
        ("image", word(it.image.as_ref())),
        ("volume", word(it.volume.as_ref())),
        ("network", word(it.network.as_ref())),
        ("command", word(it.command.as_ref())),
        ("directory", word(it.directory.as_ref())),
        ("path", word(it.path.as_ref())),
        ("account", word(it.account.as_ref())),
        ("name", word(it.name.as_ref())),
        ("calls", it.entries.into()),
        ("wrapper_id", origin.map(|origin| origin.stamp.to_string()).into()),
        ("wrapper_command", word(origin.map(|origin| &origin.command))),
    ])
}
