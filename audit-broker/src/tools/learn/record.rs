//! Keeps the records that may be the broker's.
//!
//! This file knows the format of the broker's own records. A record in any other format is not the
//! broker's.

use std::str;

use audit_trail::{RecordType, Time, Value};

/// A record of one of the types that the broker writes.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) kind: RecordKind,
    pub(super) time: Time,
    pub(super) sender: Sender,
    /// The fields with their encoded values. Each name occurs once.
    fields: Vec<(String, String)>,
}

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// A call, or a resource of a new container.
    RecordedCall,
    /// A way in which a call gives access to the host.
    RoleChange,
    ServiceStart,
    ServiceStop,
}

/// The sender of a record, from the kernel's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sender {
    pub(super) pid: u32,
    pub(super) uid: u32,
    pub(super) auid: u32,
    session: u32,
}

/// A line of the trail, as far as this file understands it.
#[derive(Debug)]
pub(super) enum FoundRecord {
    Record(Record),
    /// A truncated record of one of these types.
    Truncated,
    /// A record of another type, or in another format than the broker's.
    Other,
}

/// Keeps a record if it may be the broker's.
pub(super) fn find(record: &audit_trail::Record<'_>) -> FoundRecord {
    let Some(kind) = RecordKind::of(record.record_type()) else { return FoundRecord::Other };
    if record.is_truncated() || record.user_text().is_none() {
        return FoundRecord::Truncated;
    }
    keep(kind, record).map_or(FoundRecord::Other, FoundRecord::Record)
}

fn keep(kind: RecordKind, record: &audit_trail::Record<'_>) -> Option<Record> {
    let number = |name| record.kernel(name)?.number();
    let sender = Sender {
        pid: number("pid")?,
        uid: number("uid")?,
        auid: number("auid")?,
        session: number("ses")?,
    };
    let mut fields: Vec<(String, String)> = Vec::new();
    // The broker writes only ASCII, one space between fields, and each name once.
    for word in str::from_utf8(record.user_text()?).ok()?.split(' ') {
        let (name, value) = word.split_once('=')?;
        if value.contains('\'') || fields.iter().any(|(known, _)| known == name) {
            return None;
        }
        fields.push((name.to_owned(), value.to_owned()));
    }
    let ends_in_outcome = fields.last().is_some_and(|(name, _)| name == "res");
    let time = record.stamp().time;
    ends_in_outcome.then_some(Record { kind, time, sender, fields })
}

impl RecordKind {
    const fn of(record_type: RecordType) -> Option<Self> {
        match record_type {
            RecordType::VIRT_CONTROL | RecordType::VIRT_RESOURCE | RecordType::SOFTWARE_UPDATE => {
                Some(Self::RecordedCall)
            }
            RecordType::USER_ROLE_CHANGE => Some(Self::RoleChange),
            RecordType::SERVICE_START => Some(Self::ServiceStart),
            RecordType::SERVICE_STOP => Some(Self::ServiceStop),
            _ => None,
        }
    }
}

impl Record {
    /// The value of a field that is a word or a number.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.word(name)?.parse().ok()
    }

    /// The decoded value of a field that a user chose; `None` if it is unknown or not UTF-8.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = Value::new(name.as_bytes(), self.word(name)?.as_bytes());
        String::from_utf8(value.to_bytes()?).ok()
    }

    pub(super) fn is_success(&self) -> bool {
        self.word("res") == Some("success")
    }

    /// Whether this record continues an earlier one, because a value was too long for one record.
    pub(super) fn is_continuation(&self) -> bool {
        self.word("part").is_some_and(|part| !part.starts_with("1/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "msg=audit(1790000000.123:456): pid=7 uid=999 auid=1001 ses=3 \
                        subj=docker-default (enforce)";

    fn find_in(line: &str) -> FoundRecord {
        audit_trail::Record::parse(line.as_bytes())
            .map_or(FoundRecord::Other, |record| find(&record))
    }

    #[test]
    fn the_kernels_prefix_and_the_fields_are_kept() {
        let line = format!(
            "node=a type=VIRT_CONTROL {HEAD} msg='virt=docker vm=\"web\" sw=612062 \
             res=success'\u{1d}UID=\"audit-broker\""
        );
        let FoundRecord::Record(record) = find_in(&line) else { panic!("{line}") };
        assert_eq!((record.kind, record.time.seconds()), (RecordKind::RecordedCall, 1_790_000_000));
        assert_eq!(record.sender, Sender { pid: 7, uid: 999, auid: 1001, session: 3 });
        assert_eq!(record.text("vm").as_deref(), Some("web"));
        assert_eq!(record.text("sw").as_deref(), Some("a b"));
        assert!(record.is_success() && !record.is_continuation());
    }

    #[test]
    fn a_truncated_record_differs_from_a_record_of_another_program() {
        let truncated = format!("type=VIRT_CONTROL {HEAD} msg='virt=docker op=start-requ");
        assert!(matches!(find_in(&truncated), FoundRecord::Truncated));
        for body in [
            "pam: default-context=x res=success",
            "virt=docker op=a op=b res=success",
            "virt=docker vm='x' res=success",
            "virt=docker res=success op=start",
            "",
        ] {
            let line = format!("type=VIRT_CONTROL {HEAD} msg='{body}'");
            assert!(matches!(find_in(&line), FoundRecord::Other), "{line}");
        }
        assert!(matches!(find_in("type=LOGIN msg=audit(1.2:3): pid=1"), FoundRecord::Other));
    }
}
