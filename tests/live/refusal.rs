//! audit-cli runs no command that it cannot record, unless root has set otherwise.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::host::{
    CONFIGURATION, Directory, Finally, Restored, audit_cli, found, run, shell, tag, text,
};

/// Tries to create a file through the wrapper. Returns the wrapper's message, and whether the file
/// exists.
fn try_to_touch(prefix: &[&str]) -> (Output, bool) {
    let directory = Directory::new();
    let mark = directory.path().join("mark");
    let program = audit_cli();
    let mut words = prefix.to_vec();
    words.extend([program.to_str().unwrap(), "exec", "touch", mark.to_str().unwrap()]);
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output().unwrap();
    (output, mark.exists())
}

fn assert_refused(prefix: &[&str], reason: &str) {
    let (output, ran) = try_to_touch(prefix);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{shown}");
    assert!(shown.starts_with("audit-cli: the command was not run: "), "{shown}");
    assert!(shown.contains(reason) && shown.lines().count() == 1, "{shown}");
    assert!(!ran, "it ran all the same");
}

#[test]
fn audit_cli_runs_nothing_in_a_user_namespace() {
    assert_refused(&["unshare", "-Ur"], "outside containers");
}

#[test]
fn audit_cli_runs_nothing_without_the_capability_to_record() {
    assert_refused(
        &["setpriv", "--bounding-set", "-audit_write", "--inh-caps", "-audit_write"],
        "CAP_AUDIT_WRITE",
    );
}

#[test]
fn audit_cli_runs_nothing_while_auditing_is_disabled() {
    shell("auditctl -e 0");
    let enable = Finally("auditctl -e 1 >/dev/null".to_owned());
    assert_refused(&[], "auditctl -e 1");
    drop(enable);
    assert!(try_to_touch(&[]).1);
}

#[test]
fn audit_cli_runs_nothing_while_auditd_is_stopped() {
    let pid = shell("auditctl -s | sed -n 's/^pid //p'");
    let start = Finally(
        "auditctl -s | grep -q '^pid [1-9]' || auditd -s enable; \
         for i in $(seq 100); do auditctl -s | grep -q '^pid [1-9]' && exit; sleep 0.1; done; exit 1"
            .to_owned(),
    );
    shell(&format!("kill {pid}"));
    let stopped = Instant::now();
    while shell("auditctl -s").contains("pid ") && !shell("auditctl -s").contains("\npid 0") {
        assert!(stopped.elapsed() < Duration::from_secs(10));
    }
    assert_refused(&[], "start auditd");
    // auditd disables auditing when it ends. Even with auditing on, nothing would store the record.
    shell("auditctl -e 1");
    assert_refused(&[], "start auditd");
    drop(start);
    assert!(try_to_touch(&[]).1);
}

/// The kernel has not noticed yet that auditd is dead.
#[test]
fn audit_cli_runs_nothing_after_auditd_was_killed() {
    let reset = "auditctl -s | grep -q '^lost 0$' && echo 'auditctl --reset-lost' || echo true";
    let _lost = Finally(shell(reset));
    let start = Finally(
        "auditd -s enable; \
         for i in $(seq 100); do auditctl -s | grep -q '^pid [1-9]' && exit; sleep 0.1; done; exit 1"
            .to_owned(),
    );
    shell(
        "pid=$(auditctl -s | sed -n 's/^pid //p'); kill -KILL $pid; \
         while kill -0 $pid 2>/dev/null; do sleep 0.01; done",
    );
    assert_refused(&[], "start auditd");
    drop(start);
    assert!(try_to_touch(&[]).1);
}

