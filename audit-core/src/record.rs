//! A record: what one line of the trail says.
//!
//! Knows which fields a record has and in which order readers need them. Does no I/O; how it
//! becomes text is in `text` and `part`.

use std::borrow::Cow;

use crate::command_line::CommandLine;
use crate::error::Error;
use crate::field::{self, FieldKind, FieldProblem};
use crate::record_type::RecordType;
use crate::subject::{Subject, trim_label};

/// Longest text of one record, in bytes. The kernel cuts the rest and still acknowledges.
///
/// # Source
/// `AUDIT_MESSAGE_TEXT_MAX` in `include/uapi/linux/audit.h`; measured on 6.18.
pub const TEXT_LIMIT_BYTES: usize = 8560;

/// Longest value that is written whole, in bytes: 256 KiB, in some sixty parts.
///
/// Of a longer one, the last part says how many bytes are `missing` and gives the `hash` of the
/// whole, so that one command cannot wash older records out of the log.
pub const VALUE_LIMIT_BYTES: usize = 256 * 1024;

/// Whether what the record tells of came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was allowed, or it worked.
    Success,
    /// It was denied, or it did not work.
    Failed,
}

impl Outcome {
    /// The word that `ausearch -sv` understands; it reads every other one as success.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

/// What one line of the trail says, borrowed from who says it.
///
/// Fields are written in the order in which they are given, then `exe`, `hostname` and `addr`
/// (neither in `USER_CMD`, as sudo writes it), `terminal` and `res`. A mistake in a field shows
/// when the record is sent.
///
/// # Example
/// ```
/// use audit_core::{Outcome, Record, RecordType};
///
/// let record = Record::new(RecordType::USER_CMD)
///     .untrusted("cwd", "/home/dwalsh")
///     .untrusted("cmd", "docker ps")
///     .outcome(Outcome::Success);
/// assert_eq!(
///     record.texts()?.concat(),
///     br#"cwd="/home/dwalsh" cmd=646F636B6572207073 exe="?" terminal=? res=success"#
/// );
/// # Ok::<(), audit_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "a record type is what the field calls it")]
pub struct Record<'a> {
    pub(crate) record_type: RecordType,
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) exe: Option<&'a [u8]>,
    pub(crate) terminal: Option<&'a [u8]>,
    pub(crate) origin: Option<Origin<'a>>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) value_limit_bytes: usize,
    mistake: Option<(Cow<'a, str>, FieldProblem)>,
}

/// Where the person is whose action the record tells of: `?` for what is not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// The host's name.
    pub hostname: Option<&'a [u8]>,
    /// The host's address.
    pub addr: Option<&'a [u8]>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Untrusted(&'a [u8]),
    CommandLine(&'a CommandLine),
    Word(&'a str),
    Number(u64),
    Label(Option<&'a [u8]>),
    /// Fields that the caller wrote himself. The field that holds them has no name of its own.
    Verbatim(&'a [u8]),
}

impl Value<'_> {
    /// Length of a value that can be long, in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Untrusted(value) | Self::Verbatim(value) | Self::Label(Some(value)) => {
                value.len()
            }
            Self::CommandLine(line) => line.as_bytes().len(),
            Self::Word(_) | Self::Number(_) | Self::Label(None) => 0,
        }
    }
}

impl<'a> Record<'a> {
    /// A record without fields.
    #[must_use]
    pub fn new(record_type: RecordType) -> Self {
        Self {
            record_type,
            fields: Vec::with_capacity(8),
            exe: None,
            terminal: None,
            origin: (record_type != RecordType::USER_CMD).then(Origin::default),
            outcome: None,
            value_limit_bytes: VALUE_LIMIT_BYTES,
            mistake: None,
        }
    }

    /// Adds bytes that anybody may have chosen. A long value goes on in further records.
    #[must_use]
    pub fn untrusted(self, name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.field(name, FieldKind::Untrusted, Value::Untrusted(value.as_ref()))
    }

    /// Adds a command as an untrusted value that, when it is long, is cut between its words.
    #[must_use]
    pub fn command_line(self, name: &'a str, value: &'a CommandLine) -> Self {
        self.field(name, FieldKind::Untrusted, Value::CommandLine(value))
    }

