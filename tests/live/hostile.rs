//! A person cannot hide or lose a record by the values that they choose.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Stdio};

use audit_core::CommandLine;

use crate::host::{Directory, audit_cli, found, found_settled, raw, run, tag, value, words};

/// Words that `ausearch` looks for anywhere in a line, each with a search that it would mislead.
const SUBSTRINGS: [(&str, &[&str]); 12] = [
    ("res=failed", &["-sv", "no"]),
    ("exe=/evil", &["-x", "/evil"]),
    ("terminal=evil ", &["-tm", "evil"]),
    ("hostname=evil ", &["-hn", "evil"]),
    ("acct=\"evil\"", &["-ua", "54321"]),
    ("uid=54321", &["-ui", "54321"]),
    ("auid=54321", &["-ul", "54321"]),
    ("comm=\"evil\"", &["-c", "evil"]),
    ("vm=\"evil\"", &["-vm", "evil"]),
    ("uuid=evil", &["-uu", "evil"]),
    ("subj=evil:evil:evil", &["-su", "evil"]),
    ("ses=54321", &["--session", "54321"]),
];

#[test]
fn words_of_ausearch_in_a_directory_or_argument_mislead_no_search() {
    for (substring, misled) in SUBSTRINGS {
        for form in ["", " ", "'", "\"", "\n"] {
            let tag = tag();
            let directory = Directory::new();
            let hostile = format!("{form}{}", substring.replace('/', "_"));
            let cwd = directory.path().join(&hostile);
            fs::create_dir(&cwd).unwrap();
            let argument = format!("{form}{substring}");
            let output = Command::new(audit_cli())
                .args(["exec", "true", &tag, &argument, &hostile])
                .current_dir(&cwd)
                .stdin(Stdio::null())
                .output();
            assert!(output.unwrap().status.success());
            let program = audit_cli();
            let searches: &[&[&str]] = &[
                &["-m", "USER_CMD"],
                &["-ui", "0"],
                &["-sv", "yes"],
                &["-x", program.to_str().unwrap()],
                &["-f", directory.path().to_str().unwrap()],
            ];
            assert_eq!(found(searches[0], &tag).len(), 1);
            for search in searches {
                assert_eq!(
                    found_settled(search, &tag).len(),
                    1,
                    "{hostile:?} hides from {search:?}"
                );
            }
            assert_eq!(found_settled(misled, &tag), [""; 0], "{hostile:?} misleads {misled:?}");
        }
    }
}

#[test]
fn the_record_has_every_byte_of_an_argument() {
    let tag = tag();
    for byte in 1..=u8::MAX {
        let argument = [tag.as_bytes(), b"-", &[byte], b"-"].concat();
        let output = run(words(&[b"exec", b"true", &argument]));
        assert!(output.status.success(), "{byte:#04x}");
    }
    let shown = found(&["-m", "USER_CMD"], &tag);
    let records = raw(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 255);
    for (index, byte) in (1..=u8::MAX).enumerate() {
        let argument = [tag.as_bytes(), b"-", &[byte], b"-"].concat();
        let line = CommandLine::new([b"true", argument.as_slice()]);
        assert_eq!(value(&records[index], "cmd").as_deref(), Some(line.as_bytes()), "{byte:#04x}");
        let line = String::from_utf8(line.as_bytes().to_vec()).unwrap();
        assert!(shown.iter().any(|record| record.contains(&format!("cmd={line} "))), "{line}");
    }
}

#[test]
fn the_record_has_every_byte_of_a_directory() {
    let directory = Directory::new();
    let tag = tag();
    let bytes: Vec<u8> = (1..=u8::MAX).filter(|byte| *byte != b'/').collect();
    let name = |byte: u8| [tag.as_bytes(), b"-", &[byte], b"-"].concat();
    for byte in &bytes {
        let cwd = directory.path().join(OsStr::from_bytes(&name(*byte)));
        fs::create_dir(&cwd).unwrap();
        let status = Command::new(audit_cli())
            .args(["exec", "true"])
            .current_dir(&cwd)
            .stdin(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{byte:#04x}");
    }
    let records = raw(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), bytes.len());
    for (record, byte) in records.iter().zip(&bytes) {
        let cwd = directory.path().join(OsStr::from_bytes(&name(*byte)));
        assert_eq!(value(record, "cwd"), Some(cwd.into_os_string().into_vec()), "{byte:#04x}");
    }
    // ausearch prints control characters as octal numbers, and all others unchanged.
    let shown = found_settled(&["-m", "USER_CMD"], &tag);
    for byte in bytes.iter().filter(|byte| (0x20..0x7F).contains(*byte)) {
        let part = format!("/{tag}-{}- ", char::from(*byte));
        assert!(shown.iter().any(|record| record.contains(&part)), "{part}");
    }
    for byte in [0x1B_u8, 0x1D] {
        let part = format!("/{tag}-\\{byte:03o}- ");
        assert!(shown.iter().any(|record| record.contains(&part)), "{part}");
    }
}

#[test]
fn the_record_says_that_the_directory_was_removed() {
    let tag = tag();
    let directory = Directory::new();
    let cwd = directory.path().join(&tag);
    fs::create_dir(&cwd).unwrap();
    let line = format!("rmdir {}; exec {} exec true {tag}", cwd.display(), audit_cli().display());
    let status =
        Command::new("sh").args(["-c", &line]).current_dir(&cwd).stdin(Stdio::null()).status();
    assert!(status.unwrap().success());
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 1);
    assert!(records[0].contains(&format!("cwd={} (deleted) ", cwd.display())), "{}", records[0]);
}

#[test]
fn the_record_names_a_program_with_a_space_or_a_removed_one() {
    let tag = tag();
    let directory = Directory::new();
    let program = directory.path().join("audit cli");
    fs::copy(audit_cli(), &program).unwrap();
    let line = format!(
        "'{0}' exec true {tag}a; exec 3<'{0}'; rm '{0}'; exec /proc/self/fd/3 exec true {tag}b",
        program.display()
    );
    shell_status(&line);
    let records = found(&["-m", "USER_CMD"], &tag);
    assert!(records[0].contains(&format!("exe={} ", program.display())), "{}", records[0]);
    assert!(
        records[1].contains(&format!("exe={} (deleted) ", program.display())),
        "{}",
        records[1]
    );
    assert_eq!(found_settled(&["-x", program.to_str().unwrap()], &tag).len(), 2);
}

#[test]
fn a_process_without_descriptors_and_terminal_gets_a_record() {
    let tag = tag();
    shell_status(&format!("exec setsid {} exec true {tag} <&- >&- 2>&-", audit_cli().display()));
    let records = found(&["-m", "USER_CMD", "-tm", "?"], &tag);
    assert_eq!(records.len(), 1);
}

/// The person is still at the terminal when the descriptors are redirected.
#[test]
fn the_record_names_the_controlling_terminal_behind_redirections() {
    let tag = tag();
    let line = format!("tty; {} exec true {tag} </dev/null >/dev/null 2>&1", audit_cli().display());
    let output =
        Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output();
    let shown = String::from_utf8(output.unwrap().stdout).unwrap();
    let terminal = shown.lines().next().unwrap().trim().strip_prefix("/dev/").unwrap().to_owned();
    assert_eq!(found(&["-m", "USER_CMD", "-w", "-tm", &terminal], &tag).len(), 1);
}

fn shell_status(line: &str) {
    let status = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).status();
    assert!(status.unwrap().success(), "{line}");
}
