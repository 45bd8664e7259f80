//! `report export`: one document for each deed, for other programs.
//!
//! Each format has a file. The documents are written while the trail is read, so the export holds none of
//! them. They come in the order in which the deeds ended.

mod csv;
mod ecs;
mod native;
mod ocsf;
#[cfg(test)]
mod tests;

use std::io::{self, BufWriter, Write};

use audit_trail::{Action, Deed, Operation, OperationKind, Outcome, Recorder, Time};
use serde_json::{Map, Value};

use super::people::People;
use super::selection::Selection;
use super::source::{self, Found, Source};
use super::wording::{self, text};
use crate::arguments::ExportFormat;

/// A deed, with what every format needs of it.
#[derive(Debug)]
struct Subject<'a> {
    deed: &'a Deed,
    /// The id of the first record, unique on its host: `SECONDS.MILLISECONDS:SERIAL`.
    id: String,
    /// Who did it, in words.
    who: String,
    /// The user name of the login uid.
    user: Option<String>,
    host: Option<String>,
}

/// How a deed changed what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Creation,
    Read,
    Update,
    Deletion,
}

/// Writes a document for each selected deed.
///
/// # Errors
/// If the output cannot be written, or a part of the trail cannot be read.
pub(super) fn run(
    format: ExportFormat,
    source: Source,
    selection: &Selection,
    host: Option<&str>,
    output: impl Write,
) -> anyhow::Result<()> {
    let mut output = BufWriter::new(output);
    let mut people = People::default();
    let mut result = match format {
        ExportFormat::Csv => output.write_all(csv::header().as_bytes()),
        ExportFormat::Json | ExportFormat::Ecs | ExportFormat::Ocsf => Ok(()),
    };
    let end = source.read(selection, |found| {
        let Found::Deed(deed) = found else { return };
        people.note(deed);
        if result.is_ok() && selection.has(deed, &mut people) {
            let line = document(format, &Subject::of(deed, &mut people, host));
            result = line.and_then(|line| output.write_all(line.as_bytes()));
        }
    });
    result.and_then(|()| output.flush())?;
    if let Some(table) = source::problems(&end.summary) {
        // The documents are right, but there may be more: say so where the documents do not go.
        anyhow::bail!("{} `report complete` lists them.", table.title);
    }
    Ok(())
}

fn document(format: ExportFormat, subject: &Subject<'_>) -> io::Result<String> {
    let document = match format {
        ExportFormat::Csv => return Ok(csv::row(subject)),
        ExportFormat::Json => native::document(subject),
        ExportFormat::Ecs => ecs::document(subject),
        ExportFormat::Ocsf => ocsf::document(subject),
    };
    Ok(serde_json::to_string(&Value::Object(document))? + "\n")
}

impl<'a> Subject<'a> {
    fn of(deed: &'a Deed, people: &mut People, host: Option<&str>) -> Self {
        let node = deed.node.as_deref();
        Self {
            deed,
            id: deed.stamp.to_string(),
            who: people.who(deed),
            user: deed.subject.auid.map(|auid| people.name(node, auid)),
            host: node.map(text).or_else(|| host.map(str::to_owned)),
        }
    }
}

impl Change {
    /// What an operation does, as far as a SIEM tells operations apart.
    fn of(operation: Operation) -> Self {
        let word = operation.word();
        let ends = |ends: &[&str]| ends.iter().any(|end| word.ends_with(end));
        if matches!(operation.kind(), OperationKind::Read | OperationKind::Use) {
            Self::Read
        } else if ends(&["remove", "prune", "leave"]) {
            Self::Deletion
        } else if ends(&["create", "build", "commit", "pull", "load", "tag", "init", "join"]) {
            Self::Creation
        } else {
            Self::Update
        }
    }
}

/// The word in `op=`, or a word for a deed that is not a call.
fn action_word(deed: &Deed) -> String {
    if let Action::Call(operation) = deed.action {
        return operation.word().to_owned();
    }
    deed.action.to_string().replace(' ', "-")
}

/// `success`, `failed`, `denied`, `refused`, `requested` or `unproven`.
fn outcome_word(deed: &Deed) -> &'static str {
    if deed.recorder == Recorder::Unproven {
        return "unproven";
    }
    match &deed.outcome {
        Outcome::Requested => "requested",
        Outcome::Success { .. } => "success",
        Outcome::Failed { .. } => "failed",
        Outcome::Denied { .. } => "denied",
        Outcome::Refused { .. } => "refused",
        // A variant of a newer library.
        _ => "unknown",
    }
}

/// The policy that decided, or the reason for a failure.
fn reason(deed: &Deed) -> Option<String> {
    match &deed.outcome {
        Outcome::Denied { policy } => Some(text(policy)),
        Outcome::Refused { reason } => Some(text(reason)),
        Outcome::Failed { reason, .. } => reason.as_deref().map(text),
        Outcome::Requested | Outcome::Success { .. } => deed.automatic.as_deref().map(text),
        _ => None,
    }
}

/// The exit code of the process that ended.
fn exit(deed: &Deed) -> Option<i64> {
    if let Outcome::Success { exit } | Outcome::Failed { exit, .. } = deed.outcome {
        return exit;
    }
    None
}

/// The policy that permitted, denied or would deny the call.
fn policy(deed: &Deed) -> Option<String> {
    if let Outcome::Denied { policy } = &deed.outcome {
        return Some(text(policy));
    }
    deed.would_deny.as_ref().or(deed.permitted_by.as_ref()).map(|policy| text(policy))
}

/// In RFC 3339, in UTC.
fn utc(time: Time) -> Option<String> {
    let time = chrono::DateTime::from_timestamp_millis(i64::try_from(time.millis()).ok()?)?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

/// An object without the entries whose value is null, an empty list or an empty object.
fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    let is_known = |value: &Value| match value {
        Value::Null => false,
        Value::Array(values) => !values.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    let entries = entries.into_iter().filter(|(_, value)| is_known(value));
    entries.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Bytes that a caller chose, as a text.
fn word(bytes: Option<&Vec<u8>>) -> Value {
    bytes.map(|bytes| text(bytes)).into()
}

/// What a container was given, in words.
fn given(deed: &Deed) -> Vec<String> {
    deed.given.iter().map(wording::given).collect()
}

/// The ways to the host, in words.
fn ways(deed: &Deed) -> Vec<String> {
    deed.access.iter().map(wording::way).collect()
}