#[test]
fn audit_cli_runs_nothing_in_a_container_that_may_not_write_records() {
    let program = audit_cli();
    let directory = program.parent().unwrap().to_str().unwrap();
    let volume = format!("{directory}:/x:ro");
    let name = program.file_name().unwrap().to_str().unwrap();
    let inside = format!("/x/{name}");
    let output = Command::new("docker")
        .args([
            "run",
            "--rm",
            "-v",
            &volume,
            "--cap-drop",
            "AUDIT_WRITE",
            "fedora",
            &inside,
            "exec",
            "true",
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("CAP_AUDIT_WRITE"), "{}", text(&output.stderr));
}

/// Docker gives containers the capability by default, so the kernel takes the record.
#[test]
fn audit_cli_records_the_command_in_a_default_container() {
    let tag = tag();
    let program = audit_cli();
    let volume = format!("{}:/x:ro", program.parent().unwrap().to_str().unwrap());
    let inside = format!("/x/{}", program.file_name().unwrap().to_str().unwrap());
    let output = Command::new("docker")
        .args(["run", "--rm", "-v", &volume, "fedora", &inside, "exec", "true", &tag])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(found(&["-m", "USER_CMD"], &tag).len(), 1);
}

#[test]
fn audit_cli_only_warns_if_root_has_set_so() {
    let _configuration = Restored::file(CONFIGURATION, "on_failure = \"warn\"\n");
    let (output, ran) = try_to_touch(&["unshare", "-Ur"]);
    assert!(ran && output.status.success());
    let shown = text(&output.stderr);
    assert!(shown.contains("it cannot be recorded") && shown.lines().count() == 1, "{shown}");
}

#[test]
fn a_user_cannot_weaken_the_refusal() {
    for variable in
        ["AUDIT_CLI_CONFIG=/tmp/x", "XDG_CONFIG_HOME=/tmp", "HOME=/tmp", "ON_FAILURE=warn"]
    {
        assert_refused(&["env", variable, "unshare", "-Ur"], "outside containers");
    }
}

#[test]
fn audit_cli_runs_nothing_with_a_bad_configuration() {
    for (text, reason) in [
        ("on_failure = 'ignore'", "line 1, column 14: unknown variant `ignore`"),
        ("\nno_such_key = 1", "line 2, column 1: unknown field `no_such_key`"),
        ("redact = ", "line 1, column"),
    ] {
        let _configuration = Restored::file(CONFIGURATION, text);
        assert_refused(&[], reason);
    }
    let _configuration = Restored::file(CONFIGURATION, "on_failure = 'warn'");
    for (change, back, reason) in [
        ("chmod o+w", "chmod o-w", "must not be writable by others"),
        ("chmod g+w", "chmod g-w", "must not be writable by others"),
        ("chown nobody", "chown root", "must belong to root"),
    ] {
        for what in [CONFIGURATION, "/etc/audit-cli"] {
            shell(&format!("{change} {what}"));
            let _back = Finally(format!("{back} {what}"));
            assert_refused(&[], reason);
        }
    }
}

#[test]
fn audit_cli_does_not_run_itself_as_docker() {
    let text_of = format!("docker_path = '{}'\n", audit_cli().display());
    let _configuration = Restored::file(CONFIGURATION, &text_of);
    let output = run(["docker", "ps"]);
    assert_eq!(output.status.code(), Some(127), "{}", text(&output.stderr));
}

#[test]
fn audit_cli_runs_nothing_if_its_configuration_is_a_link() {
    let configuration = Restored::file(CONFIGURATION, "on_failure = 'warn'");
    std::fs::remove_file(CONFIGURATION).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", CONFIGURATION).unwrap();
    assert_refused(&[], "symbolic link");
    drop(configuration);
}

#[test]
fn root_can_set_the_path_of_docker_and_the_record_of_exits() {
    let directory = Directory::new();
    let docker = directory.script("real-docker", "#!/bin/sh\necho real \"$@\"; exit 3\n");
    let text_of = format!("docker_path = '{}'\nrecord_exit = true\n", docker.display());
    let _configuration = Restored::file(CONFIGURATION, &text_of);
    let tag = tag();
    let output = run(["docker", "--record-exit", &tag]);
    assert_eq!(text(&output.stdout), format!("real --record-exit {tag}\n"));
    assert_eq!(output.status.code(), Some(3));
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 2);
    assert!(records[1].contains("op=exit ") && records[1].contains(" exit=3 "), "{}", records[1]);
    assert!(Path::new(CONFIGURATION).exists());
}
