//! One record from the command line, for scripts.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, anyhow, bail, ensure};
use audit_core::field::{self, FieldKind};
use audit_core::{EventId, Outcome, Record, RecordType, Subject, UnknownRecordType};

use crate::arguments::{Emit, Res};
use crate::exit;
use crate::process;
use crate::recorder;
use crate::report::Failure;
use crate::settings::OnFailure;

/// Writes the record.
///
/// # Errors
/// For a wrong type, field or value, if the caller has no right to write, and if the record is not
/// kept: what to say, and the exit code.
pub(crate) fn run(emit: &Emit) -> Result<u8, Failure> {
    let usage = |error| Failure { code: exit::USAGE, error };
    let not_recorded = |error| Failure { code: exit::NOT_RECORDED, error };
    let record_type = check(emit).map_err(usage)?;
    let fields = emit.fields.iter().map(|field| Field::read(field.as_bytes()));
    let fields = fields.collect::<anyhow::Result<Vec<_>>>().map_err(usage)?;
    let subject = Subject::current().map_err(anyhow::Error::from).map_err(not_recorded)?;
    let record = record(record_type, emit, &fields, &subject);
    record.texts().map_err(anyhow::Error::from).map_err(usage)?;
    if emit.receipt {
        let ids = recorder::write_with_receipt(&record).map_err(not_recorded)?;
        print(&ids).map_err(anyhow::Error::from).map_err(not_recorded)?;
    } else {
        recorder::write(&[record], OnFailure::Refuse).map_err(not_recorded)?;
    }
    Ok(0)
}

fn print(ids: &[EventId]) -> io::Result<()> {
    ids.iter().try_for_each(|id| writeln!(io::stdout(), "{id}"))
}

/// The record type, if the caller may write records of their own wording at all.
fn check(emit: &Emit) -> anyhow::Result<RecordType> {
    ensure!(
        !process::has_more_privilege_than_caller(),
        "emit is for root: a user who is lent the capability could write anything into the trail"
    );
    record_type(&emit.record_type)
}

fn record<'a>(
    record_type: RecordType,
    emit: &'a Emit,
    fields: &'a [Field<'a>],
    subject: &'a Subject,
) -> Record<'a> {
    let mut record = Record::new(record_type).subject(subject).outcome(match emit.res {
        Res::Success => Outcome::Success,
        Res::Failed => Outcome::Failed,
    });
    if let Some(op) = &emit.op {
        record = record.word("op", op);
    }
    fields.iter().fold(record, |record, field| field.add_to(record))
}

/// The record type, or the names that are near.
fn record_type(text: &str) -> anyhow::Result<RecordType> {
    text.parse().map_err(|error| match error {
        UnknownRecordType::Name { .. } => {
            let near = near_names(text).join(", ");
            anyhow!("{error}; names near it: {near}")
        }
        _ => anyhow!("{error}"),
    })
}

/// The three names that are most like the text.
fn near_names(text: &str) -> Vec<&'static str> {
    let text = text.to_ascii_uppercase();
    let mut names: Vec<_> = RecordType::named().filter_map(RecordType::name).collect();
    names.sort_by_cached_key(|name| strsim::damerau_levenshtein(name, &text));
    names.truncate(3);
    names
}

/// A field as given, with the kind of value that its name takes.
struct Field<'a> {
    name: &'a str,
    value: Value<'a>,
}

enum Value<'a> {
    Untrusted(&'a [u8]),
    Word(&'a str),
    Number(u64),
    Label(&'a [u8]),
}

impl<'a> Field<'a> {
    fn read(field: &'a [u8]) -> anyhow::Result<Self> {
        let Some(equals) = field.iter().position(|byte| *byte == b'=') else {
            bail!("--field takes NAME=VALUE, not `{}`", String::from_utf8_lossy(field))
        };
        let (name, value) = field.split_at(equals);
        let value = value.strip_prefix(b"=").unwrap_or(value);
        let name = std::str::from_utf8(name).context("a field's name is in ASCII")?;
        let text = || std::str::from_utf8(value).map_err(|_| anyhow!("field `{name}` takes ASCII"));
        let kind = field::kind(name).map_err(|problem| anyhow!("field `{name}`: {problem}"))?;
        let value = match kind {
            FieldKind::Untrusted => Value::Untrusted(value),
            FieldKind::Word => Value::Word(text()?),
            FieldKind::Label => Value::Label(value),
            FieldKind::Number => {
                let number = text()?.parse();
                Value::Number(number.with_context(|| format!("field `{name}` takes {kind}"))?)
            }
        };
        Ok(Self { name, value })
    }

    fn add_to<'r>(&'r self, record: Record<'r>) -> Record<'r> {
        match self.value {
            Value::Untrusted(value) => record.untrusted(self.name, value),
            Value::Word(word) => record.word(self.name, word),
            Value::Number(number) => record.number(self.name, number),
            Value::Label(label) => record.label(self.name, Some(label)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered() {
        assert!(near_names("USER_COMD").contains(&"USER_CMD"));
        let error = record_type("user_commando").unwrap_err().to_string();
        assert!(error.starts_with("no record type is named `user_commando`; names near it: "));
        assert!(record_type("1300").unwrap_err().to_string().contains("outside 1100-1199"));
    }

    fn problem(field: &str) -> String {
        format!("{:#}", Field::read(field.as_bytes()).err().unwrap())
    }

    #[test]
    fn wrong_fields_are_named() {
        assert_eq!(problem("cmd"), "--field takes NAME=VALUE, not `cmd`");
        assert!(problem("uid=0").starts_with("field `uid`: is written by the kernel"));
        assert!(problem("colour=red").starts_with("field `colour`: no such field"));
        assert!(problem("exit=x").starts_with("field `exit` takes a decimal number"));
        assert!(Field::read(b"cmd=a=b\xff").is_ok());
    }
}
