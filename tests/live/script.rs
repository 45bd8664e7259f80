//! Scripts without `#!`, which a shell runs with sh.

use std::process::{Command, Output, Stdio};

use crate::host::{Directory, PERSON, audit_cli, found, login, raw, tag, text, value};

const SCRIPT: &str = "printf '%s,' \"$0\" \"$@\"\nexit 3\n";

fn by_person(directory: &Directory, options: &[&str], words: &[&str]) -> Output {
    let program = directory.capable(&audit_cli());
    let mut command = login(PERSON);
    command.arg(program).args(options).args(words).current_dir(directory.path());
    command.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display())).output().unwrap()
}

#[test]
fn k11_a_script_without_an_interpreter_runs_with_sh() {
    let directory = Directory::new();
    let path = directory.script("script", SCRIPT).display().to_string();
    for options in [&["exec"][..], &["--record-exit", "exec"]] {
        for command in ["./script", &path, "script"] {
            let tag = tag();
            let output = by_person(&directory, options, &[command, "-x", "a b", "", &tag]);
            let file = if command == "script" { &path } else { command };
            assert_eq!(text(&output.stdout), format!("{file},-x,a b,,{tag},"), "{output:?}");
            assert_eq!(output.status.code(), Some(3), "{output:?}");
            let records = raw(&["-m", "USER_CMD", "-ul", PERSON], "USER_CMD");
            let of_tag = |record: &&String| {
                value(record, "cmd").is_some_and(|cmd| text(&cmd).contains(&tag))
            };
            let records: Vec<&String> = records.iter().filter(of_tag).collect();
            // No record says that the kernel could not execute the script: sh did.
            assert!(!records.iter().any(|record| record.contains("op=exec")), "{records:#?}");
            assert_eq!(records.len(), if options.len() == 1 { 1 } else { 2 }, "{records:#?}");
            assert!(records[0].contains("res=success"), "{records:#?}");
            assert!(records.len() == 1 || records[1].contains("op=exit"), "{records:#?}");
            assert!(records.len() == 1 || records[1].contains("exit=3 "), "{records:#?}");
        }
    }
}

/// What bash does with the same files.
#[test]
fn k11_sh_runs_what_bash_would_run_as_a_script() {
    let directory = Directory::new();
    directory.script("empty", "");
    directory.script("comment", "# no interpreter\necho hello\n");
    directory.script("no-interpreter", "#!\necho hello\n");
    directory.script("binary", "\u{7f}ELF\u{2}\0\u{1}\necho hello\n");
    directory.script("late-nul", "echo hello\n\0\0\n");
    directory.script("docker", "echo docker \"$@\"\n");
    for name in ["empty", "comment", "no-interpreter", "binary", "late-nul"] {
        let alone = Command::new("bash")
            .args(["-c", &format!("./{name}; exit $?")])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let output = by_person(&directory, &["exec"], &[&format!("./{name}")]);
        assert_eq!(text(&output.stdout), text(&alone.stdout), "{name}: {output:?}");
        assert_eq!(output.status.code(), alone.status.code(), "{name}: {output:?}");
    }
    let output = by_person(&directory, &["docker"], &["ps"]);
    assert_eq!(text(&output.stdout), "docker ps\n", "{output:?}");
    let tag = tag();
    let output = by_person(&directory, &["exec"], &["./binary", &tag]);
    assert!(text(&output.stderr).contains("cannot execute ./binary"), "{output:?}");
    assert_eq!(found(&["-m", "USER_CMD", "-sv", "no", "-ul", PERSON], &tag).len(), 1);
}
