//! An ordinary user who runs audit-cli from a file that has the capability.

use std::path::PathBuf;
use std::process::Output;

use crate::host::{Directory, PERSON, audit_cli, found, login, tag, text};

fn run_as_person(directory: &Directory, arguments: &[&str]) -> Output {
    let program = directory.capable(&audit_cli());
    login(PERSON)
        .args([
            "env",
            "TMPDIR=/var/tmp",
            "LD_LIBRARY_PATH=/nonexistent",
            "HOSTALIASES=x",
            "MALLOC_CHECK_=0",
        ])
        .arg(program)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_command_is_recorded_under_the_users_name() {
    let directory = Directory::new();
    let tag = tag();
    let output = run_as_person(&directory, &["docker", "inspect", &tag]);
    assert_eq!(output.status.code(), Some(1), "docker's own answer: {}", text(&output.stderr));
    let records = found(&["-m", "USER_CMD", "-ui", PERSON, "-ul", PERSON], &tag);
    assert_eq!(records.len(), 1);
    assert!(!records[0].contains("ses=unset"), "{}", records[0]);
}

#[test]
fn docker_gets_the_users_environment_and_no_capability() {
    let directory = Directory::new();
    let output =
        run_as_person(&directory, &["exec", "sh", "-c", "env; grep Cap /proc/self/status"]);
    let shown = text(&output.stdout);
    for variable in
        ["TMPDIR=/var/tmp", "LD_LIBRARY_PATH=/nonexistent", "HOSTALIASES=x", "MALLOC_CHECK_=0"]
    {
        assert!(shown.lines().any(|line| line == variable), "{variable} is gone: {shown}");
    }
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        let none = format!("{set}:\t0000000000000000");
        assert!(shown.lines().any(|line| line == none), "{set}: {shown}");
    }
}

#[test]
fn the_user_cannot_write_records_of_their_own() {
    let directory = Directory::new();
    let tag = tag();
    for record_type in ["USER_CMD", "USER_LOGIN", "VIRT_CONTROL"] {
        let field = format!("cmd={tag}");
        let output = run_as_person(
            &directory,
            &["emit", "--type", record_type, "--field", &field, "--res", "success"],
        );
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("emit is for root"), "{}", text(&output.stderr));
    }
    assert_eq!(found(&[], &tag), [""; 0]);
}

#[test]
fn the_user_cannot_pretend_to_be_another() {
    let directory = Directory::new();
    let tag = tag();
    let arguments = ["exec", "true", &tag, "uid=0", "auid=0", "' res=failed", "pid=1"];
    assert!(run_as_person(&directory, &arguments).status.success());
    assert_eq!(found(&["-ui", PERSON, "-ul", PERSON, "-sv", "yes"], &tag).len(), 1);
    assert_eq!(found(&["-ul", "root"], &tag), [""; 0]);
}

#[test]
fn audit_cli_runs_nothing_without_the_capability() {
    let directory = Directory::new();
    let mark = directory.path().join("mark");
    let output = login(PERSON)
        .arg(audit_cli())
        .args(["exec", "touch", mark.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    let shown = text(&output.stderr);
    assert!(shown.contains("CAP_AUDIT_WRITE") && shown.contains("setcap"), "{shown}");
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(!mark.exists());
}

/// A user may tell the kernel that no program they run gains privileges.
#[test]
fn a_user_cannot_avoid_the_record_with_no_new_privileges() {
    let directory = Directory::new();
    let program = directory.capable(&audit_cli());
    let output = login(PERSON)
        .args(["setpriv", "--no-new-privs"])
        .arg(program)
        .args(["exec", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125), "{}", text(&output.stderr));
}

#[test]
fn doctor_reports_a_build_that_loses_the_environment() {
    let glibc =
        PathBuf::from(std::env::var_os("AUDIT_CLI_GLIBC").expect("run it through tests/run.sh"));
    let directory = Directory::new();
    let program = directory.capable(&glibc);
    let by_root = std::process::Command::new(&program).arg("doctor").output().unwrap();
    let by_person = login(PERSON).arg(program).arg("doctor").output().unwrap();
    for output in [by_root, by_person] {
        assert_eq!(output.status.code(), Some(1));
        let shown = text(&output.stdout);
        assert!(shown.contains("built with glibc, which takes TMPDIR"), "{shown}");
    }
}
