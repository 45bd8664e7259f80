//! Each search of an auditor finds a person's docker command.

use std::process::Stdio;

use crate::host::{
    Directory, PERSON, audit_cli, field, found, found_settled, login, raw, tag, uid_of,
};

/// A docker command with the tag as an argument, typed by a person at a terminal.
struct Typed {
    tag: String,
    uid: String,
    session: String,
    terminal: String,
    /// The path of the program, and a part of it.
    exe: String,
    /// The working directory.
    cwd: String,
    _directory: Directory,
}

fn type_command() -> Typed {
    let tag = tag();
    let directory = Directory::new();
    let program = directory.capable(&audit_cli());
    let line =
        format!("tty; cat /proc/self/sessionid; echo; {} docker inspect {tag}", program.display());
    let output = login(PERSON)
        .args(["script", "-qec", &line, "/dev/null"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let mut lines = shown.lines().map(str::trim);
    let terminal = lines.next().unwrap().strip_prefix("/dev/").unwrap().to_owned();
    let session = lines.next().unwrap().to_owned();
    Typed {
        tag,
        uid: uid_of(PERSON).to_string(),
        session,
        terminal,
        exe: program.to_str().unwrap().to_owned(),
        cwd: directory.path().to_str().unwrap().to_owned(),
        _directory: directory,
    }
}

/// The searches that find the command: by each field, and by all together.
fn searches(typed: &Typed) -> Vec<Vec<&str>> {
    let Typed { uid, session, terminal, exe, cwd, .. } = typed;
    let all = ["-m USER_CMD -ui", PERSON, "-ul", PERSON, "-tm", terminal, "-x", exe, "-f", cwd]
        .into_iter()
        .chain(["-sv yes --session", session]);
    vec![
        vec!["-m", "USER_CMD"],
        vec!["-m", "1123"],
        vec!["-ui", uid],
        vec!["-ui", PERSON],
        vec!["-ul", uid],
        vec!["-ul", PERSON],
        vec!["-ua", PERSON],
        vec!["-x", exe],
        vec!["-w", "-x", exe],
        vec!["-x", "audit-cli"],
        vec!["-tm", terminal],
        vec!["-w", "-tm", terminal],
        vec!["-f", cwd],
        vec!["-w", "-f", cwd],
        vec!["-sv", "yes"],
        vec!["--session", session],
        all.flat_map(|part| part.split(' ')).collect(),
    ]
}

#[test]
fn ausearch_finds_the_command_by_every_option() {
    let typed = type_command();
    let Typed { tag, session, terminal, exe, cwd, .. } = &typed;
    let searches = searches(&typed);
    let command = format!("cmd=docker inspect {tag} ");
    assert_eq!(found(&searches[0], tag).len(), 1, "recorded once");
    for search in &searches {
        let records = found_settled(search, tag);
        assert_eq!(records.len(), 1, "{search:?}");
        let record = &records[0];
        for part in [
            &command,
            &format!("uid={PERSON} auid={PERSON} "),
            &format!("ses={session} "),
            &format!("cwd={cwd} "),
            &format!("exe={exe} "),
            &format!("terminal={terminal} "),
            "res=success",
        ] {
            assert!(record.contains(part), "{search:?}: no {part} in {record}");
        }
    }
    for search in
        [&["-sv", "no"][..], &["-ui", "0"], &["-m", "USER_ROLE_CHANGE"], &["-tm", "pts/9999"]]
    {
        assert_eq!(found_settled(search, tag), [""; 0], "{search:?}");
    }
}

#[test]
fn ausearch_shows_the_command_in_every_format() {
    let Typed { tag, exe, .. } = type_command();
    crate::host::settle();
    let text = found_settled(&["-m", "USER_CMD", "--format", "text"], &tag);
    assert_eq!(text.len(), 1);
    for part in [PERSON, "successfully ran-command", &format!("docker inspect {tag}"), &exe] {
        assert!(text[0].contains(part), "no {part} in {}", text[0]);
    }
    let csv = found_settled(&["-m", "USER_CMD", "--format", "csv"], &tag);
    assert_eq!(csv.len(), 1);
    for part in
        ["USER_CMD", PERSON, "ran-command", "success", &format!("docker inspect {tag}"), &exe]
    {
        assert!(csv[0].contains(part), "no {part} in {}", csv[0]);
    }
}

/// A reader of sudo's records can read ours.
#[test]
fn an_ordinary_record_has_the_form_of_a_record_of_sudo() {
    let tag = tag();
    let directory = Directory::new();
    let program = directory.script("docker", "#!/bin/sh\n");
    let tagged = directory.script(&tag, "#!/bin/sh\n");
    drop(program);
    let status = std::process::Command::new("sudo")
        .args(["-n", tagged.to_str().unwrap()])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    let status = std::process::Command::new(audit_cli())
        .args(["exec", tagged.to_str().unwrap()])
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    let records = raw(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 2);
    let message = |record: &str| {
        let (_, message) = record.split_once("msg='").unwrap();
        let exe = field(record, "exe").unwrap();
        message.split('\u{1d}').next().unwrap().replace(exe, "EXE")
    };
    assert_eq!(message(&records[0]), message(&records[1]));
}
