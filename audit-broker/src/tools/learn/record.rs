//! Parses one line of the audit trail.
//!
//! Knows the kernel's prefix and the format of the broker's own records. A record in any other format is
//! not the broker's.

use std::str;

use audit_core::encoding;

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

/// The time when the kernel received the record: seconds since 1970, and thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time {
    pub(super) seconds: i64,
    thousandths: u32,
}

/// The sender of a record, from the kernel's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sender {
    pub(super) pid: u32,
    pub(super) uid: u32,
    pub(super) auid: u32,
    session: u32,
}

/// A parsed line.
#[derive(Debug)]
pub(super) enum Line {
    Record(Record),
    /// A truncated record of one of these types.
    Truncated,
    /// A record of another type, or in another format than the broker's.
    Other,
}

/// The character after the kernel's text. After it, auditd repeats numbers as names.
///
/// # Source
/// `AUDIT_INTERP_SEPARATOR` in `libaudit.h`.
const NAMES_SEPARATOR: u8 = 0x1d;

/// Parses one line without its newline.
pub(super) fn parse(line: &[u8]) -> Line {
    let line = line.split(|byte| *byte == NAMES_SEPARATOR).next().unwrap_or_default();
    // The broker writes only ASCII.
    let Ok(text) = str::from_utf8(line) else { return Line::Other };
    let text = match text.strip_prefix("node=") {
        Some(text) => text.split_once(' ').map_or("", |(_, text)| text),
        None => text,
    };
    let typed = text.strip_prefix("type=").and_then(|text| text.split_once(' '));
    let Some((kind, text)) = typed.and_then(|(name, text)| Some((RecordKind::of(name)?, text)))
    else {
        return Line::Other;
    };
    let Some(text) = text.trim_end().strip_suffix('\'') else { return Line::Truncated };
    record(kind, text).map_or(Line::Other, Line::Record)
}

fn record(kind: RecordKind, text: &str) -> Option<Record> {
    let (stamp, text) = text.strip_prefix("msg=audit(")?.split_once("): ")?;
    let (time, _) = stamp.split_once(':')?;
    let (seconds, thousandths) = time.split_once('.')?;
    let time = Time { seconds: seconds.parse().ok()?, thousandths: thousandths.parse().ok()? };
    let (head, body) = text.split_once(" msg='")?;
    let mut words = head.split(' ');
    let mut number = |name| words.next()?.strip_prefix(name)?.parse().ok();
    let sender = Sender {
        pid: number("pid=")?,
        uid: number("uid=")?,
        auid: number("auid=")?,
        session: number("ses=")?,
    };
    let mut fields: Vec<(String, String)> = Vec::new();
    for word in body.split(' ') {
        let (name, value) = word.split_once('=')?;
        if value.contains('\'') || fields.iter().any(|(known, _)| known == name) {
            return None;
        }
        fields.push((name.to_owned(), value.to_owned()));
    }
    let ends_in_outcome = fields.last().is_some_and(|(name, _)| name == "res");
    ends_in_outcome.then_some(Record { kind, time, sender, fields })
}

impl RecordKind {
    fn of(record_type: &str) -> Option<Self> {
        match record_type {
            "VIRT_CONTROL" | "VIRT_RESOURCE" | "SOFTWARE_UPDATE" => Some(Self::RecordedCall),
            "USER_ROLE_CHANGE" => Some(Self::RoleChange),
            "SERVICE_START" => Some(Self::ServiceStart),
            "SERVICE_STOP" => Some(Self::ServiceStop),
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

    /// The decoded value of a field that a user chose; `None` if it is not UTF-8.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        String::from_utf8(encoding::decode(self.word(name)?.as_bytes())?).ok()
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

    fn parse_text(text: &str) -> Line {
        parse(text.as_bytes())
    }

    #[test]
    fn the_kernels_prefix_and_the_fields_are_parsed() {
        let line = format!(
            "node=a type=VIRT_CONTROL {HEAD} msg='virt=docker vm=\"web\" sw=612062 \
             res=success'\u{1d}UID=\"audit-broker\""
        );
        let Line::Record(record) = parse_text(&line) else { panic!("{line}") };
        assert_eq!((record.kind, record.time.seconds), (RecordKind::RecordedCall, 1_790_000_000));
        assert_eq!(record.sender, Sender { pid: 7, uid: 999, auid: 1001, session: 3 });
        assert_eq!(record.text("vm").as_deref(), Some("web"));
        assert_eq!(record.text("sw").as_deref(), Some("a b"));
        assert_eq!(record.text("virt"), None);
        assert!(record.is_success() && !record.is_continuation());
    }

    #[test]
    fn a_truncated_record_differs_from_a_record_of_another_program() {
        let truncated = format!("type=VIRT_CONTROL {HEAD} msg='virt=docker op=start-requ");
        assert!(matches!(parse_text(&truncated), Line::Truncated));
        for body in [
            "pam: default-context=x res=success",
            "virt=docker op=a op=b res=success",
            "virt=docker vm='x' res=success",
            "virt=docker res=success op=start",
            "",
        ] {
            let line = format!("type=VIRT_CONTROL {HEAD} msg='{body}'");
            assert!(matches!(parse_text(&line), Line::Other), "{line}");
        }
        for line in
            ["", "type=", "type=LOGIN msg=audit(1.2:3): pid=1", "type=VIRT_CONTROL '", "\u{1d}"]
        {
            assert!(matches!(parse_text(line), Line::Other), "{line}");
        }
    }
}
