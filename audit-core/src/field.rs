//! The names of fields, each with the kind of value that it takes.
//!
//! [`Field`] lists every name that a record may carry, as a constant. The type of the constant says
//! what kind of value the field takes, so a misspelt name or a wrong kind of value does not compile:
//!
//! ```compile_fail,E0308
//! # use audit_core::{Field, Record, RecordType};
//! Record::new(RecordType::USER_CMD).number(Field::CMD, 1_u32); // `cmd` takes free text
//! ```
//!
//! | kind | [`Record`](crate::Record) method | written as |
//! |---|---|---|
//! | [`Untrusted`] | [`untrusted`](crate::Record::untrusted), [`command_line`](crate::Record::command_line) | `cmd="id"`, or hexadecimal where quotes are not safe |
//! | [`Word`] | [`word`](crate::Record::word) | `op=start` |
//! | [`Number`] | [`number`](crate::Record::number) | `exit=3` |
//! | [`Label`] | [`label`](crate::Record::label) | `vm-ctx=system_u:object_r:svirt_t:s0`, or `?` |
//!
//! A few fields have methods of their own: `exe`, `terminal`, `hostname`, `addr` and `res`.
//!
//! # Names that are known only at run time
//!
//! A program that reads names from its arguments or its configuration looks them up with
//! [`Field::named`], or asks [`FieldKind::of`] for the kind first.
//!
//! # Names of your own
//!
//! `ausearch` searches for many fields by plain substring search, so one badly chosen name can hide
//! the whole record. Prefer a name from the list: `op`, `reason`, `name` and `vm` fit most needs. If
//! none fits, [`Record::own`](crate::Record::own) adds a field with any harmless name and encodes its
//! value. Auditors' tools print such a field, but cannot search for it or decode it.

mod table;

use std::fmt;
use std::marker::PhantomData;

/// The name of a field, such as [`Field::CMD`]. `K` is the kind of value that the field takes.
///
/// # Example
/// ```
/// use audit_core::{Field, Outcome, Record, RecordType};
///
/// let record = Record::new(RecordType::VIRT_CONTROL)
///     .word(Field::VIRT, "docker")
///     .word(Field::OP, "start")
///     .untrusted(Field::VM, "web")
///     .number(Field::VM_PID, 4711_u32)
///     .outcome(Outcome::Success);
/// assert!(record.texts()?.concat().starts_with(b"virt=docker op=start vm=\"web\" vm-pid=4711 "));
/// # Ok::<(), audit_core::Error>(())
/// ```
///
/// # Source
/// `specs/fields/field-dictionary.csv` of the project audit-documentation. `auparse/typetab.h` of
/// audit-userspace for the names that readers decode although the dictionary lacks them: `grp`,
/// `new_group`, `root_dir` and `sw`.
///
/// These names of the dictionary are left out:
/// - names that end in `uid` and make `ausearch -ui` miss the record (`euid`, `iuid`, `ouid` ...),
/// - `gpg_res`, which `ausearch` reads as `res`,
/// - the fields of system calls, and hexadecimal numbers: only the kernel writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field<K> {
    name: &'static str,
    kind: PhantomData<K>,
}

impl<K> Field<K> {
    const fn of_table(name: &'static str) -> Self {
        Self { name, kind: PhantomData }
    }

    /// The name, as it stands in the record.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<K: Kind> Field<K> {
    /// Finds the field of this kind by its name.
    ///
    /// # Errors
    /// [`FieldProblem::Kind`] if the field takes another kind of value. Otherwise as
    /// [`FieldKind::of`].
    ///
    /// # Example
    /// ```
    /// use audit_core::field::{Field, FieldProblem, Word};
    ///
    /// assert_eq!(Field::<Word>::named("op"), Ok(Field::OP));
    /// assert_eq!(Field::<Word>::named("image"), Err(FieldProblem::Unknown));
    /// ```
    pub fn named(name: &str) -> Result<Self, FieldProblem> {
        match K::FIELDS.iter().find(|field| field.name == name) {
            Some(field) => Ok(*field),
            None => Err(FieldProblem::Kind { expected: FieldKind::of(name)? }),
        }
    }

    /// Every field of this kind, in alphabetical order.
    pub fn all() -> impl Iterator<Item = Self> {
        K::FIELDS.iter().copied()
    }
}

impl<K> fmt::Display for Field<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// The kind of value that a [`Field`] takes, as a type. Only this crate implements it.
pub trait Kind: private::Sealed + Copy + 'static {
    /// The kind as a value.
    const KIND: FieldKind;
    #[doc(hidden)]
    const FIELDS: &'static [Field<Self>];
}

