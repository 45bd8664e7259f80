//! Writes one record from the command line, for scripts.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, anyhow, bail, ensure};
use audit_core::field::{Label, Number, Untrusted, Word};
use audit_core::{
    EventId, Field, FieldKind, Outcome, Record, RecordType, Subject, UnknownRecordType,
};

use audit_host::recording::OnFailure;

use crate::arguments::{Emit, Res};
use crate::exit;
use crate::process;
use crate::record;
use crate::report::Failure;

/// Writes the record.
///
/// # Errors
/// If the type, a field or a value is wrong, if the caller may not write records, or if the kernel
/// would not keep the record: the message and the exit code.
pub(crate) fn run(emit: &Emit) -> Result<u8, Failure> {
    let usage = |error| Failure { code: exit::USAGE, error };
    let not_recorded = |error| Failure { code: exit::NOT_RECORDED, error };
    let record_type = check(emit).map_err(usage)?;
    let fields = emit.fields.iter().map(|field| GivenField::read(field.as_bytes()));
    let fields = fields.collect::<anyhow::Result<Vec<_>>>().map_err(usage)?;
    let subject = Subject::current().map_err(anyhow::Error::from).map_err(not_recorded)?;
    let record = build_record(record_type, emit, &fields, &subject);
    record.texts().map_err(anyhow::Error::from).map_err(usage)?;
    if emit.receipt {
        let ids = record::write_with_receipt(&record).map_err(not_recorded)?;
        print(&ids).map_err(anyhow::Error::from).map_err(not_recorded)?;
    } else {
        record::write(&[record], OnFailure::Refuse).map_err(not_recorded)?;
    }
    Ok(0)
}

fn print(ids: &[EventId]) -> io::Result<()> {
    ids.iter().try_for_each(|id| writeln!(io::stdout(), "{id}"))
}

/// The record type, if the caller may write records with text of their own.
fn check(emit: &Emit) -> anyhow::Result<RecordType> {
    ensure!(
        !process::has_more_privilege_than_caller(),
        "emit is for root: with the file capability alone, any user could write anything into the trail"
    );
    record_type(&emit.record_type)
}

fn build_record<'a>(
    record_type: RecordType,
    emit: &'a Emit,
    fields: &'a [GivenField<'a>],
    subject: &'a Subject,
) -> Record<'a> {
    let mut record = Record::new(record_type).subject(subject).outcome(match emit.res {
        Res::Success => Outcome::Success,
        Res::Failed => Outcome::Failed,
    });
    if let Some(op) = &emit.op {
        record = record.word(Field::OP, op);
    }
    fields.iter().fold(record, |record, field| field.add_to(record))
}

/// The record type; for an unknown name, the error suggests similar names.
fn record_type(text: &str) -> anyhow::Result<RecordType> {
    text.parse().map_err(|error| {
        if let UnknownRecordType::Name { .. } = error {
            let similar = similar_names(text).join(", ");
            anyhow!("{error}; similar names: {similar}")
        } else {
            anyhow!("{error}")
        }
    })
}

/// The three names that are most similar to the text.
fn similar_names(text: &str) -> Vec<&'static str> {
    let text = text.to_ascii_uppercase();
    let mut names: Vec<_> = RecordType::named().filter_map(RecordType::name).collect();
    names.sort_by_cached_key(|name| strsim::damerau_levenshtein(name, &text));
    names.truncate(3);
    names
}

/// A field from the command line, with the kind of value that its name takes.
enum GivenField<'a> {
    Untrusted(Field<Untrusted>, &'a [u8]),
    Word(Field<Word>, &'a str),
    Number(Field<Number>, u64),
    Label(Field<Label>, &'a [u8]),
}

impl<'a> GivenField<'a> {
    fn read(field: &'a [u8]) -> anyhow::Result<Self> {
        let Some(equals) = field.iter().position(|byte| *byte == b'=') else {
            bail!("--field takes NAME=VALUE, not `{}`", String::from_utf8_lossy(field))
        };
        let (name, value) = field.split_at(equals);
        let value = value.strip_prefix(b"=").unwrap_or(value);
        let name = std::str::from_utf8(name).context("the name of a field must be ASCII")?;
        let text = || {
            std::str::from_utf8(value)
                .map_err(|_| anyhow!("the value of field `{name}` must be ASCII"))
        };
        let problem = |problem| anyhow!("field `{name}`: {problem}");
        let kind = FieldKind::of(name).map_err(problem)?;
        Ok(match kind {
            FieldKind::Untrusted => Self::Untrusted(Field::named(name).map_err(problem)?, value),
            FieldKind::Word => Self::Word(Field::named(name).map_err(problem)?, text()?),
            FieldKind::Label => Self::Label(Field::named(name).map_err(problem)?, value),
            FieldKind::Number => {
                let number = text()?.parse();
                let number = number.with_context(|| format!("field `{name}` takes {kind}"))?;
                Self::Number(Field::named(name).map_err(problem)?, number)
            }
        })
    }

    fn add_to<'r>(&'r self, record: Record<'r>) -> Record<'r> {
        match self {
            Self::Untrusted(field, value) => record.untrusted(*field, *value),
            Self::Word(field, word) => record.word(*field, word),
            Self::Number(field, number) => record.number(*field, *number),
            Self::Label(field, label) => record.label(*field, Some(label)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested() {
        assert!(similar_names("USER_COMD").contains(&"USER_CMD"));
        let error = record_type("user_commando").unwrap_err().to_string();
        assert!(error.starts_with("no record type is named `user_commando`; similar names: "));
        assert!(record_type("1300").unwrap_err().to_string().contains("outside 1100-1199"));
    }

    fn problem(field: &str) -> String {
        format!("{:#}", GivenField::read(field.as_bytes()).err().unwrap())
    }

    #[test]
    fn each_wrong_field_has_its_message() {
        assert_eq!(problem("cmd"), "--field takes NAME=VALUE, not `cmd`");
        assert!(problem("uid=0").starts_with("field `uid`: is written by the kernel"));
        assert!(problem("colour=red").starts_with("field `colour`: no such field"));
        assert!(problem("exit=x").starts_with("field `exit` takes a decimal number"));
        assert!(GivenField::read(b"cmd=a=b\xff").is_ok());
    }
}
