//! The article's alias, `docker="sudo audit-cli docker"`, with the real sudo.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::host::{
    Directory, Finally, PERSON, Restored, audit_cli, found, found_settled, login, shell, tag, text,
};

/// Allows a person what the rule says, for as long as the answer lives.
fn sudoers(rule: &str) -> (Restored, Finally) {
    let path = format!("/etc/sudoers.d/{}", tag());
    let restored = Restored::file(&path, &format!("{PERSON} ALL=(root) {rule}\n"));
    shell(&format!("chmod 0440 {path} && visudo -cqf {path}"));
    (restored, Finally("rm -rf /run/sudo/ts/*".to_owned()))
}

fn sudo(options: &[&str], command: &[&str]) -> Command {
    let mut sudo = login(PERSON);
    sudo.arg("sudo").args(options).args(command).stdout(Stdio::piped()).stderr(Stdio::piped());
    sudo
}

fn assert_is_the_persons(tag: &str) {
    let records =
        found(&["-m", "USER_CMD", "-ul", PERSON, "-x", audit_cli().to_str().unwrap()], tag);
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(records[0].contains(&format!("uid=root auid={PERSON} ")), "{}", records[0]);
    assert!(!records[0].contains("ses=unset"), "{}", records[0]);
}

#[test]
fn without_a_password() {
    let program = audit_cli();
    let program = program.to_str().unwrap();
    let _rule = sudoers(&format!("NOPASSWD: {program} docker *"));
    let tag = tag();
    let output = sudo(&["-n"], &[program, "docker", "run", "--rm", "fedora", "echo", &tag])
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout).trim(), tag, "{}", text(&output.stderr));
    assert_is_the_persons(&tag);
}

#[test]
fn with_a_password() {
    let program = audit_cli();
    let program = program.to_str().unwrap();
    let _rule = sudoers(&format!("{program} docker *"));
    let password = tag();
    shell(&format!("echo {PERSON}:{password} | chpasswd"));
    let _lock = Finally(format!("passwd -lq {PERSON}"));
    let tag = tag();
    let with = |password: &str| -> Output {
        let mut child = sudo(
            &["-k", "-S", "-p", ""],
            &[program, "docker", "run", "--rm", "fedora", "echo", &tag],
        )
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        child.wait_with_output().unwrap()
    };
    assert_ne!(text(&with("wrong").stdout).trim(), tag);
    assert_eq!(found(&["-m", "USER_CMD", "-x", program], &tag), [""; 0]);
    let output = with(&password);
    assert_eq!(text(&output.stdout).trim(), tag, "{}", text(&output.stderr));
    assert_is_the_persons(&tag);
}

/// The article's `/usr/bin/docker-fedora`: one command and nothing else.
#[test]
fn with_a_rule_for_one_fixed_command() {
    let tag = tag();
    let directory = Directory::new();
    let line =
        format!("#!/bin/sh\nexec {} docker run --rm fedora echo {tag}\n", audit_cli().display());
    let script = directory.script("docker-fedora", &line);
    let script = script.to_str().unwrap();
    let _rule = sudoers(&format!("NOPASSWD: {script} \"\""));
    let output = sudo(&["-n"], &[script]).output().unwrap();
    assert_eq!(text(&output.stdout).trim(), tag, "{}", text(&output.stderr));
    assert_is_the_persons(&tag);
    for other in [&[script, "--privileged"][..], &[audit_cli().to_str().unwrap(), "docker", "ps"]] {
        assert!(!sudo(&["-n"], other).output().unwrap().status.success(), "{other:?}");
    }
    assert_eq!(
        found_settled(&["-m", "USER_CMD", "-x", audit_cli().to_str().unwrap()], &tag).len(),
        1
    );
}
