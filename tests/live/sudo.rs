//! The article's alias, `docker="sudo audit-cli docker"`, with the real sudo.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::host::{
    Directory, Finally, PERSON, Restored, audit_cli, found, found_settled, login, shell, tag, text,
};
use crate::template::Template;

/// Lets sudo allow a person what the rule says, until this is dropped.
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
fn sudo_without_a_password_records_the_person() {
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
fn sudo_with_a_password_records_the_person() {
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

/// The `docker-fedora` of 2015: one command and no other.
#[test]
fn a_rule_of_sudo_can_permit_one_fixed_command() {
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

/// The same with a template: the rule permits arguments, and the template refuses them.
#[test]
fn a_rule_of_sudo_can_permit_a_template() {
    let tag = tag();
    let template = Template::of_command(&["run", "--rm", "fedora", "echo", &tag]);
    let directory = Directory::new();
    let link = template.link_in(&directory);
    let link = link.to_str().unwrap();
    let _rule = sudoers(&format!("NOPASSWD: {link}"));
    let output = sudo(&["-n"], &[link]).output().unwrap();
    assert_eq!(text(&output.stdout).trim(), tag, "{}", text(&output.stderr));
    assert_is_the_persons(&tag);

    let output = sudo(&["-n"], &[link, "--privileged"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");

    // Another link to the same file, with a name or in a directory that the person chose.
    let other = Template::of_command(&["run", "--rm", "fedora", "echo", "other"]);
    let theirs = Directory::new();
    for link in [other.link_in(&directory), other.link_in(&theirs)] {
        let output = sudo(&["-n"], &[link.to_str().unwrap()]).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    }
    let output = sudo(&["-n"], &[template.link_in(&theirs).to_str().unwrap()]).output().unwrap();
    assert!(["", &tag].contains(&text(&output.stdout).trim()), "{output:?}");
}
