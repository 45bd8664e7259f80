//! A record that C builds field by field.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::mem::MaybeUninit;

use audit_core::field::Kind;
use audit_core::{CommandLine, Error, Field, Outcome, Record, RecordType, Subject};

use crate::api::error::{AuditCoreCode, Failure, answer};
use crate::pointer::{CBytes, CText, CTexts};

/// A record under construction. Only one thread at a time may add to it.
#[derive(Debug)]
pub struct AuditCoreRecord {
    record_type: RecordType,
    fields: Vec<(String, Value)>,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
enum Value {
    Untrusted(Vec<u8>),
    CommandLine(CommandLine),
    Word(String),
    Number(u64),
    Label(Option<Vec<u8>>),
    /// Of a field that the audit dictionary lacks.
    Own(Vec<u8>),
}

/// Makes a record without fields and stores it in `*record`. The record type is a name such as
/// `USER_CMD`, in upper or lower case, or a number.
///
/// After an error, `*record` is unchanged.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_new(
    record_type: CText<'_>,
    record: Option<&mut MaybeUninit<Box<AuditCoreRecord>>>,
) -> AuditCoreCode {
    answer(new(record_type, record))
}

fn new(
    record_type: CText<'_>,
    record: Option<&mut MaybeUninit<Box<AuditCoreRecord>>>,
) -> Result<(), Failure> {
    let name = record_type
        .utf8()
        .ok_or_else(|| Failure::argument("the record type is NULL or not UTF-8"))?;
    let record_type = name.parse().map_err(|error| Failure::record_type(&error))?;
    let made = AuditCoreRecord { record_type, fields: Vec::new(), outcome: None };
    let record = record.ok_or_else(|| Failure::argument("the pointer to the record is NULL"))?;
    record.write(Box::new(made));
    Ok(())
}

/// Releases a record. Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_free(record: Option<Box<AuditCoreRecord>>) {
    drop(record);
}

/// Adds `len` bytes that anyone may have chosen. They may contain NUL. A long value continues in
/// further records.
///
/// `audit_core_send()` checks whether the field exists and takes such a value.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_untrusted(
    record: Option<&mut AuditCoreRecord>,
    name: CText<'_>,
    value: CBytes<'_>,
    len: usize,
) -> AuditCoreCode {
    let value = value.bytes(len).map(|bytes| Value::Untrusted(bytes.to_vec()));
    answer(add(record, name, value))
}

/// Adds a command and its arguments as one value, quoted for a shell. A long command is split
/// between its words.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_command_line(
    record: Option<&mut AuditCoreRecord>,
    name: CText<'_>,
    words: CTexts<'_>,
    count: usize,
) -> AuditCoreCode {
    let value = words.all(count).map(|words| Value::CommandLine(CommandLine::new(words)));
    answer(add(record, name, value))
}

/// Adds a word that the program itself chose: 1 to 255 characters of a-z, 0-9, `_` and `-`.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_word(
    record: Option<&mut AuditCoreRecord>,
    name: CText<'_>,
    value: CText<'_>,
) -> AuditCoreCode {
    let value = value.utf8().map(|word| Value::Word(word.to_owned()));
    answer(add(record, name, value))
}

/// Adds a decimal number.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_number(
    record: Option<&mut AuditCoreRecord>,
    name: CText<'_>,
    value: u64,
) -> AuditCoreCode {
    answer(add(record, name, Some(Value::Number(value))))
}

/// Adds a security label. NULL is written `?`.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_label(
    record: Option<&mut AuditCoreRecord>,
    name: CText<'_>,
    value: CText<'_>,
) -> AuditCoreCode {
    answer(add(record, name, Some(Value::Label(value.bytes().map(<[u8]>::to_vec)))))
}

/// Adds `len` bytes as a field that the audit dictionary lacks, encoded like an untrusted value.
///
/// Auditors' tools print such a field, but cannot search for it or decode it. The name has 1 to 48
/// characters of a-z, 0-9, `_` and `-`, and starts with a letter. It must not end like a field that
/// `ausearch` searches for, such as `uid` or `res`. `audit_core_send()` checks the name.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_own(
    record: Option<&mut AuditCoreRecord>,
    name: CText<'_>,
    value: CBytes<'_>,
    len: usize,
) -> AuditCoreCode {
    let value = value.bytes(len).map(|bytes| Value::Own(bytes.to_vec()));
    answer(add(record, name, value))
}

