//! A shell completes the line that a person is typing.

use std::process::{Command, Output, Stdio};

use crate::host::{
    CONFIGURATION, Directory, PERSON, Restored, audit_cli, field, login, login_as_root, raw, shell,
    tag, text, value,
};

/// Where root has installed docker, before any other.
const PATH: &str = "/usr/bin:/bin";

fn by_person(directory: &Directory, words: &[&str]) -> Command {
    let mut command = login(PERSON);
    command.arg(directory.capable(&audit_cli())).args(words).env("PATH", PATH);
    command
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// The records of commands that contain this text.
fn user_cmds(text_of: &str) -> Vec<String> {
    let mut found = raw(&["-m", "USER_CMD"], "USER_CMD");
    found.retain(|record| value(record, "cmd").is_some_and(|cmd| text(&cmd).contains(text_of)));
    found
}

#[test]
fn k12_a_completion_works_and_leaves_no_record() {
    let directory = Directory::new();
    for words in [
        &["docker", "__complete", "ps", "--fil"][..],
        &["docker", "__completeNoDesc", "run", "--net"],
        &["exec", "/usr/bin/docker", "__complete", "ps", "--fil"],
    ] {
        let tag = tag();
        // Docker completes only the last word.
        let (last, others) = words.split_last().unwrap();
        let words = [others, &[&tag, last]].concat();
        let plain = words.iter().skip_while(|word| !word.ends_with("docker")).skip(1);
        let alone = run(Command::new("/usr/bin/docker").args(plain));
        let output = run(&mut by_person(&directory, &words));
        assert_eq!(text(&output.stdout), text(&alone.stdout), "{words:?}");
        assert_eq!(output.status, alone.status, "{words:?}");
        assert_eq!(user_cmds(&tag), [""; 0], "{words:?}");
    }
}

#[test]
fn k12_a_recorded_completion_is_marked_and_has_no_secret() {
    let _settings = Restored::file(CONFIGURATION, "record_completion = true\n");
    let directory = Directory::new();
    for secret in
        [&["-p", "SECRET", ""][..], &["--password=SECRET", ""], &["-p", "SECRET"], &["-pSECRET"]]
    {
        let (secret_text, tag) = (format!("{}secret", tag()), tag());
        let words: Vec<String> =
            secret.iter().map(|word| word.replace("SECRET", &secret_text)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let typed = [&["docker", "__complete", "login", "-u", &tag][..], &words].concat();
        run(&mut by_person(&directory, &typed));
        let records = user_cmds(&tag);
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(field(&records[0], "op"), Some("complete"), "{records:?}");
        let cmd = text(&value(&records[0], "cmd").unwrap());
        assert!(!cmd.contains(&secret_text) && cmd.contains("***"), "{cmd}");
        assert_eq!(user_cmds(&secret_text), [""; 0]);
    }
}

/// Sets the environment of a command; the text is a PATH.
type Set = fn(&mut Command, &str);

/// Only the words of a completion make one: neither the environment, nor a program that the caller put
/// on PATH, nor a directory of plugins that the caller names.
#[test]
fn k12_a_caller_cannot_hide_a_command_as_a_completion() {
    let directory = Directory::new();
    let script = directory.script("docker", "#!/bin/sh\nexit 0\n").display().to_string();
    let place = format!("{}:{PATH}", directory.path().display());
    let config = directory.path().display().to_string();
    let cases: [(&[&str], Set); 6] = [
        (&["docker", "ps"], |command, _| {
            command.env("COMP_LINE", "docker ps").env("COMP_POINT", "9").env("COMP_TYPE", "9");
        }),
        (&["docker", "__complete", "x"], |command, place| {
            command.env("PATH", place);
        }),
        (&["exec", &script, "__complete"], |_, _| {}),
        (&["docker", "--config", &config, "__complete", "x"], |_, _| {}),
        (&["--record-exit", "docker", "__complete", "x"], |_, _| {}),
        (&["exec", "sh", "__complete"], |_, _| {}),
    ];
    for (words, set) in cases {
        let tag = tag();
        let mut command = by_person(&directory, &[words, &[&tag, ""]].concat());
        set(&mut command, &place);
        run(&mut command);
        let records = user_cmds(&tag);
        assert!(!records.is_empty(), "{words:?}");
        let is_marked = field(&records[0], "op") == Some("complete");
        assert_eq!(is_marked, words[0] == "--record-exit", "{records:?}");
    }
}

/// With sudo docker has more rights than the person, and the person may have set its environment.
#[test]
fn k12_a_completion_with_the_rights_of_root_is_recorded() {
    let tag = tag();
    let mut command = login_as_root(PERSON);
    command.arg(audit_cli()).args(["docker", "__complete", "ps", &tag, ""]).env("PATH", PATH);
    run(&mut command);
    let records = user_cmds(&tag);
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(field(&records[0], "op"), Some("complete"), "{records:?}");
}

/// The completion of docker 20.10 calls ordinary commands. bash exports nothing that tells them from
/// the caller's, so they stay on record.
#[test]
fn k12_bash_tells_no_command_that_it_completes() {
    let directory = Directory::new();
    let log = directory.path().join("environment");
    let rc = directory.script(
        "rc",
        &format!(
            "f() {{ env | grep ^COMP_ >{0}; echo done >>{0}; COMPREPLY=(x); }}\ncomplete -F f foo\n",
            log.display()
        ),
    );
    let typed = format!("printf '. {}\nfoo a\t\nexit\n'", rc.display());
    shell(&format!("{typed} | script -qec 'bash --norc -i' /dev/null >/dev/null 2>&1; true"));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "done\n");
}