mod private {
    /// Keeps other crates from implementing [`Kind`](super::Kind).
    pub trait Sealed {}
}

/// Bytes that anyone may have chosen. The record holds them encoded; `ausearch -i` decodes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Untrusted;

/// One word that the program itself chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Word;

/// A decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number;

/// The label that a security module gives a process or file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label;

impl Word {
    /// Longest word, in bytes. A word is never split, so a record must have room for all of it.
    pub const LIMIT_BYTES: usize = 255;

    /// Whether the value is a word: 1 to 255 characters of `a-z`, `0-9`, `_` and `-`.
    #[must_use]
    pub fn is_valid(value: &str) -> bool {
        (1..=Self::LIMIT_BYTES).contains(&value.len()) && value.bytes().all(is_word_byte)
    }
}

const fn is_word_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')
}

/// The kind of value that a field takes, as a value: for names that are known only at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle each kind")]
pub enum FieldKind {
    /// See [`Untrusted`].
    Untrusted,
    /// See [`Word`].
    Word,
    /// See [`Number`].
    Number,
    /// See [`Label`].
    Label,
}

impl FieldKind {
    /// The kind of value that the field with this name takes.
    ///
    /// # Errors
    /// [`FieldProblem::Reserved`] for a field that the kernel or this library writes,
    /// [`FieldProblem::Unknown`] for any other name that is not a constant of [`Field`].
    pub fn of(name: &str) -> Result<Self, FieldProblem> {
        if RESERVED.contains(&name) {
            return Err(FieldProblem::Reserved);
        }
        let kinds =
            [has::<Untrusted>(name), has::<Word>(name), has::<Number>(name), has::<Label>(name)];
        kinds.into_iter().flatten().next().ok_or(FieldProblem::Unknown)
    }
}

fn has<K: Kind>(name: &str) -> Option<FieldKind> {
    K::FIELDS.iter().any(|field| field.name == name).then_some(K::KIND)
}

impl fmt::Display for FieldKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Untrusted => "free text",
            Self::Word => "a word",
            Self::Number => "a decimal number",
            Self::Label => "a security label",
        })
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// No constant of [`Field`] has this name.
    #[error("no such field; see audit-core's list of fields")]
    Unknown,
    /// The kernel or this library writes this field itself.
    #[error("is written by the kernel or by the library itself")]
    Reserved,
    /// The record already has this field. Readers would take the first one only.
    #[error("is given twice")]
    Repeated,
    /// The field takes another kind of value.
    #[error("takes {expected}")]
    Kind {
        /// The kind of value that the field takes.
        expected: FieldKind,
    },
    /// The value is not a word.
    #[error(
        "a word is 1 to {} characters of a-z, 0-9, `_` and `-`, not `{}`",
        Word::LIMIT_BYTES,
        value.escape_debug()
    )]
    Word {
        /// The value as given.
        value: String,
    },
    /// [`Record::own`](crate::Record::own) was given a name that a constant of [`Field`] has.
    #[error("is a field of the audit dictionary; use its constant")]
    Standard,
    /// The name of a field of your own is too long or has other characters.
    #[error(
        "the name is 1 to {} characters of a-z, 0-9, `_` and `-`, and starts with a letter",
        OWN_NAME_LIMIT_BYTES
    )]
    Name,
    /// The name of a field of your own ends like a field that `ausearch` searches for.
    #[error("ends in `{ending}`, so ausearch would mistake it for that field; rename it")]
    Misleading {
        /// The end of the name.
        ending: &'static str,
    },
}

/// Longest name of a field of your own, in bytes. The longest name of the dictionary has 23; this is
/// twice that, rounded up.
const OWN_NAME_LIMIT_BYTES: usize = 48;

/// Fields that the kernel (`pid` to `subj`) or this library writes. A second one would mislead.
///
/// `part`, `missing` and `hash` describe values that are split across records. They are this
/// library's own: the dictionary has no name for them, and no reader searches for them.
const RESERVED: &[&str] = &[
    "pid", "uid", "auid", "ses", "subj", "msg", "type", "node", "part", "missing", "hash", "exe",
    "hostname", "addr", "terminal", "res", "result",
];

/// Ends of names that `ausearch` would take for the field of that name.
///
/// # Source
/// The calls of `strstr` in `src/ausearch-parse.c` of audit-userspace 4.2.
const SEARCHED_ENDINGS: &[&str] = &[
    "uid", "gid", "pid", "ses", "subj", "obj", "acct", "comm", "cwd", "hostname", "addr",
    "terminal", "tty", "exe", "res", "result", "key", "vm", "-ctx", "context", "tclass", "success",
    "exit", "arch", "syscall", "type", "a0", "a1",
];

