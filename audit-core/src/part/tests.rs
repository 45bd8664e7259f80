use super::*;
use crate::command_line::CommandLine;
use crate::encoding::decode;
use crate::field::Field;
use crate::record::Outcome;
use crate::record_type::RecordType;
use proptest::prelude::*;

fn texts(record: &Record<'_>) -> Vec<String> {
    record.texts().unwrap().into_iter().map(|text| String::from_utf8(text).unwrap()).collect()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}

/// Joins the decoded pieces of all parts, as an auditor does.
fn join(texts: &[String], name: &str) -> Vec<u8> {
    texts.iter().filter_map(|text| decode(field(text, name)?.as_bytes())).flatten().collect()
}

fn check_parts(texts: &[String]) {
    for (index, text) in texts.iter().enumerate() {
        assert!(text.len() <= Record::TEXT_LIMIT_BYTES, "{}", text.len());
        assert!(text.ends_with(" terminal=? res=success"), "{text}");
        if texts.len() > 1 {
            assert_eq!(field(text, "part"), Some(&*format!("{}/{}", index + 1, texts.len())));
        }
    }
}

fn user_cmd<'a>(cwd: &'a [u8], line: &'a CommandLine) -> Record<'a> {
    Record::new(RecordType::USER_CMD)
        .untrusted(Field::CWD, cwd)
        .command_line(Field::CMD, line)
        .outcome(Outcome::Success)
}

#[test]
fn a_record_that_fits_is_one_text_without_a_number() {
    for len in
        [Record::TEXT_LIMIT_BYTES - 1, Record::TEXT_LIMIT_BYTES, Record::TEXT_LIMIT_BYTES + 1]
    {
        let others = "cwd=\"/\" cmd=\"\" exe=\"?\" terminal=? res=success".len();
        let word = "a".repeat(len - others);
        let line = CommandLine::new([&word]);
        let texts = texts(&user_cmd(b"/", &line));
        check_parts(&texts);
        assert_eq!(texts.len() == 1, len <= Record::TEXT_LIMIT_BYTES, "{len}");
        assert_eq!(field(&texts[0], "part").is_none(), texts.len() == 1);
        assert_eq!(join(&texts, "cmd"), line.as_bytes());
    }
}

#[test]
fn a_long_command_is_cut_between_its_words() {
    let words: Vec<String> = (0..2000).map(|n| format!("argument-{n}")).collect();
    let line = CommandLine::new(&words);
    let texts = texts(&user_cmd(b"/home/dwalsh", &line));
    check_parts(&texts);
    assert!(texts.len() > 2);
    for text in &texts {
        let piece = decode(field(text, "cmd").unwrap().as_bytes()).unwrap();
        assert!(piece.starts_with(b"argument-"));
        assert_eq!(field(text, "cwd"), Some("\"/home/dwalsh\""));
        assert_eq!(field(text, "missing"), None);
    }
    assert_eq!(join(&texts, "cmd"), line.as_bytes());
}

#[test]
fn a_directory_and_a_program_that_fill_a_record_are_cut_too() {
    let cwd = vec![0xFF; 4095];
    let exe = vec![b' '; 4095];
    let line = CommandLine::new([vec![b'\n'; 5000]]);
    let mut record = user_cmd(&cwd, &line);
    record.exe = Some(&exe);
    let texts = texts(&record);
    check_parts(&texts);
    assert_eq!(join(&texts, "cwd"), cwd);
    assert_eq!(join(&texts, "exe"), exe);
    assert_eq!(join(&texts, "cmd"), line.as_bytes());
}

#[test]
fn a_short_command_is_in_one_part_only() {
    let cwd = vec![0xFF; 4095];
    let exe = vec![b' '; 4095];
    let line = CommandLine::new(["docker", "ps"]);
    let mut record = user_cmd(&cwd, &line);
    record.exe = Some(&exe);
    let texts = texts(&record);
    check_parts(&texts);
    assert!(texts.len() > 1);
    assert_eq!(join(&texts, "cmd"), b"docker ps");
}

