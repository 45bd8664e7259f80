//! Reads the export format of journald, as `journalctl -o export` writes it.
//!
//! This file turns each entry of the audit transport into the line that auditd would have written, and
//! skips all other entries.

use std::io::{self, Read};

use crate::lines::{LINE_LIMIT_BYTES, Line, Lines};

/// The first field of an entry, with which an export begins.
pub(crate) const FIRST_FIELD: &[u8] = b"__CURSOR=";

/// The entries of an export.
///
/// # Source
/// "Journal Export Format" of systemd.io; `process_audit_string` in `src/journal/journald-audit.c`.
pub(crate) struct Journal<R> {
    lines: Lines<R>,
    entry: JournalEntry,
    line: Vec<u8>,
}

/// The fields of one entry. A program cannot write those that begin with `_`.
#[derive(Default)]
struct JournalEntry {
    transport: Vec<u8>,
    /// The number of the type.
    record_type: Vec<u8>,
    serial: Vec<u8>,
    /// Microseconds since 1970.
    time: Vec<u8>,
    host: Vec<u8>,
    /// The name of the type, a space, and the text after `audit(...): `.
    message: Vec<u8>,
}

impl<R: Read> Journal<R> {
    pub(crate) fn new(lines: Lines<R>) -> Self {
        Self { lines, entry: JournalEntry::default(), line: Vec::new() }
    }

    pub(crate) const fn line_number(&self) -> u64 {
        self.lines.number()
    }

    pub(crate) const fn read_bytes(&self) -> u64 {
        self.lines.read_bytes()
    }

    /// The line of the next entry of the audit transport.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let is_last = self.read_entry()?;
            if self.entry.write(&mut self.line).is_some() {
                return Ok(Some(Line::Text(&self.line)));
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    /// Reads up to the blank line after an entry. Returns true at the end of the stream.
    fn read_entry(&mut self) -> io::Result<bool> {
        self.entry.clear();
        loop {
            let binary = match self.lines.next()? {
                None => return Ok(true),
                Some(Line::Text(b"")) => return Ok(false),
                Some(Line::TooLong) => continue,
                Some(Line::Text(text)) => match memchr::memchr(b'=', text) {
                    Some(at) => {
                        let (name, value) = (text.get(..at), text.get(at + 1..));
                        if let Some(field) = self.entry.field(name.unwrap_or_default()) {
                            field.extend_from_slice(value.unwrap_or_default());
                        }
                        continue;
                    }
                    None => text.to_vec(),
                },
            };
            if !self.read_binary(&binary)? {
                return Ok(true);
            }
        }
    }

    /// Reads a field whose value has other than printable bytes: a length in little endian, the value
    /// and a newline. Returns false if the stream ends before.
    fn read_binary(&mut self, name: &[u8]) -> io::Result<bool> {
        let (mut len, mut shift) = (0_u64, 0_u32);
        let is_whole = self.lines.take(8, |bytes| {
            for byte in bytes {
                len |= u64::from(*byte) << shift;
                shift += 8;
            }
        })?;
        if !is_whole {
            return Ok(false);
        }
        let mut field = self.entry.field(name);
        let is_whole = self.lines.take(len, |bytes| {
            if let Some(field) = &mut field {
                let room = LINE_LIMIT_BYTES.saturating_sub(field.len());
                field.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
        })?;
        Ok(is_whole && self.lines.take(1, |_| {})?)
    }
}

impl JournalEntry {
    fn clear(&mut self) {
        let Self { transport, record_type, serial, time, host, message } = self;
        for field in [transport, record_type, serial, time, host, message] {
            field.clear();
        }
    }

    fn field(&mut self, name: &[u8]) -> Option<&mut Vec<u8>> {
        match name {
            b"_TRANSPORT" => Some(&mut self.transport),
            b"_AUDIT_TYPE" => Some(&mut self.record_type),
            b"_AUDIT_ID" => Some(&mut self.serial),
            b"_SOURCE_REALTIME_TIMESTAMP" => Some(&mut self.time),
            b"_HOSTNAME" => Some(&mut self.host),
            b"MESSAGE" => Some(&mut self.message),
            _ => None,
        }
    }

    /// Writes the entry as auditd would; `None` if it is no record.
    fn write(&self, line: &mut Vec<u8>) -> Option<()> {
        if self.transport != b"audit" || !self.serial.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let microseconds = crate::time::number(&self.time)?;
        let number = crate::time::number(&self.record_type)?;
        let at = memchr::memchr(b' ', &self.message)?;
        let text = self.message.get(at..)?;
        line.clear();
        if !self.host.is_empty() {
            line.extend_from_slice(b"node=");
            line.extend(self.host.iter().filter(|byte| byte.is_ascii_graphic()));
            line.push(b' ');
        }
        let record_type = crate::record_type::RecordType::of_number(u16::try_from(number).ok()?);
        let (seconds, milliseconds) = (microseconds / 1_000_000, microseconds / 1000 % 1000);
        let head = format!("type={record_type} msg=audit({seconds}.{milliseconds:03}:");
        line.extend_from_slice(head.as_bytes());
        line.extend_from_slice(&self.serial);
        line.extend_from_slice(b"):");
        line.extend(text.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "__CURSOR=s=1\n_TRANSPORT=audit\n_AUDIT_TYPE=1123\n_AUDIT_ID=77\n\
        _HOSTNAME=web1\n_SOURCE_REALTIME_TIMESTAMP=1795978908136000\n";

    fn read(text: &[u8]) -> Vec<String> {
        let mut journal = Journal::new(Lines::new(text));
        let mut found = Vec::new();
        while let Some(line) = journal.next().unwrap() {
            let Line::Text(text) = line else { panic!("too long") };
            found.push(String::from_utf8_lossy(text).into_owned());
        }
        found
    }

    #[test]
    fn an_entry_becomes_the_line_of_auditd() {
        let text = format!("{HEAD}MESSAGE=USER_CMD pid=3 uid=0 msg='op=x res=success'\n\n");
        let expected = "node=web1 type=USER_CMD msg=audit(1795978908.136:77): pid=3 uid=0 \
                        msg='op=x res=success'";
        assert_eq!(read(text.as_bytes()), [expected]);
        assert_eq!(read(text.trim_end().as_bytes()), [expected]);
    }

    #[test]
    fn a_value_in_binary_stays_one_line() {
        let value = b"AUDIT1123 pid=3\nmsg='x'";
        let mut text = format!("{HEAD}OTHER\n").into_bytes();
        for (name, value) in [("", &b"\n\nX=1\n"[..]), ("MESSAGE\n", value)] {
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(&(value.len() as u64).to_le_bytes());
            text.extend_from_slice(value);
            text.push(b'\n');
        }
        let found = read(&text);
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with(":77): pid=3 msg='x'"), "{found:?}");
    }

    /// Any program may log a MESSAGE that looks like a record.
    #[test]
    fn entries_of_programs_are_no_records() {
        let text = "__CURSOR=s=1\n_TRANSPORT=syslog\nAUDIT_TYPE=1123\n_AUDIT_TYPE=1123\n\
                    _AUDIT_ID=1\n_SOURCE_REALTIME_TIMESTAMP=1\nMESSAGE=USER_CMD pid=3\n\n";
        assert_eq!(read(text.as_bytes()), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(tail: Vec<u8>) {
            read(&[HEAD.as_bytes(), &tail].concat());
        }
    }
}
