//! audit-cli loses nothing of a long command.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Stdio};

use audit_core::{CommandLine, Record};

use crate::host::{audit_cli, field, found, found_settled, raw, run, tag, value};

/// Joins the decoded parts, as an auditor does.
fn joined(records: &[String]) -> Vec<u8> {
    records.iter().filter_map(|record| value(record, "cmd")).flatten().collect()
}

fn message(record: &str) -> &str {
    let (_, message) = record.split_once("msg='").unwrap();
    let (message, _) = message.rsplit_once('\'').unwrap();
    message
}

fn serial(record: &str) -> u64 {
    let (_, id) = record.split_once("msg=audit(").unwrap();
    let (id, _) = id.split_once(')').unwrap();
    id.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn check_parts(records: &[String]) {
    for (index, record) in records.iter().enumerate() {
        assert!(message(record).len() <= Record::TEXT_LIMIT_BYTES);
        assert!(message(record).ends_with(" res=success"), "{record}");
        assert!(field(record, "cwd").is_some() && field(record, "exe").is_some());
        if records.len() > 1 {
            let part = format!("{}/{}", index + 1, records.len());
            assert_eq!(field(record, "part"), Some(part.as_str()));
        }
    }
    let serials: Vec<u64> = records.iter().map(|record| serial(record)).collect();
    assert!(serials.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{serials:?}");
}

#[test]
fn an_auditor_can_join_the_parts_of_a_command_of_any_length() {
    let lengths =
        [4095, 4096, 8300, 8420, 8421, 8559, 8560, 8561, 8951, 8952, 9000, 20_000, 200_000];
    for length in lengths {
        for letter in ["x", " "] {
            let tag = tag();
            // The kernel accepts 128 KiB for one argument.
            let mut arguments = vec!["exec".to_owned(), "true".to_owned()];
            let mut left: usize = length;
            while left > 0 {
                let len = left.min(100_000);
                arguments.push(letter.repeat(len));
                left -= len;
            }
            // The tag is at both ends, so that the search finds the first and the last part. The
            // parts between follow by their serials.
            arguments.insert(2, tag.clone());
            arguments.push(tag.clone());
            assert!(run(&arguments).status.success(), "{length}");
            let ends = raw(&["-m", "USER_CMD"], &tag);
            let (first, last) = (serial(&ends[0]), serial(&ends[ends.len() - 1]));
            let records: Vec<String> = raw(&["-m", "USER_CMD"], "")
                .into_iter()
                .filter(|record| (first..=last).contains(&serial(record)))
                .collect();
            check_parts(&records);
            let line = CommandLine::new(&arguments[1..]);
            assert_eq!(joined(&records), line.as_bytes(), "{length}");
            let program = audit_cli();
            for search in [&["-sv", "yes"][..], &["-x", program.to_str().unwrap()], &["-ui", "0"]] {
                assert!(!found_settled(search, &tag).is_empty(), "{length} {search:?}");
            }
        }
    }
}

#[test]
fn the_record_of_two_megabytes_of_arguments_says_what_is_missing() {
    let tag = tag();
    let mut arguments = vec!["exec".to_owned(), "true".to_owned(), tag.clone()];
    arguments.extend((0..19).map(|_| "y".repeat(100_000)));
    assert!(run(&arguments).status.success());
    let first = raw(&["-m", "USER_CMD"], &tag).remove(0);
    let (_, count) = field(&first, "part").unwrap().split_once('/').unwrap();
    let serials = serial(&first)..serial(&first) + count.parse::<u64>().unwrap();
    let records: Vec<String> = raw(&["-m", "USER_CMD"], "")
        .into_iter()
        .filter(|record| serials.contains(&serial(record)))
        .collect();
    check_parts(&records);
    let line = CommandLine::new(&arguments[1..]);
    assert_eq!(joined(&records), &line.as_bytes()[..Record::VALUE_LIMIT_BYTES]);
    let last = &records[records.len() - 1];
    let missing = (line.as_bytes().len() - Record::VALUE_LIMIT_BYTES).to_string();
    assert_eq!(field(last, "missing"), Some(missing.as_str()));
    let mut sha256 =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut sha256.stdin.take().unwrap(), line.as_bytes()).unwrap();
    let sum = String::from_utf8(sha256.wait_with_output().unwrap().stdout).unwrap();
    let sum = sum.split(' ').next().unwrap();
    assert_eq!(field(last, "hash"), Some(format!("sha256:{sum}").as_str()));
}

#[test]
fn the_record_has_a_deep_directory_and_the_command() {
    let tag = tag();
    let directory = crate::host::Directory::new();
    let mut cwd = directory.path().to_owned();
    while cwd.as_os_str().len() < 3800 {
        cwd.push(" ".repeat(200));
    }
    fs::create_dir_all(&cwd).unwrap();
    let status = Command::new(audit_cli())
        .args(["exec", "true", &tag])
        .current_dir(&cwd)
        .stdin(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    let records = raw(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 1);
    assert_eq!(value(&records[0], "cwd"), Some(cwd.into_os_string().into_vec()));
    assert_eq!(found(&["-sv", "yes"], &tag).len(), 1);
}

#[test]
fn the_record_shows_empty_and_short_arguments() {
    let tag = tag();
    assert!(run(["exec", "true", &tag, "", "x"]).status.success());
    assert!(found(&["-m", "USER_CMD"], &tag)[0].contains(&format!("cmd=true {tag} '' x ")));
}
