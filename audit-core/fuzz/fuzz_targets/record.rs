//! Puts arbitrary fields into a record. The values that are read back equal those that were given, as far
//! as a record keeps them, and no text is too long.

#![no_main]

use arbitrary::Arbitrary;
use audit_core::{CommandLine, Error, Field, Outcome, Record, RecordType, encoding};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

/// Fields for untrusted values (`acct` must come before `cwd`), names of a program's own, and names that
/// are refused.
const NAMES: [&str; 10] =
    ["cmd", "cwd", "acct", "path", "vm", "image", "build-id", "uid", "exe", "a b"];
const VALID_NAMES: usize = 7;

#[derive(Arbitrary, Debug)]
struct Input {
    values: Vec<(u8, Value)>,
    words: Vec<Vec<u8>>,
    exe: Option<Value>,
    terminal: Option<Vec<u8>>,
    op: Option<String>,
    number: Option<u64>,
    is_user_cmd: bool,
    has_failed: bool,
}

/// Bytes and how often to repeat them, so that short inputs make long values.
#[derive(Arbitrary, Debug)]
struct Value {
    bytes: Vec<u8>,
    times: u8,
}

impl Value {
    fn whole(&self) -> Vec<u8> {
        self.bytes.repeat(usize::from(self.times))
    }
}

fuzz_target!(|input: Input| {
    let line = CommandLine::new(&input.words);
    let values: Vec<_> = input
        .values
        .iter()
        .map(|(name, value)| (NAMES[usize::from(*name) % NAMES.len()], value.whole()))
        .collect();
    let exe = input.exe.as_ref().map(Value::whole);

    let record_type =
        if input.is_user_cmd { RecordType::USER_CMD } else { RecordType::VIRT_CONTROL };
    let outcome = if input.has_failed { Outcome::Failed } else { Outcome::Success };
    let mut record = Record::new(record_type)
        .command_line(Field::COMM, &line)
        .exe(exe.as_deref())
        .terminal(input.terminal.as_deref())
        .outcome(outcome);
    for (name, value) in &values {
        record = match Field::named(name) {
            Ok(field) => record.untrusted(field, value),
            Err(_) => record.own(name, value),
        };
    }
    if let Some(op) = &input.op {
        record = record.word(Field::OP, op);
    }
    if let Some(number) = input.number {
        record = record.number(Field::EXIT, number);
    }

    let texts = match record.texts() {
        Ok(texts) => texts,
        Err(error) => return check_mistake(&error, &input, &values),
    };
    let end = if input.has_failed { " res=failed" } else { " res=success" };
    let texts: Vec<_> = texts.into_iter().map(|text| String::from_utf8(text).unwrap()).collect();
    for text in &texts {
        assert!(text.len() <= Record::TEXT_LIMIT_BYTES && text.ends_with(end));
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\''));
        assert_eq!(text.matches(" res=").count(), 1);
    }
    check_value(&texts, "comm", line.as_bytes());
    check_value(&texts, "exe", exe.as_deref().unwrap_or(b"?"));
    for (name, value) in &values {
        check_value(&texts, name, value);
    }
    for text in &texts {
        assert_eq!(field(text, "op"), input.op.as_deref());
        assert_eq!(field(text, "exit"), input.number.map(|it| it.to_string()).as_deref());
    }
});

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

/// Checks that each text holds the whole value, or that the joined pieces are the value. For a value past
/// the limit, the text with the last piece must say how much is missing.
fn check_value(texts: &[String], name: &str, value: &[u8]) {
    let pieces: Vec<_> = texts
        .iter()
        .map(|text| field(text, name).map(|piece| encoding::decode(piece.as_bytes()).unwrap()))
        .collect();
    let is_whole = pieces.iter().all(|piece| piece.as_deref() == Some(value));
    let last = pieces.iter().rposition(Option::is_some);
    let joined: Vec<u8> = pieces.into_iter().flatten().flatten().collect();
    let (kept, missing) = value.split_at(value.len().min(Record::VALUE_LIMIT_BYTES));
    assert!(is_whole || joined == kept, "{name}");
    if !missing.is_empty() {
        let text = &texts[last.unwrap()];
        assert_eq!(field(text, "missing"), Some(missing.len().to_string().as_str()), "{name}");
        let hash = format!("sha256:{:x}", Sha256::digest(value));
        assert_eq!(field(text, "hash"), Some(hash.as_str()), "{name}");
    }
}

/// Checks that the record was refused for a mistake that it has.
fn check_mistake(error: &Error, input: &Input, values: &[(&str, Vec<u8>)]) {
    let has_bad_name = values.iter().any(|(name, _)| !NAMES[..VALID_NAMES].contains(name));
    let mut names: Vec<_> = values.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let is_repeated = names.windows(2).any(|pair| pair[0] == pair[1]);
    let is_bad_word = input.op.as_ref().is_some_and(|op| !audit_core::field::Word::is_valid(op));
    let has_long_terminal = input.terminal.as_ref().is_some_and(|it| it.len() * 2 > 6000);
    match error {
        Error::Field { .. } => assert!(has_bad_name || is_repeated || is_bad_word),
        Error::TooManyFields { .. } => assert!(has_long_terminal, "{error}"),
        error => panic!("{error}"),
    }
}