#[test]
fn past_the_limit_the_last_part_says_how_much_is_missing() {
    let word = vec![b'a'; Record::VALUE_LIMIT_BYTES + 12_345];
    let line = CommandLine::new([&word]);
    let texts = texts(&user_cmd(b"/", &line));
    check_parts(&texts);
    assert_eq!(join(&texts, "cmd"), &word[..Record::VALUE_LIMIT_BYTES]);
    let (last, others) = texts.split_last().unwrap();
    assert_eq!(field(last, "missing"), Some("12345"));
    let digest = format!("sha256:{:x}", Sha256::digest(&word));
    assert_eq!(field(last, "hash"), Some(&*digest));
    assert!(others.iter().all(|text| field(text, "missing").is_none()));
}

#[test]
fn s35_a_record_may_limit_its_values_further() {
    let word = vec![b' '; 100_000];
    let line = CommandLine::new([&word]);
    let texts = texts(&user_cmd(b"/", &line).limit_values(4096));
    check_parts(&texts);
    assert!(texts.len() <= 2, "{}", texts.len());
    assert_eq!(join(&texts, "cmd").len(), 4096);
    assert_eq!(field(texts.last().unwrap(), "missing"), Some("95906"));
}

#[test]
fn at_the_limit_nothing_is_missing() {
    let word = vec![b'a'; Record::VALUE_LIMIT_BYTES];
    let texts = texts(&user_cmd(b"/", &CommandLine::new([&word])));
    check_parts(&texts);
    assert_eq!(join(&texts, "cmd"), word);
    assert!(texts.iter().all(|text| field(text, "missing").is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_joined_parts_are_the_original(
        words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..25),
        spaces in prop::collection::vec(Just(b"aaaa aaaa".to_vec()), 0..1500),
        cwd in prop::collection::vec(any::<u8>(), 1..4096),
        exe in prop::collection::vec(any::<u8>(), 1..4096),
    ) {
        let line = CommandLine::new(words.iter().chain(&spaces));
        let mut record = user_cmd(&cwd, &line);
        record.exe = Some(&exe);
        let texts = texts(&record);
        check_parts(&texts);
        prop_assert_eq!(join(&texts, "cmd"), line.as_bytes());
        for (name, value) in [("cwd", &cwd), ("exe", &exe)] {
            let is_whole = |text| decode(field(text, name)?.as_bytes()).map(|whole| whole == *value);
            let in_each_part = texts.iter().all(|text| is_whole(text) == Some(true));
            prop_assert!(in_each_part || join(&texts, name) == *value, "{}", name);
        }
    }
}

#[test]
fn a_long_verbatim_text_is_cut_at_spaces() {
    let words: Vec<String> = (0..2000).map(|n| format!("new-disk-{n}=x")).collect();
    let verbatim = words.join(" ");
    let record = Record::new(RecordType::VIRT_RESOURCE)
        .verbatim(verbatim.as_bytes())
        .untrusted(Field::COMM, "sh")
        .outcome(Outcome::Success);
    let texts = texts(&record);
    check_parts(&texts);
    assert!(texts.len() > 2);
    let pieces: Vec<&str> =
        texts.iter().filter_map(|text| text.split(" comm=\"sh\" part=").next()).collect();
    assert_eq!(pieces.concat().trim_end(), verbatim);

    let no_space = "x".repeat(20_000);
    let record =
        Record::new(RecordType::TEST).verbatim(no_space.as_bytes()).outcome(Outcome::Success);
    check_parts(&self::texts(&record));
    assert_eq!(self::texts(&record).len(), 3);
}

#[test]
fn a_terminal_that_fills_the_record_is_refused() {
    for len in [8000, 8400, 8500, 8560, 20_000] {
        let terminal = vec![b'x'; len];
        let record = Record::new(RecordType::TEST)
            .untrusted(Field::CMD, "docker ps")
            .verbatim(&terminal)
            .terminal(Some(&terminal))
            .outcome(Outcome::Success);
        assert!(matches!(record.texts(), Err(Error::TooManyFields { .. })), "{len}");
    }
}
