//! `audit-cli doctor` finds what makes a trail unreliable.

use crate::host::{CONFIGURATION, Finally, PERSON, Restored, audit_cli, login, run, shell, text};

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

#[test]
fn doctor_tells_an_ordinary_user_that_it_needs_root() {
    let output = login(PERSON).arg(audit_cli()).arg("doctor").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stdout).contains("run audit-cli doctor as root"),
        "{}",
        text(&output.stdout)
    );
}