/// Sets the outcome: whether the action was allowed, or worked. A record cannot be sent without it.
#[unsafe(no_mangle)]
pub extern "C" fn audit_core_record_outcome(
    record: Option<&mut AuditCoreRecord>,
    success: bool,
) -> AuditCoreCode {
    answer(match record {
        Some(record) => {
            record.outcome = Some(if success { Outcome::Success } else { Outcome::Failed });
            Ok(())
        }
        None => Err(Failure::argument("the record is NULL")),
    })
}

fn add(
    record: Option<&mut AuditCoreRecord>,
    name: CText<'_>,
    value: Option<Value>,
) -> Result<(), Failure> {
    let record = record.ok_or_else(|| Failure::argument("the record is NULL"))?;
    let name =
        name.utf8().ok_or_else(|| Failure::argument("the field's name is NULL or not UTF-8"))?;
    let value = value.ok_or_else(|| {
        Failure::argument("the value is NULL, has an impossible length, or is not UTF-8")
    })?;
    record.fields.push((name.to_owned(), value));
    Ok(())
}

impl AuditCoreRecord {
    /// Passes the record to `take`, with the calling thread as its subject.
    pub(crate) fn with_record(
        &self,
        take: impl FnOnce(Record<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let subject = Subject::current()?;
        let mut record = Record::new(self.record_type).subject(&subject);
        for (name, value) in &self.fields {
            record = match value {
                Value::Untrusted(value) => record.untrusted(field(name)?, value),
                Value::CommandLine(line) => record.command_line(field(name)?, line),
                Value::Word(word) => record.word(field(name)?, word),
                Value::Number(number) => record.number(field(name)?, *number),
                Value::Label(label) => record.label(field(name)?, label.as_deref()),
                Value::Own(value) => record.own(name, value),
            };
        }
        if let Some(outcome) = self.outcome {
            record = record.outcome(outcome);
        }
        take(record)
    }
}

/// The field with this name, if it takes this kind of value.
fn field<K: Kind>(name: &str) -> Result<Field<K>, Error> {
    Field::named(name).map_err(|problem| Error::Field { name: name.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> AuditCoreRecord {
        AuditCoreRecord { record_type: RecordType::TEST, fields: Vec::new(), outcome: None }
    }

    #[test]
    fn fields_become_a_record() {
        let mut record = record();
        let name = CText::from(c"op");
        let code = audit_core_record_word(Some(&mut record), name, CText::from(c"test"));
        assert_eq!(code, AuditCoreCode::Ok);
        audit_core_record_number(Some(&mut record), CText::from(c"exit"), 3);
        record.fields.push(("image".to_owned(), Value::Own(b"fedora 43".to_vec())));
        audit_core_record_outcome(Some(&mut record), false);
        let mut text = Vec::new();
        let take = |record: Record<'_>| {
            text = record.texts()?.concat();
            Ok(())
        };
        record.with_record(take).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("op=test exit=3 image=6665646F7261203433 exe="), "{text}");
        assert!(text.ends_with(" res=failed"), "{text}");
    }

    #[test]
    fn mistakes_are_errors() {
        assert_eq!(audit_core_record_new(CText::from(c"TEST"), None), AuditCoreCode::Argument);
        let mut room = MaybeUninit::uninit();
        let code = audit_core_record_new(CText::from(c"nope"), Some(&mut room));
        assert_eq!(code, AuditCoreCode::RecordType);
        audit_core_record_free(None);
        let mut record = record();
        let x = CText::from(c"x");
        assert_eq!(audit_core_record_word(None, x, x), AuditCoreCode::Argument);
        assert_eq!(audit_core_record_outcome(None, true), AuditCoreCode::Argument);
        let bad = CText::from(c"\xff");
        let code = audit_core_record_number(Some(&mut record), bad, 1);
        assert_eq!(code, AuditCoreCode::Argument);
        assert!(record.fields.is_empty());
        audit_core_record_word(Some(&mut record), x, x);
        let error = record.with_record(|record| record.texts().map(drop)).unwrap_err();
        assert!(error.to_string().starts_with("field `x`: no such field"), "{error}");
    }
}
