//! What the fuzz targets check. Built for them only.
#![expect(clippy::panic, clippy::expect_used, reason = "a fuzzer looks for panics")]

use crate::command_line::CommandLine;
use crate::encoding::decode;
use crate::netlink::fuzzing::exchange;
use crate::receipt::receipt;
use crate::record::{Outcome, Record, TEXT_LIMIT_BYTES};
use crate::record_type::RecordType;
use crate::status::parse_message;

/// Plays any bytes as answers: to a record, to a request for the state or the rules, and as what
/// the kernel gives to listeners.
pub fn answers(bytes: &[u8]) {
    exchange(bytes);
    for message_type in [1000, 1013] {
        let _ = parse_message(message_type, bytes);
    }
    let _ = receipt(bytes, 1, b"op=x res=success");
}

/// Writes any bytes as the fields of a record, reads the texts back as an auditor does, and expects
/// the same bytes again and no text over the limit.
pub fn record(bytes: &[u8]) {
    let mut pieces = bytes.splitn(3, |byte| *byte == 0xFE);
    let mut piece = || pieces.next().unwrap_or_default();
    let (cwd, vm, words) = (piece(), piece(), piece());
    let line = CommandLine::new(words.split(|byte| *byte == 0));
    let record = Record::new(RecordType::VIRT_CONTROL)
        .word("op", "fuzz")
        .untrusted("cwd", cwd)
        .untrusted("vm", vm)
        .command_line("cmd", &line)
        .outcome(Outcome::Failed);
    let texts = record.texts().expect("no field is wrong and each can be cut");
    let mut joined = Vec::new();
    for text in &texts {
        assert!(text.len() <= TEXT_LIMIT_BYTES, "over the limit");
        assert!(text.starts_with(b"op=fuzz ") && text.ends_with(b" terminal=? res=failed"));
        joined.extend(field(text, b"cmd").unwrap_or_default());
    }
    assert_eq!(joined, line.as_bytes(), "the command is another");
    for (name, value) in [(&b"cwd"[..], cwd), (b"vm", vm)] {
        let pieces: Vec<_> = texts.iter().filter_map(|text| field(text, name)).collect();
        let is_whole_in_each = pieces.iter().all(|piece| piece == value);
        assert!(is_whole_in_each || pieces.concat() == value, "a value is another");
    }
}

/// The decoded value of a field: names and values hold no space.
fn field(text: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut fields = text.split(|byte| *byte == b' ');
    let value = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix(b"="))?;
    match decode(value) {
        // An empty value is written as two quotes.
        None => panic!("the value is not encoded"),
        decoded => decoded,
    }
}
