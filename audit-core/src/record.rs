//! A record: one line of the audit trail, before it is written.
//!
//! This file knows which fields a record has and in which order readers need them. It does no I/O: `text`
//! and `part` turn a record into text.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::command_line::CommandLine;
use crate::error::Error;
use crate::field::{self, Field, FieldProblem, Label, Number, Untrusted, Word};
use crate::record_type::RecordType;
use crate::subject::{Subject, trim_label};

/// Whether the action that a record describes was allowed, or worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "readers know these two outcomes and no other")]
pub enum Outcome {
    /// The action was allowed, or it worked.
    Success,
    /// The action was denied, or it did not work.
    Failed,
}

impl Outcome {
    /// The word that `ausearch -sv` understands; it reads any other word as success.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

/// One line of the audit trail: a type, fields, the subject and the outcome.
///
/// The record borrows its values. It writes the fields in the order in which they were added. After
/// them it writes `exe`, `hostname` and `addr`, `terminal` and `res`. `USER_CMD` has no `hostname`
/// and no `addr`, as sudo writes it.
///
/// [`Field`] lists the names. A wrong name does not compile. A mistake that only the value can show,
/// such as a space in a word, is an error when the record is sent.
///
/// # Example
/// ```
/// use audit_core::{Field, Outcome, Record, RecordType};
///
/// let record = Record::new(RecordType::USER_CMD)
///     .untrusted(Field::CWD, "/home/dwalsh")
///     .untrusted(Field::CMD, "docker ps")
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
    pub(crate) entries: Vec<Entry<'a>>,
    pub(crate) exe: Option<&'a [u8]>,
    pub(crate) terminal: Option<&'a [u8]>,
    pub(crate) origin: Option<RawOrigin<'a>>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) value_limit_bytes: usize,
    mistake: Option<(Cow<'a, str>, FieldProblem)>,
}

/// The host from which the subject connected. Unknown parts are written `?`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// The host's name.
    pub hostname: Option<&'a [u8]>,
    /// The host's address.
    pub addr: Option<IpAddr>,
}