/// Checks the name of a field that a program calls its own.
pub(crate) fn check_own_name(name: &str) -> Result<(), FieldProblem> {
    match FieldKind::of(name) {
        Ok(_) => return Err(FieldProblem::Standard),
        Err(FieldProblem::Unknown) => {}
        Err(problem) => return Err(problem),
    }
    let starts_with_letter = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts_with_letter || name.len() > OWN_NAME_LIMIT_BYTES || !name.bytes().all(is_word_byte) {
        return Err(FieldProblem::Name);
    }
    match SEARCHED_ENDINGS.iter().find(|ending| name.ends_with(**ending)) {
        Some(ending) => Err(FieldProblem::Misleading { ending }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> [Vec<&'static str>; 4] {
        fn of<K: Kind>() -> Vec<&'static str> {
            Field::<K>::all().map(Field::name).collect()
        }
        [of::<Untrusted>(), of::<Word>(), of::<Number>(), of::<Label>()]
    }

    #[test]
    fn each_list_is_sorted_and_no_name_appears_twice() {
        for list in names() {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "{list:?}");
        }
        let mut names: Vec<_> = names().concat();
        names.extend(RESERVED);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn no_name_disturbs_the_search() {
        for name in names().concat() {
            let safe_uid = ["auid", "suid", "fsuid", "uuid"];
            assert!(!name.ends_with("uid") || safe_uid.iter().any(|safe| name.ends_with(safe)));
            assert!(!name.ends_with("res") && !name.ends_with("exe"), "{name}");
            assert!(!name.ends_with("terminal") && !name.ends_with("hostname"), "{name}");
            assert!(name.bytes().all(is_word_byte));
        }
    }

    #[test]
    fn names_have_kinds() {
        assert_eq!(FieldKind::of("cmd"), Ok(FieldKind::Untrusted));
        assert_eq!(FieldKind::of("op"), Ok(FieldKind::Word));
        assert_eq!(FieldKind::of("exit"), Ok(FieldKind::Number));
        assert_eq!(FieldKind::of("selected-context"), Ok(FieldKind::Label));
        for name in ["pid", "uid", "auid", "res", "part"] {
            assert_eq!(FieldKind::of(name), Err(FieldProblem::Reserved));
        }
        for name in ["", "euid", "peer_uid", "CMD", "cmd ", "image", "gpg_res", "a=b"] {
            assert_eq!(FieldKind::of(name), Err(FieldProblem::Unknown), "{name}");
        }
    }

    #[test]
    fn a_name_finds_the_constant_of_its_kind_only() {
        assert_eq!(Field::<Untrusted>::named("cmd"), Ok(Field::CMD));
        assert_eq!(Field::<Number>::named("vm-pid"), Ok(Field::VM_PID));
        let expected = FieldKind::Untrusted;
        assert_eq!(Field::<Word>::named("cmd"), Err(FieldProblem::Kind { expected }));
        assert_eq!(Field::<Word>::named("pid"), Err(FieldProblem::Reserved));
        assert_eq!(Field::<Word>::named("image"), Err(FieldProblem::Unknown));
        assert_eq!(Field::NEW_DISK.to_string(), "new-disk");
    }

    #[test]
    fn own_names_are_harmless() {
        for name in ["image", "build-id", "x", "retry_count", "registry"] {
            assert_eq!(check_own_name(name), Ok(()), "{name}");
        }
        for name in ["", "9x", "-x", "Image", "a b", "a=b", "é", &"x".repeat(49)] {
            assert_eq!(check_own_name(name), Err(FieldProblem::Name), "{name}");
        }
        for (name, ending) in [("euid", "uid"), ("image-ses", "ses"), ("gpg_res", "res")] {
            assert_eq!(check_own_name(name), Err(FieldProblem::Misleading { ending }));
        }
        assert_eq!(check_own_name("cmd"), Err(FieldProblem::Standard));
        assert_eq!(check_own_name("exe"), Err(FieldProblem::Reserved));
    }

    #[test]
    fn words_are_narrow() {
        assert!(Word::is_valid("host-mount_2"));
        assert!(Word::is_valid(&"a".repeat(255)));
        for word in ["", "a b", "A", "a=b", "a,b", "é", "a\n", "'", &"a".repeat(256)] {
            assert!(!Word::is_valid(word), "{word}");
        }
    }
}
