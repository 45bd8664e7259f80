//! Puts deeds into words.

use audit_host::object_id;
use audit_trail::{Access, Action, Deed, Given, Outcome, Recorder};

use super::table::{Cell, Tone};

/// Bytes as text. Bytes that are not UTF-8 are escaped.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

/// What was done, in docker's words: `create web (fedora): ls -l`.
pub(super) fn what(deed: &Deed) -> String {
    let object = &deed.object;
    if deed.action == Action::Command {
        return object.command.as_deref().map_or_else(|| "?".to_owned(), text);
    }
    let mut words = vec![deed.action.to_string()];
    let short = object.id.as_deref().map(short_id);
    let container = object.container.as_deref().or(short.as_deref().map(str::as_bytes));
    let others = [&object.volume, &object.network, &object.name, &object.path];
    let others = others.into_iter().map(Option::as_deref);
    words.extend(std::iter::once(container).chain(others).flatten().map(text));
    if let Some(image) = object.image.as_deref() {
        let image = text(image);
        words.push(if container.is_some() { format!("({image})") } else { image });
    }
    if let Some(entries) = object.entries {
        words.push(format!("({entries} calls)"));
    }
    let mut words = words.join(" ");
    if let Some(command) = object.command.as_deref() {
        words = format!("{words}: {}", text(command));
    }
    words
}

/// How it ended.
pub(super) fn outcome(deed: &Deed) -> String {
    let with_exit = |word: &str, exit: &Option<i64>| match exit {
        Some(exit) => format!("{word}, exit {exit}"),
        None => word.to_owned(),
    };
    if deed.recorder == Recorder::Unproven {
        return "not the broker's record".to_owned();
    }
    let is_wrapper = deed.recorder == Recorder::Wrapper;
    if let (Some(reason), Outcome::Success { exit }) = (&deed.automatic, &deed.outcome) {
        return with_exit(&format!("automatic: {}", text(reason)), exit);
    }
    match &deed.outcome {
        Outcome::Requested => if is_wrapper { "ran" } else { "requested" }.to_owned(),
        Outcome::Success { exit } => with_exit("ok", exit),
        Outcome::Failed { reason, exit } => {
            let why = reason.as_deref().map(|reason| format!(": {}", text(reason)));
            with_exit(&format!("failed{}", why.unwrap_or_default()), exit)
        }
        Outcome::Denied { policy } => format!("DENIED by {}", text(policy)),
        Outcome::Refused { reason } => format!("REFUSED: {}", text(reason)),
        // A variant of a newer library.
        _ => "?".to_owned(),
    }
}

/// How it ended, marked if it did not happen or failed.
pub(super) fn outcome_cell(deed: &Deed) -> Cell {
    let tone = match (&deed.recorder, &deed.outcome) {
        (Recorder::Unproven, _) | (_, Outcome::Denied { .. } | Outcome::Refused { .. }) => {
            Tone::Bad
        }
        (_, Outcome::Failed { .. }) => Tone::Warning,
        _ => Tone::Plain,
    };
    Cell::Text(tone, outcome(deed))
}

/// The ways to the host, marked.
pub(super) fn access_cell(deed: &Deed) -> Cell {
    access(deed).map_or(Cell::None, |access| Cell::Text(Tone::Warning, access))
}

/// The digits of a container's id that docker shows.
pub(super) fn short_id(id: &[u8]) -> String {
    object_id::short_id(&text(id)).to_owned()
}

/// Whether the broker has recorded that it happened.
pub(super) const fn is_fact(deed: &Deed) -> bool {
    matches!((deed.recorder, &deed.outcome), (Recorder::Broker, Outcome::Success { .. }))
}

/// The ways to the host: `privileged, host-mount /`.
pub(super) fn access(deed: &Deed) -> Option<String> {
    let ways: Vec<String> = deed.access.iter().map(way).collect();
    (!ways.is_empty()).then(|| ways.join(", "))
}

pub(super) fn way(access: &Access) -> String {
    match &access.detail {
        Some(detail) => format!("{} {}", text(&access.word), text(detail)),
        None => text(&access.word),
    }
}

/// What a container was given: `fs /srv at /data (owner)`.
pub(super) fn given(given: &Given) -> String {
    let mut words = text(&given.word);
    if let Some(source) = &given.source {
        words = format!("{words} {}", text(source));
    }
    if let Some(place) = &given.place {
        words = format!("{words} at {}", text(place));
    }
    match &given.name {
        Some(name) => format!("{words} ({})", text(name)),
        None => words,
    }
}

/// Whether the deed is a use of docker, or a record that pretends to be one.
pub(super) const fn is_use_of_docker(deed: &Deed) -> bool {
    let is_ours =
        matches!(deed.recorder, Recorder::Wrapper | Recorder::Broker | Recorder::Unproven);
    is_ours
        && !matches!(deed.action, Action::ServiceStart | Action::ServiceStop | Action::PolicyLoad)
}

/// The program that recorded it.
pub(super) const fn recorder(deed: &Deed) -> &'static str {
    match deed.recorder {
        Recorder::Wrapper => "audit-cli",
        Recorder::Broker => "audit-broker",
        Recorder::Unproven => "unproven",
        Recorder::Program => "program",
        Recorder::System => "system",
        _ => "?",
    }
}