/// An [`Origin`] whose address may also be text from another program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RawOrigin<'a> {
    pub(crate) hostname: Option<&'a [u8]>,
    pub(crate) addr: Address<'a>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Address<'a> {
    #[default]
    Unknown,
    Ip(IpAddr),
    Text(&'a [u8]),
}

/// A field with its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
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
    /// Fields that the caller formatted. The entry that holds them has an empty name.
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
    /// Longest text of one record, in bytes. The kernel drops the rest and still acknowledges.
    ///
    /// # Source
    /// `AUDIT_MESSAGE_TEXT_MAX` in `include/uapi/linux/audit.h`; measured on 6.18.
    pub const TEXT_LIMIT_BYTES: usize = 8560;

    /// Longest value that is written in full, in bytes: 256 KiB, in about sixty parts.
    ///
    /// The last part of a longer value says how many bytes are `missing` and gives the `hash` of
    /// the whole value. The limit keeps one long command from pushing older records out of the log.
    pub const VALUE_LIMIT_BYTES: usize = 256 * 1024;

    /// A record without fields.
    #[must_use]
    pub fn new(record_type: RecordType) -> Self {
        Self {
            record_type,
            entries: Vec::with_capacity(8),
            exe: None,
            terminal: None,
            origin: (record_type != RecordType::USER_CMD).then(RawOrigin::default),
            outcome: None,
            value_limit_bytes: Self::VALUE_LIMIT_BYTES,
            mistake: None,
        }
    }

    /// Adds bytes that anyone may have chosen. A long value continues in further records.
    #[must_use]
    #[inline]
    pub fn untrusted(
        mut self,
        field: Field<Untrusted>,
        value: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Self {
        self.add(field.name(), Value::Untrusted(value.as_ref()));
        self
    }

    /// Adds a command as an untrusted value. A long command is split between its words.
    #[must_use]
    #[inline]
    pub fn command_line(mut self, field: Field<Untrusted>, value: &'a CommandLine) -> Self {
        self.add(field.name(), Value::CommandLine(value));
        self
    }

    /// Adds a word that the program itself chose; see [`Word::is_valid`].
    #[must_use]
    #[inline]
    pub fn word(mut self, field: Field<Word>, value: &'a str) -> Self {
        if !Word::is_valid(value) {
            self.mistake(field.name(), FieldProblem::Word { value: value.to_owned() });
        }
        self.add(field.name(), Value::Word(value));
        self
    }

    /// Adds a decimal number.
    #[must_use]
    #[inline]
    pub fn number(mut self, field: Field<Number>, value: impl Into<u64>) -> Self {
        self.add(field.name(), Value::Number(value.into()));
        self
    }

    /// Adds a security label. `None` is written `?`.
    ///
    /// The label may come from `/proc/PID/attr/current`, `getxattr(2)` or `SO_PEERSEC`: the record
    /// leaves out the NUL or newline with which the kernel ends it.
    #[must_use]
    #[inline]
    pub fn label(mut self, field: Field<Label>, value: Option<&'a [u8]>) -> Self {
        self.add(field.name(), Value::Label(value.and_then(trim_label)));
        self
    }

    /// Adds a field that the audit dictionary lacks, encoded like an untrusted value.
    ///
    /// Prefer a constant of [`Field`]: auditors' tools print a field of your own, but cannot search
    /// for it, and show an encoded value as hexadecimal. [`encoding::decode`](crate::encoding::decode)
    /// reads it back.
    ///
    /// The name has 1 to 48 characters of `a-z`, `0-9`, `_` and `-`, and starts with a letter. It
    /// must not end like a field that `ausearch` searches for by substring, such as `uid` or `res`.
    /// A wrong name is an error when the record is sent.
    ///
    /// # Example
    /// ```
    /// use audit_core::{Field, Outcome, Record, RecordType};
    ///
    /// const REGISTRY: &str = "registry";
    /// let record = Record::new(RecordType::SOFTWARE_UPDATE)
    ///     .untrusted(Field::SW, "fedora:43")
    ///     .own(REGISTRY, "registry.example.com:5000")
    ///     .outcome(Outcome::Success);
    /// let text = record.texts()?.concat();
    /// assert!(text.starts_with(br#"sw="fedora:43" registry="registry.example.com:5000" "#));
    /// # Ok::<(), audit_core::Error>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn own(mut self, name: &'a str, value: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        if let Err(problem) = field::check_own_name(name) {
            self.mistake(name, problem);
        }
        self.add(name, Value::Untrusted(value.as_ref()));
        self
    }

    /// Puts text at the start of the record that the caller formatted, field names included.
    ///
    /// This is for libraries that pass on text from another program. The record neither checks nor
    /// encodes the text, except for [control characters](crate::encoding::encode_verbatim), so it
    /// must not hold values that people choose. A long text continues in further records, split at
    /// spaces where it has any.
    #[must_use]
    #[inline]
    pub fn verbatim(mut self, text: &'a [u8]) -> Self {
        if self.entries.iter().any(|entry| matches!(entry.value, Value::Verbatim(_))) {
            self.mistake("", FieldProblem::Repeated);
        }
        self.entries.insert(0, Entry { name: "", value: Value::Verbatim(text) });
        self
    }

    /// Sets `exe` and `terminal`. The kernel itself adds `pid`, `uid`, `auid` and `ses`.
    #[must_use]
    #[inline]
    pub fn subject(mut self, subject: &'a Subject) -> Self {
        self.exe = subject.exe.as_deref();
        self.terminal = subject.terminal.as_ref().map(|terminal| terminal.as_ref().as_bytes());
        self
    }

    /// Sets `exe`, the program that acts, in place of the [subject](Self::subject)'s.
    #[must_use]
    #[inline]
    pub fn exe(mut self, path: Option<&'a [u8]>) -> Self {
        self.exe = path;
        self
    }

    /// Sets `terminal`, in place of the [subject](Self::subject)'s.
    #[must_use]
    #[inline]
    pub fn terminal(mut self, name: Option<&'a [u8]>) -> Self {
        self.terminal = name;
        self
    }

    /// Sets `hostname` and `addr`. `None` leaves both out, as `USER_CMD` does by default.
    #[must_use]
    #[inline]
    pub fn origin(mut self, origin: Option<Origin<'a>>) -> Self {
        self.origin = origin.map(|Origin { hostname, addr }| RawOrigin {
            hostname,
            addr: addr.map_or(Address::Unknown, Address::Ip),
        });
        self
    }

    /// Sets `addr` to text, in place of the [origin](Self::origin)'s address.
    ///
    /// This is for libraries that pass on the address as another program wrote it. `None` is
    /// written `?`.
    #[must_use]
    #[inline]
    pub fn addr_text(mut self, addr: Option<&'a [u8]>) -> Self {
        let origin = self.origin.get_or_insert_default();
        origin.addr = addr.map_or(Address::Unknown, Address::Text);
        self
    }

    /// Sets `res`. A record cannot be sent without it.
    #[must_use]
    #[inline]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// Lowers [`VALUE_LIMIT_BYTES`](Self::VALUE_LIMIT_BYTES) for this record.
    ///
    /// This is for records that anyone can cause, such as records of refused requests.
    #[must_use]
    #[inline]
    pub fn limit_values(mut self, bytes: usize) -> Self {
        self.value_limit_bytes = bytes.clamp(1, Self::VALUE_LIMIT_BYTES);
        self
    }

    /// The record's type.
    #[must_use]
    pub const fn record_type(&self) -> RecordType {
        self.record_type
    }

    /// Gives the outcome of a record that has no mistakes.
    pub(crate) fn check(&self) -> Result<Outcome, Error> {
        if let Some((name, problem)) = &self.mistake {
            return Err(Error::Field { name: name.clone().into_owned(), problem: problem.clone() });
        }
        self.outcome.ok_or(Error::NoOutcome)
    }

    /// Adds the field. The builders around it are inlined, so that none of them moves the record.
    fn add(&mut self, name: &'a str, value: Value<'a>) {
        if self.entries.iter().any(|entry| entry.name == name) {
            self.mistake(name, FieldProblem::Repeated);
        }
        // `ausearch` looks for `cwd` only after `acct`, so `acct` must come first of the two.
        let cwd = (name == Field::ACCT.name())
            .then(|| self.entries.iter().position(|entry| entry.name == Field::CWD.name()))
            .flatten();
        self.entries.insert(cwd.unwrap_or(self.entries.len()), Entry { name, value });
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
    fn fields_keep_their_order_and_the_outcome_comes_last() {
        let record = Record::new(RecordType::VIRT_CONTROL)
            .outcome(Outcome::Failed)
            .word(Field::VIRT, "docker")
            .word(Field::OP, "start")
            .untrusted(Field::VM, "web")
            .number(Field::VM_PID, 4711_u32)
            .label(Field::VM_CTX, None);
        assert_eq!(
            text(&record),
            "virt=docker op=start vm=\"web\" vm-pid=4711 vm-ctx=? exe=\"?\" hostname=? addr=? \
             terminal=? res=failed"
        );
    }

    #[test]
    fn the_account_comes_before_the_directory() {
        let record = Record::new(RecordType::USER_CMD)
            .untrusted(Field::CWD, "/")
            .untrusted(Field::CMD, "id")
            .untrusted(Field::ACCT, "root")
            .outcome(Outcome::Success);
        assert!(text(&record).starts_with("acct=\"root\" cwd=\"/\" cmd=\"id\""));
    }

    #[test]
    fn text_and_claims_of_a_caller_are_where_readers_look() {
        let origin = Origin { hostname: Some(b"a b"), addr: Some("::1".parse().unwrap()) };
        let record = Record::new(RecordType::USER_LOGIN)
            .untrusted(Field::COMM, "sh")
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
        let claimed = record.clone().addr_text(Some(b"x y"));
        assert!(text(&claimed).ends_with(" hostname=612062 addr=782079 terminal=ssh res=failed"));
        let record = record.origin(None);
        assert!(text(&record).ends_with("exe=2F62696E2F782079 terminal=ssh res=failed"));
        assert_eq!(problem(&record.verbatim(b"x")), "field ``: is given twice");
    }

    #[test]
    fn labels_are_bare_unless_they_could_end_the_field() {
        let label = b"system_u:system_r:spc_t:s0-s0:c0.c1023";
        let with = |label: &'static [u8]| {
            text(
                &Record::new(RecordType::USER_ROLE_CHANGE)
                    .label(Field::DEFAULT_CONTEXT, Some(label))
                    .outcome(Outcome::Success),
            )
        };
        assert!(with(label).starts_with("default-context=system_u:system_r:spc_t:s0-s0:c0.c1023 "));
        // As SO_PEERSEC and /proc return it.
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
    fn mistakes_are_errors_when_the_record_is_written() {
        let record = || Record::new(RecordType::TEST).outcome(Outcome::Success);
        assert_eq!(
            problem(&record().word(Field::OP, "a b")),
            "field `op`: a word is 1 to 255 characters of a-z, 0-9, `_` and `-`, not `a b`"
        );
        assert_eq!(
            problem(&record().word(Field::OP, "x").word(Field::OP, "y")),
            "field `op`: is given twice"
        );
        assert!(matches!(Record::new(RecordType::TEST).texts(), Err(Error::NoOutcome)));
    }

    #[test]
    fn an_own_field_is_encoded_and_its_name_checked() {
        let record = || Record::new(RecordType::TEST).outcome(Outcome::Success);
        let hostile = "x res=success\n";
        assert!(text(&record().own("image", "fedora:43")).starts_with("image=\"fedora:43\" exe="));
        assert!(
            text(&record().own("image", hostile))
                .starts_with("image=78207265733D737563636573730A exe=")
        );
        assert_eq!(
            problem(&record().own("image", "a").own("image", "b")),
            "field `image`: is given twice"
        );
        assert_eq!(
            problem(&record().own("uid", "0")),
            "field `uid`: is written by the kernel or by the library itself"
        );
        assert_eq!(
            problem(&record().own("cmd", "x")),
            "field `cmd`: is a field of the audit dictionary; use its constant"
        );
        assert_eq!(
            problem(&record().own("image_uid", "0")),
            "field `image_uid`: ends in `uid`, so ausearch would mistake it for that field; rename it"
        );
        assert_eq!(
            problem(&record().own("no\nsuch", "x")),
            "field `no\\nsuch`: the name is 1 to 48 characters of a-z, 0-9, `_` and `-`, and starts \
             with a letter"
        );
    }

    #[test]
    fn an_address_is_written_as_its_text() {
        let record = |addr: &str| {
            let addr = Some(addr.parse().unwrap());
            text(
                &Record::new(RecordType::USER_LOGIN)
                    .origin(Some(Origin { hostname: None, addr }))
                    .outcome(Outcome::Success),
            )
        };
        for addr in ["192.0.2.7", "::1", "2001:db8::1", "::ffff:192.0.2.7"] {
            assert!(record(addr).contains(&format!(" hostname=? addr={addr} terminal=? ")));
        }
    }
}
