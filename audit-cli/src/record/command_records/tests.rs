//! One golden file for each shape of record. Users' parsers depend on each.

use std::fmt::Write;

use super::*;
use snapbox::{assert_data_eq, file};

use crate::docker;

fn records_of(words: &[&str]) -> CommandRecords {
    let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let mut subject = Subject::current().unwrap();
    subject.exe = Some(b"/usr/bin/audit-cli".to_vec());
    subject.cwd = Some(b"/home/dwalsh/docker".to_vec());
    subject.terminal = None;
    subject.label = None;
    let (line, host_access) = (CommandLine::new(&words), docker::host_access(&words));
    CommandRecords { subject, line, program: None, is_completion: false, host_access }
}

/// One line for each text: the record type, then the text.
fn texts(records: &[Record<'_>]) -> String {
    let mut lines = String::new();
    for record in records {
        for text in record.texts().unwrap() {
            let text = String::from_utf8(text).unwrap();
            writeln!(lines, "{} {text}", record.record_type()).unwrap();
        }
    }
    lines
}

#[test]
fn a_command() {
    let texts = texts(&records_of(&["docker"]).of_start(Outcome::Success));
    assert_data_eq!(texts, file!["../../../../tests/golden/command.txt"].raw());
}

#[test]
fn s25_a_command_whose_file_the_caller_s_path_chose() {
    let program = Some(b"/home/dwalsh/bin/docker".to_vec());
    let command = CommandRecords { program, ..records_of(&["docker", "ps"]) };
    let start = texts(&command.of_start(Outcome::Success));
    let expected = "cmd=646F636B6572207073 path=\"/home/dwalsh/bin/docker\" exe=";
    assert!(start.contains(expected), "{start}");
    assert!(texts(&[command.of_failed_start()]).contains(expected));
}

#[test]
fn a_command_that_was_not_found() {
    let texts = texts(&records_of(&["docker", "ps"]).of_start(Outcome::Failed));
    assert_data_eq!(texts, file!["../../../../tests/golden/command-not-found.txt"].raw());
}

#[test]
fn k12_the_completion_of_a_line_is_marked() {
    let words = ["docker", "__complete", "ps", ""];
    let command = CommandRecords { is_completion: true, ..records_of(&words) };
    let texts = texts(&command.of_start(Outcome::Success));
    assert_data_eq!(texts, file!["../../../../tests/golden/command-completion.txt"].raw());
}

#[test]
fn a_command_that_was_not_executed() {
    let texts = texts(&[records_of(&["docker", "ps"]).of_failed_start()]);
    assert_data_eq!(texts, file!["../../../../tests/golden/command-not-executed.txt"].raw());
}

#[test]
fn a_command_that_ended() {
    let command = records_of(&["docker", "ps"]);
    let ends = [
        Ended { exit: 0, signal: None },
        Ended { exit: 3, signal: None },
        Ended { exit: 137, signal: Some(9) },
    ];
    let records: Vec<_> = ends.into_iter().map(|ended| command.of_end(ended)).collect();
    assert_data_eq!(texts(&records), file!["../../../../tests/golden/command-ended.txt"].raw());
}

#[test]
fn a_command_that_asks_for_the_host() {
    let words = "docker run -ti --privileged -v /:/host fedora chroot /host";
    let words: Vec<&str> = words.split(' ').collect();
    let texts = texts(&records_of(&words).of_start(Outcome::Success));
    assert_data_eq!(texts, file!["../../../../tests/golden/host-access.txt"].raw());
}

#[test]
fn a_command_that_asks_for_the_host_in_other_ways() {
    let mut command = records_of(&[
        "docker",
        "run",
        "--device",
        "/dev/sda",
        "--device",
        "/dev/sdb",
        "--pid=host",
        "--net",
        "host",
        "--cap-add",
        "SYS_ADMIN",
        "--security-opt",
        "seccomp=unconfined",
        "fedora",
    ]);
    command.subject.label = Some(b"unconfined_u:unconfined_r:unconfined_t:s0".to_vec());
    let texts = texts(&command.of_start(Outcome::Success));
    assert_data_eq!(texts, file!["../../../../tests/golden/host-access-other.txt"].raw());
}

#[test]
fn a_command_without_a_working_directory() {
    let mut command = records_of(&["docker"]);
    command.subject.cwd = None;
    command.subject.exe = None;
    let texts = texts(&command.of_start(Outcome::Success));
    assert_data_eq!(texts, file!["../../../../tests/golden/command-without-directory.txt"].raw());
}

#[test]
fn a_long_command() {
    let words: Vec<String> = (0..1200).map(|number| format!("word-{number}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let texts = texts(&records_of(&words).of_start(Outcome::Success));
    assert_data_eq!(texts, file!["../../../../tests/golden/command-in-parts.txt"].raw());
}

#[test]
fn a_command_past_the_limit() {
    let word = "x".repeat(300_000);
    let texts = texts(&records_of(&["docker", &word]).of_start(Outcome::Success));
    let last = texts.lines().last().unwrap();
    let (_, fields) = last.split_once(" part=").unwrap();
    assert_data_eq!(fields, file!["../../../../tests/golden/command-past-the-limit.txt"].raw());
}
