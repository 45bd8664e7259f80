//! `audit-cli doctor` finds what makes a trail unreliable.

use std::path::Path;
use std::process::Command;

use crate::host::{
    CONFIGURATION, Directory, Finally, PERSON, Restored, audit_cli, login, run, shell, tag, text,
};

/// The finding of one check.
fn check(name: &str) -> serde_json::Value {
    let output = run(["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["trusted"] == true, output.status.success());
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap().clone()
}

fn assert_fault(name: &str, reason: &str) {
    let check = check(name);
    assert_eq!(check["state"], "fault", "{check}");
    assert!(check["finding"].as_str().unwrap().contains(reason), "{check}");
    assert!(check["advice"].is_string(), "{check}");
}

#[test]
fn doctor_finds_no_fault_on_a_sound_host() {
    // This test is not about records that the host lost before, and it cannot restore them.
    shell("auditctl --reset-lost >/dev/null");
    let output = run(["doctor"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).ends_with("The trail can be trusted.\n"));
}

#[test]
fn doctor_reports_disabled_auditing() {
    shell("auditctl -e 0");
    let _enable = Finally("auditctl -e 1 >/dev/null".to_owned());
    assert_fault("audit", "disabled");
    assert_fault("round trip", "did not write");
}

#[test]
fn doctor_reports_rules_that_drop_our_records() {
    for rule in [
        "exclude -F msgtype=USER_CMD",
        "user,never -F msgtype=USER_CMD",
        "user,never -F auid=12345",
        "exclude -F msgtype>=2300 -F msgtype<=2301",
    ] {
        let (list, fields) = rule.split_once(' ').unwrap();
        let list = if list == "exclude" { "exclude,always" } else { list };
        let fields = fields.replace('>', "'>'").replace('<', "'<'");
        shell(&format!("auditctl -a {list} {fields}"));
        let _delete = Finally(format!("auditctl -d {list} {fields}"));
        assert_fault("rules", "may drop USER_CMD or USER_ROLE_CHANGE");
    }
    shell("auditctl -a exclude,always -F msgtype=CWD");
    let _delete = Finally("auditctl -d exclude,always -F msgtype=CWD".to_owned());
    assert_eq!(check("rules")["state"], "ok");
}

#[test]
fn doctor_reports_a_rate_limit() {
    shell("auditctl -r 100");
    let _unlimited = Finally("auditctl -r 0 >/dev/null".to_owned());
    assert_fault("rate limit", "100 a second");
}

#[test]
fn doctor_reports_a_configuration_that_weakens_the_trail() {
    let _configuration = Restored::file(CONFIGURATION, "on_failure = 'warn'\n");
    assert_fault("configuration", "lets commands run unrecorded");
}

#[test]
fn doctor_names_people_who_can_use_the_docker_socket() {
    shell(&format!("usermod -aG docker {PERSON}"));
    let _leave = Finally(format!("gpasswd -d {PERSON} docker >/dev/null"));
    let check = check("docker socket");
    assert_eq!(check["state"], "note", "{check}");
    assert!(check["finding"].as_str().unwrap().contains(PERSON), "{check}");
}

#[test]
fn doctor_reports_a_docker_socket_that_every_user_can_use() {
    let mode = shell("stat -Lc %a /run/docker.sock");
    shell("chmod o+w /run/docker.sock");
    let _close = Finally(format!("chmod {} /run/docker.sock", mode.trim()));
    assert_fault("docker socket", "every user can write");
}

/// The kernel counts nothing of this loss: it sends the records to nobody.
#[test]
fn r11_doctor_reports_what_was_lost_while_auditd_was_gone() {
    shell("auditctl --reset-lost >/dev/null");
    let _reset = Finally("auditctl --reset-lost >/dev/null".to_owned());
    assert_eq!(check("gaps")["state"], "ok");
    let start = Finally(
        "auditd -s enable; \
         for i in $(seq 100); do auditctl -s | grep -q '^pid [1-9]' && exit; sleep 0.1; done; exit 1"
            .to_owned(),
    );
    shell(
        "pid=$(auditctl -s | sed -n 's/^pid //p'); kill $pid; \
         while kill -0 $pid 2>/dev/null; do sleep 0.01; done",
    );
    // auditd disables auditing when it ends. A kernel that booted with audit=1 keeps as many records as
    // the backlog may have until auditd is back, so the test sends more.
    shell(
        "auditctl -e 1 >/dev/null; limit=$(auditctl -s | sed -n 's/^backlog_limit //p'); \
         for i in $(seq $((limit + 10))); do auditctl -m lost; done",
    );
    drop(start);
    assert_fault("gaps", "events are missing");
}

/// For an ordinary user, a check that only root can make is unknown, and no fault.
#[test]
fn k13_an_ordinary_user_gets_no_fault_for_what_only_root_can_check() {
    shell("auditctl --reset-lost >/dev/null");
    let directory = Directory::new();
    for program in [audit_cli(), directory.capable(&audit_cli())] {
        let output = login(PERSON).arg(&program).args(["doctor", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["verdict"], &report["trusted"]), (&"unknown".into(), &false.into()));
        let checks = report["checks"].as_array().unwrap();
        let state = |name: &str| checks.iter().find(|check| check["check"] == name).unwrap();
        for name in ["audit", "rules", "round trip"] {
            let check = state(name);
            assert_eq!(check["state"], "unknown", "{check}");
            assert_eq!(check["advice"], "run audit-cli doctor as root", "{check}");
        }
        let output = login(PERSON).arg(&program).arg("doctor").output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let shown = text(&output.stdout);
        assert!(!shown.contains("FAULT"), "{shown}");
        assert!(
            shown.ends_with("No fault was found, but not every check could be made.\n"),
            "{shown}"
        );
    }
}

/// Settings and a key that only root can read: with sudo they are read.
#[test]
fn k13_files_that_only_root_can_read_are_unknown() {
    let _configuration = Restored::file(CONFIGURATION, "redact = true\n");
    shell(&format!("chmod 0600 {CONFIGURATION}"));
    let output = login(PERSON).arg(audit_cli()).args(["doctor", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    // With the capability the wrapper would run nothing for this person: that is a fault.
    let directory = Directory::new();
    let program = directory.capable(&audit_cli());
    let output = login(PERSON).arg(program).args(["doctor", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

/// A fault that a user can see stays a fault.
#[test]
fn k13_a_fault_counts_more_than_an_unknown_check() {
    let mode = shell("stat -Lc %a /run/docker.sock");
    shell("chmod o+w /run/docker.sock");
    let _close = Finally(format!("chmod {} /run/docker.sock", mode.trim()));
    let output = login(PERSON).arg(audit_cli()).arg("doctor").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

/// Does what the advice says, with a directory of root's before docker's own on PATH.
#[test]
fn k13_the_advice_for_typed_docker_works_on_this_host() {
    let directory = format!("/usr/local/{}", tag());
    let program = format!("{directory}/audit-cli");
    let _removed = Finally(format!("rm -rf {directory}"));
    shell(&format!("mkdir -p {directory}/bin && cp {} {program}", audit_cli().display()));
    let docker = shell("command -v docker");
    let own = Path::new(docker.trim()).parent().unwrap().display().to_string();
    let check = |path: &str| {
        let mut command = Command::new(&program);
        let output = command.args(["doctor", "--json"]).env("PATH", path).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == "typed docker").unwrap().clone()
    };
    let advice = |check: &serde_json::Value| check["advice"].as_str().unwrap().to_owned();
    let before = check(&format!("{own}:/usr/bin:/bin"));
    let alias = format!("alias docker=\"sudo {program} docker\"");
    assert!(advice(&before).ends_with(&alias), "{before}");
    let path = format!("{directory}/bin:{own}:/usr/bin:/bin");
    let found = check(&path);
    shell(advice(&found).strip_prefix("as root, run ").unwrap());
    let after = check(&path);
    assert_eq!(after["state"], "ok", "{after}");
}