    /// Adds a word that the program itself chose; see [`is_word`](field::is_word).
    #[must_use]
    pub fn word(mut self, name: &'a str, value: &'a str) -> Self {
        if !field::is_word(value) {
            self.mistake(name, FieldProblem::Word { value: value.to_owned() });
        }
        self.field(name, FieldKind::Word, Value::Word(value))
    }

    /// Adds a decimal number.
    #[must_use]
    pub fn number(self, name: &'a str, value: impl Into<u64>) -> Self {
        self.field(name, FieldKind::Number, Value::Number(value.into()))
    }

    /// Adds a security label; `None` is written `?`.
    ///
    /// The label may come from `/proc/PID/attr/current`, `getxattr(2)` or `SO_PEERSEC`: the NUL or
    /// newline with which the kernel ends it is left out.
    #[must_use]
    pub fn label(self, name: &'a str, value: Option<&'a [u8]>) -> Self {
        self.field(name, FieldKind::Label, Value::Label(value.and_then(trim_label)))
    }

    /// Puts text in front that the caller wrote himself, field names and all.
    ///
    /// For libraries that pass on what they are given. Nothing checks or encodes it but for
    /// [control characters](crate::encoding::encode_verbatim), so it must not hold values that
    /// people choose. A long text goes on in further records, cut at spaces where it has any.
    #[must_use]
    pub fn verbatim(mut self, text: &'a [u8]) -> Self {
        if self.fields.iter().any(|field| matches!(field.value, Value::Verbatim(_))) {
            self.mistake("", FieldProblem::Repeated);
        }
        self.fields.insert(0, Field { name: "", value: Value::Verbatim(text) });
        self
    }

    /// Says who acts: `exe` and `terminal`. The kernel adds `pid`, `uid`, `auid` and `ses` itself.
    #[must_use]
    pub fn subject(mut self, subject: &'a Subject) -> Self {
        self.exe = subject.exe.as_deref();
        self.terminal = subject.terminal.as_ref().map(|terminal| terminal.as_ref().as_bytes());
        self
    }

    /// Says which program acts, in place of the [subject](Self::subject)'s.
    #[must_use]
    pub fn exe(mut self, path: Option<&'a [u8]>) -> Self {
        self.exe = path;
        self
    }

    /// Says at which terminal, in place of the [subject](Self::subject)'s.
    #[must_use]
    pub fn terminal(mut self, name: Option<&'a [u8]>) -> Self {
        self.terminal = name;
        self
    }

    /// Says where the person is. `None` leaves `hostname` and `addr` out, as `USER_CMD` does
    /// unless told otherwise.
    #[must_use]
    pub fn origin(mut self, origin: Option<Origin<'a>>) -> Self {
        self.origin = origin;
        self
    }

    /// Says whether it came about. A record cannot be sent without.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Writes no more than this of a value in a record that goes on, in place of
    /// [`VALUE_LIMIT_BYTES`]: the last part says how many bytes are `missing`, and gives the `hash`
    /// of the whole. For records that anybody can cause, as of what is refused.
    #[must_use]
    pub fn limit_values(mut self, bytes: usize) -> Self {
        self.value_limit_bytes = bytes.clamp(1, VALUE_LIMIT_BYTES);
        self
    }

    /// The record's type.
    #[must_use]
    pub const fn record_type(&self) -> RecordType {
        self.record_type
    }

    /// Whether the record is free of mistakes.
    pub(crate) fn check(&self) -> Result<Outcome, Error> {
        if let Some((name, problem)) = &self.mistake {
            return Err(Error::Field { name: name.clone().into_owned(), problem: problem.clone() });
        }
        self.outcome.ok_or(Error::NoOutcome)
    }

    fn field(mut self, name: &'a str, kind: FieldKind, value: Value<'a>) -> Self {
        match field::kind(name) {
            Ok(expected) if expected != kind => {
                self.mistake(name, FieldProblem::Kind { expected });
            }
            Ok(_) if self.fields.iter().any(|field| field.name == name) => {
                self.mistake(name, FieldProblem::Repeated);
            }
            Ok(_) => self.insert(Field { name, value }),
            Err(problem) => self.mistake(name, problem),
        }
        self
    }

    /// `ausearch` looks for `cwd` only behind `acct`, so an account goes first of the two.
    fn insert(&mut self, field: Field<'a>) {
        let cwd = self.fields.iter().position(|other| other.name == "cwd");
        match cwd {
            Some(index) if field.name == "acct" => self.fields.insert(index, field),
            _ => self.fields.push(field),
        }
    }

