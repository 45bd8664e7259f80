//! The fields that a record may carry, and what kind of value each takes.
//!
//! Knows the audit field dictionary and the names that disturb `ausearch`. Knows nothing of
//! records. `ausearch` finds values by plain substring search, so a badly chosen name hides the
//! whole record: only the names below pass.

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// The name is not one that auditors' tools know.
    #[error("no such field; see audit-core's list of fields")]
    Unknown,
    /// The kernel or the library writes this field itself.
    #[error("is written by the kernel or by the library itself")]
    Reserved,
    /// The record has the field already; readers would take the first one only.
    #[error("is given twice")]
    Repeated,
    /// The value is of another kind than the field takes.
    #[error("takes {expected}")]
    Kind {
        /// The kind of value that the field takes.
        expected: FieldKind,
    },
    /// The value is not a word.
    #[error(
        "a word is 1 to {WORD_LIMIT_BYTES} characters of a-z, 0-9, `_` and `-`, not `{}`",
        value.escape_debug()
    )]
    Word {
        /// The value as given.
        value: String,
    },
}

/// What a field's value is made of, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Bytes that anybody may have chosen; encoded, and decoded by `ausearch -i`.
    Untrusted,
    /// One word that the program itself chose.
    Word,
    /// A decimal number.
    Number,
    /// The label that a security module gives a process or file.
    Label,
}

impl std::fmt::Display for FieldKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Untrusted => "free text",
            Self::Word => "a word",
            Self::Number => "a decimal number",
            Self::Label => "a security label",
        })
    }
}

/// Longest word, in bytes: a word is never cut, so a record must hold it beside everything else.
pub const WORD_LIMIT_BYTES: usize = 255;

/// Whether the value is a word: 1 to 255 characters of `a-z`, `0-9`, `_` and `-`.
#[must_use]
pub fn is_word(value: &str) -> bool {
    (1..=WORD_LIMIT_BYTES).contains(&value.len())
        && value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// The kind of value that the field takes.
///
/// # Errors
/// [`FieldProblem::Reserved`] for what the kernel or the library writes, [`FieldProblem::Unknown`]
/// for every other name that is not in the list.
pub fn kind(name: &str) -> Result<FieldKind, FieldProblem> {
    if RESERVED.contains(&name) {
        return Err(FieldProblem::Reserved);
    }
    [
        (UNTRUSTED, FieldKind::Untrusted),
        (WORDS, FieldKind::Word),
        (NUMBERS, FieldKind::Number),
        (LABELS, FieldKind::Label),
    ]
    .iter()
    .find(|(names, _)| names.contains(&name))
    .map(|(_, kind)| *kind)
    .ok_or(FieldProblem::Unknown)
}

// Source of the four lists: audit-field-dictionary.csv of audit-documentation, and
// auparse/typetab.h for the names that are decoded without standing in the dictionary (`grp`,
// `new_group`, `root_dir`, `sw`). Left out are: names ending in `uid` that make `ausearch -ui` drop
// the record (`euid`, `iuid`, `obj_uid`, `ouid`, ...); `gpg_res`, which it would read as `res`; the
// fields of system calls; and hexadecimal numbers, which only the kernel writes.

/// Fields for bytes that anybody may have chosen. All are decoded by `ausearch -i`.
const UNTRUSTED: &[&str] = &[
    "acct",
    "cgroup",
    "cmd",
    "comm",
    "cwd",
    "device",
    "dir",
    "file",
    "grp",
    "key",
    "name",
    "new-chardev",
    "new-disk",
    "new-fs",
    "new-net",
    "new-rng",
    "new_group",
    "ocomm",
    "old-chardev",
    "old-disk",
    "old-fs",
    "old-net",
    "old-rng",
    "path",
    "proctitle",
    "root_dir",
    "sw",
    "vm",
    "watch",
];

/// Fields for one word.
const WORDS: &[&str] = &[
    "acl",
    "bool",
    "bus",
    "category",
    "cipher",
    "class",
    "direction",
    "format",
    "grantors",
    "kind",
    "mac",
    "model",
    "new-level",
    "old-level",
    "op",
    "pfs",
    "printer",
    "reason",
    "resrc",
    "state",
    "sw_type",
    "unit",
    "uri",
    "user",
    "uuid",
    "virt",
];

/// Fields for a decimal number.
const NUMBERS: &[&str] = &[
    "added",
    "changed",
    "entries",
    "errno",
    "exit",
    "id",
    "key_enforce",
    "ksize",
    "len",
    "lport",
    "new-enabled",
    "new-mem",
    "new-vcpu",
    "new_gid",
    "oauid",
    "old-auid",
    "old-enabled",
    "old-mem",
    "old-ses",
    "old-vcpu",
    "opid",
    "oses",
    "ppid",
    "removed",
    "rport",
    "sauid",
    "seqno",
    "sig",
    "spid",
    "suid",
    "vm-pid",
];

/// Fields for a security label.
const LABELS: &[&str] = &[
    "default-context",
    "img-ctx",
    "new-range",
    "new-role",
    "new-seuser",
    "old-range",
    "old-role",
    "old-seuser",
    "range",
    "role",
    "selected-context",
    "seuser",
    "vm-ctx",
];

/// Fields that the kernel (`pid` to `subj`) or the library writes. A second one would mislead.
///
/// `part`, `missing` and `hash` belong to values that go on in further records. They are this
/// library's own: the dictionary has no name for them, and no reader searches for them.
const RESERVED: &[&str] = &[
    "pid", "uid", "auid", "ses", "subj", "msg", "type", "node", "part", "missing", "hash", "exe",
    "hostname", "addr", "terminal", "res", "result",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_is_sorted_and_no_name_stands_twice() {
        let all = [UNTRUSTED, WORDS, NUMBERS, LABELS];
        for list in all {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "{list:?}");
        }
        let mut names: Vec<_> = all.concat();
        names.extend(RESERVED);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn no_name_disturbs_the_search() {
        for name in [UNTRUSTED, WORDS, NUMBERS, LABELS].concat() {
            let safe_uid = ["auid", "suid", "fsuid", "uuid"];
            assert!(!name.ends_with("uid") || safe_uid.iter().any(|safe| name.ends_with(safe)));
            assert!(!name.ends_with("res") && !name.ends_with("exe"), "{name}");
            assert!(!name.ends_with("terminal") && !name.ends_with("hostname"), "{name}");
            assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')));
        }
    }

    #[test]
    fn names_have_kinds() {
        assert_eq!(kind("cmd"), Ok(FieldKind::Untrusted));
        assert_eq!(kind("op"), Ok(FieldKind::Word));
        assert_eq!(kind("exit"), Ok(FieldKind::Number));
        assert_eq!(kind("selected-context"), Ok(FieldKind::Label));
        for name in ["pid", "uid", "auid", "res", "part"] {
            assert_eq!(kind(name), Err(FieldProblem::Reserved));
        }
        for name in ["", "euid", "peer_uid", "CMD", "cmd ", "image", "gpg_res", "a=b"] {
            assert_eq!(kind(name), Err(FieldProblem::Unknown), "{name}");
        }
    }

    #[test]
    fn words_are_narrow() {
        assert!(is_word("host-mount_2"));
        assert!(is_word(&"a".repeat(255)));
        for word in ["", "a b", "A", "a=b", "a,b", "é", "a\n", "'", &"a".repeat(256)] {
            assert!(!is_word(word), "{word}");
        }
    }
}
