//! One line of the audit trail, read back.
//!
//! Knows the kernel's envelope and the form in which the broker's own records are written, and no
//! other form: what does not have it is none of the broker's.

use std::str;

use audit_core::encoding;

/// A record of one of the types that the broker writes.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) kind: RecordKind,
    pub(super) time: Time,
    pub(super) sender: Sender,
    /// Each name once, the values as they are written.
    fields: Vec<(String, String)>,
}

/// What type it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// A call, or something that a container is given.
    RecordedCall,
    /// A way in which a call yields the host.
    RoleChange,
    ServiceStart,
    ServiceStop,
}

/// When the kernel got it: seconds since 1970, and thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time {
    pub(super) seconds: i64,
    thousandths: u32,
}

/// Who sent it, as the kernel puts it in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sender {
    pub(super) pid: u32,
    pub(super) uid: u32,
    pub(super) auid: u32,
    session: u32,
}

/// What a line is.
#[derive(Debug)]
pub(super) enum Reading {
    Record(Record),
    /// A record of such a type that breaks off.
    Half,
    /// A record of another type, or in another form than the broker's.
    Other,
}

/// Ends what the kernel wrote; behind it, auditd repeats numbers as names.
///
/// # Source
/// `AUDIT_INTERP_SEPARATOR` in `libaudit.h`.
const NAMES_SEPARATOR: u8 = 0x1d;

/// Reads one line, without its end.
pub(super) fn read(line: &[u8]) -> Reading {
    let line = line.split(|byte| *byte == NAMES_SEPARATOR).next().unwrap_or_default();
    // All that the broker writes is ASCII.
    let Ok(text) = str::from_utf8(line) else { return Reading::Other };
    let text = match text.strip_prefix("node=") {
        Some(text) => text.split_once(' ').map_or("", |(_, text)| text),
        None => text,
    };
    let typed = text.strip_prefix("type=").and_then(|text| text.split_once(' '));
    let Some((kind, text)) = typed.and_then(|(name, text)| Some((RecordKind::of(name)?, text)))
    else {
        return Reading::Other;
    };
    let Some(text) = text.trim_end().strip_suffix('\'') else { return Reading::Half };
    record(kind, text).map_or(Reading::Other, Reading::Record)
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
    /// A field as it is written: a word or a number.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.word(name)?.parse().ok()
    }

    /// What people chose, decoded. What is no text can be no name either.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        String::from_utf8(encoding::decode(self.word(name)?.as_bytes())?).ok()
    }

    pub(super) fn is_success(&self) -> bool {
        self.word("res") == Some("success")
    }

    /// Whether a record before it says the same already: a value too long for one record goes on.
    pub(super) fn goes_on(&self) -> bool {
        self.word("part").is_some_and(|part| !part.starts_with("1/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "msg=audit(1790000000.123:456): pid=7 uid=999 auid=1001 ses=3 \
                        subj=docker-default (enforce)";

    fn read_text(text: &str) -> Reading {
        read(text.as_bytes())
    }

    #[test]
    fn the_envelope_and_the_fields_are_read() {
        let line = format!(
            "node=a type=VIRT_CONTROL {HEAD} msg='virt=docker vm=\"web\" sw=612062 \
             res=success'\u{1d}UID=\"audit-broker\""
        );
        let Reading::Record(record) = read_text(&line) else { panic!("{line}") };
        assert_eq!((record.kind, record.time.seconds), (RecordKind::RecordedCall, 1_790_000_000));
        assert_eq!(record.sender, Sender { pid: 7, uid: 999, auid: 1001, session: 3 });
        assert_eq!(record.text("vm").as_deref(), Some("web"));
        assert_eq!(record.text("sw").as_deref(), Some("a b"));
        assert_eq!(record.text("virt"), None);
        assert!(record.is_success() && !record.goes_on());
    }

    #[test]
    fn half_a_line_is_told_from_another_programs() {
        let half = format!("type=VIRT_CONTROL {HEAD} msg='virt=docker op=start-requ");
        assert!(matches!(read_text(&half), Reading::Half));
        for body in [
            "pam: default-context=x res=success",
            "virt=docker op=a op=b res=success",
            "virt=docker vm='x' res=success",
            "virt=docker res=success op=start",
            "",
        ] {
            let line = format!("type=VIRT_CONTROL {HEAD} msg='{body}'");
            assert!(matches!(read_text(&line), Reading::Other), "{line}");
        }
        for line in
            ["", "type=", "type=LOGIN msg=audit(1.2:3): pid=1", "type=VIRT_CONTROL '", "\u{1d}"]
        {
            assert!(matches!(read_text(line), Reading::Other), "{line}");
        }
    }
}