    /// Keeps the first mistake.
    fn mistake(&mut self, name: &'a str, problem: FieldProblem) {
        self.mistake.get_or_insert((Cow::Borrowed(name), problem));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(record: &Record<'_>) -> String {
        String::from_utf8(record.texts().unwrap().concat()).unwrap()
    }

    fn problem(record: &Record<'_>) -> String {
        record.texts().unwrap_err().to_string()
    }

    #[test]
    fn fields_stand_in_order_and_the_outcome_last() {
        let record = Record::new(RecordType::VIRT_CONTROL)
            .outcome(Outcome::Failed)
            .word("virt", "docker")
            .word("op", "start")
            .untrusted("vm", "web")
            .number("vm-pid", 4711_u32)
            .label("vm-ctx", None);
        assert_eq!(
            text(&record),
            "virt=docker op=start vm=\"web\" vm-pid=4711 vm-ctx=? exe=\"?\" hostname=? addr=? \
             terminal=? res=failed"
        );
    }

    #[test]
    fn an_account_goes_before_the_directory() {
        let record = Record::new(RecordType::USER_CMD)
            .untrusted("cwd", "/")
            .untrusted("cmd", "id")
            .untrusted("acct", "root")
            .outcome(Outcome::Success);
        assert!(text(&record).starts_with("acct=\"root\" cwd=\"/\" cmd=\"id\""));
    }

    #[test]
    fn text_and_claims_of_a_caller_stand_where_readers_look() {
        let origin = Origin { hostname: Some(b"a b"), addr: Some(b"::1") };
        let record = Record::new(RecordType::USER_LOGIN)
            .untrusted("comm", "sh")
            .verbatim(b"op=login id=5")
            .exe(Some(b"/bin/x y"))
            .terminal(Some(b"ssh"))
            .origin(Some(origin))
            .outcome(Outcome::Failed);
        assert_eq!(
            text(&record),
            "op=login id=5 comm=\"sh\" exe=2F62696E2F782079 hostname=612062 addr=::1 \
             terminal=ssh res=failed"
        );
        let record = record.origin(None);
        assert!(text(&record).ends_with("exe=2F62696E2F782079 terminal=ssh res=failed"));
        assert_eq!(problem(&record.verbatim(b"x")), "field ``: is given twice");
    }

    #[test]
    fn labels_stand_bare_unless_they_could_end_the_field() {
        let label = b"system_u:system_r:spc_t:s0-s0:c0.c1023";
        let with = |label: &'static [u8]| {
            text(
                &Record::new(RecordType::USER_ROLE_CHANGE)
                    .label("default-context", Some(label))
                    .outcome(Outcome::Success),
            )
        };
        assert!(with(label).starts_with("default-context=system_u:system_r:spc_t:s0-s0:c0.c1023 "));
        // As SO_PEERSEC and /proc give it.
        let label = b"unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023\0";
        let plain = "default-context=unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023 ";
        assert!(with(label).starts_with(plain));
        assert!(with(b"unconfined\n").starts_with("default-context=unconfined "));
        assert!(with(b"\0").starts_with("default-context=? "));
        assert!(with(b"a (enforce)").starts_with("default-context=612028656E666F72636529 "));
        assert!(with(b"x,").starts_with("default-context=782C "));
        assert!(with(b"").starts_with("default-context=? "));
    }

    #[test]
    fn mistakes_show_when_the_record_is_written() {
        let record = || Record::new(RecordType::TEST).outcome(Outcome::Success);
        assert_eq!(
            problem(&record().untrusted("uid", "0")),
            "field `uid`: is written by the kernel or by the library itself"
        );
        assert_eq!(
            problem(&record().word("op", "a b")),
            "field `op`: a word is 1 to 255 characters of a-z, 0-9, `_` and `-`, not `a b`"
        );
        assert_eq!(problem(&record().word("cmd", "x")), "field `cmd`: takes free text");
        assert_eq!(
            problem(&record().word("op", "x").word("op", "y")),
            "field `op`: is given twice"
        );
        assert_eq!(
            problem(&record().untrusted("no\nsuch", "x")),
            "field `no\\nsuch`: no such field; see audit-core's list of fields"
        );
        assert!(matches!(Record::new(RecordType::TEST).texts(), Err(Error::NoOutcome)));
    }
}
