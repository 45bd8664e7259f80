//! The command runs exactly as it would without the wrapper.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::host::{Directory, audit_cli, found, run, tag, text, words};

/// Runs a line of shell three times: with an empty `$W`, with the wrapper in `$W`, and with the wrapper
/// that stays as the parent.
fn three_ways(line: &str) -> [Output; 3] {
    let wrapper = audit_cli().display().to_string();
    [String::new(), format!("{wrapper} exec"), format!("{wrapper} --record-exit exec")].map(|w| {
        Command::new("bash")
            .args(["-c", &line.replace("$W", &w)])
            .env("ODD", "a\nb=c")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    })
}

fn assert_same(line: &str) {
    let [plain, replaced, supervised] = three_ways(line);
    for other in [replaced, supervised] {
        assert_eq!(text(&other.stdout), text(&plain.stdout), "{line}");
        assert_eq!(text(&other.stderr), text(&plain.stderr), "{line}");
        assert_eq!(other.status, plain.status, "{line}");
    }
}

#[test]
fn a_command_sees_the_same_through_audit_cli_as_alone() {
    // Arguments with every byte.
    assert_same(r"exec $W printf '%s\0' '' ' ' -- --help $'\xff\x1d\n' \' '*' --record-exit");
    // The environment, in its order.
    assert_same("exec -c env -i A=1 B=2 PATH=\"$PATH\" $W env");
    assert_same("exec $W env");
    // Standard input, output and error.
    assert_same("echo hello | { $W cat; $W sh -c 'echo oops >&2'; }");
    // The open descriptors, also if the usual ones are closed.
    assert_same("exec $W ls /proc/self/fd <&-");
    assert_same("exec $W ls /proc/self/fd 2>&-");
    assert_same("exec 9</dev/null; exec $W ls /proc/self/fd");
    // Signals that the caller ignores or blocks.
    let signals = "grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status";
    assert_same(&format!("exec $W {signals}"));
    assert_same(&format!("trap '' PIPE CHLD INT; exec $W {signals}"));
    // Limits, umask, directory, capabilities.
    assert_same(
        "ulimit -n 77; umask 027; cd /usr; exec $W sh -c 'ulimit -n; umask; pwd; grep Cap /proc/self/status'",
    );
}

#[test]
fn audit_cli_exits_with_the_status_of_the_command() {
    for line in [
        "exec $W sh -c 'exit 42'",
        "exec $W true",
        "exec $W false",
        "exec $W sh -c 'kill -9 $$'",
        "exec $W sh -c 'kill -TERM $$'",
        "exec $W bash -c 'kill -40 $$'",
        "exec $W bash -c 'kill -ALRM $$'",
    ] {
        assert_same(line);
    }
}

#[test]
fn audit_cli_becomes_the_command() {
    let line = format!("echo $$; exec {} exec sh -c 'echo $$'", audit_cli().display());
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    let shown = text(&output.stdout);
    let pids: Vec<&str> = shown.lines().collect();
    assert_eq!(pids[0], pids[1]);
}

#[test]
fn audit_cli_records_the_exit_if_the_settings_say_so() {
    let tag = tag();
    let status = run(["--record-exit", "exec", "sh", "-c", "exit 42", &tag]).status;
    assert_eq!(status.code(), Some(42));
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 2);
    assert!(records[0].contains("res=success"), "{}", records[0]);
    assert!(records[1].contains("op=exit "), "{}", records[1]);
    assert!(
        records[1].contains(" exit=42 ") && records[1].contains("res=failed"),
        "{}",
        records[1]
    );

    let killed = crate::host::tag();
    let status = run(["--record-exit", "exec", "sh", "-c", "kill -KILL $$", &killed]).status;
    assert_eq!(status.signal(), Some(9));
    let records = found(&["-m", "USER_CMD", "-sv", "no"], &killed);
    assert!(records[0].contains(" exit=137 sig=SIGKILL "), "{}", records[0]);
}

#[test]
fn a_supervised_command_gets_the_signals_sent_to_audit_cli() {
    let directory = Directory::new();
    let ready = directory.path().join("ready");
    let line =
        format!("trap 'exit 7' TERM; touch {}; while :; do sleep 0.05; done", ready.display());
    let mut child = Command::new(audit_cli())
        .args(["--record-exit", "exec", "sh", "-c", &line])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the command runs", || ready.exists());
    signal("TERM", i64::from(child.id()));
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn a_supervised_command_stops_and_continues_as_a_job() {
    let mut child = Command::new(audit_cli())
        .args(["--record-exit", "exec", "sh", "-c", "kill -STOP $$; exit 7"])
        .process_group(0)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    wait_until("both have stopped", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
    signal("CONT", -i64::from(child.id()));
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn a_link_named_docker_runs_docker() {
    let directory = Directory::new();
    let link = directory.path().join("docker");
    std::os::unix::fs::symlink(audit_cli(), &link).unwrap();
    let tag = tag();
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let through = |command: &str| {
        Command::new("sh")
            .args(["-c", command])
            .env("PATH", &path)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let output = through(&format!("docker inspect {tag}"));
    let alone =
        Command::new("docker").args(["inspect", &tag]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(text(&output.stdout), text(&alone.stdout));
    assert_eq!(text(&output.stderr), text(&alone.stderr));
    assert_eq!(output.status, alone.status);
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 1, "recorded once: {records:?}");
    assert!(records[0].contains(&format!("cmd=docker inspect {tag} ")), "{}", records[0]);
    // Docker's own options go to docker.
    for option in ["--version", "--help", "emit", "doctor", "--record-exit"] {
        let output = through(&format!("docker {option}"));
        let alone = Command::new("docker").arg(option).stdin(Stdio::null()).output().unwrap();
        assert_eq!(text(&output.stdout), text(&alone.stdout), "{option}");
        assert_eq!(output.status, alone.status, "{option}");
    }
}

#[test]
fn audit_cli_records_a_command_that_cannot_run_as_failed() {
    let directory = Directory::new();
    let not_a_program = directory.script("garbage", "\u{7f}ELF\0not a program");
    let cases = [
        ("/nonexistent/command", 127, "command not found"),
        ("nonexistent-command", 127, "command not found"),
        ("/tmp", 126, "not an executable file"),
        ("/etc/passwd", 126, "not an executable file"),
        (not_a_program.to_str().unwrap(), 126, "cannot execute"),
    ];
    for options in [&["exec"][..], &["--record-exit", "exec"]] {
        for (command, code, message) in cases {
            let tag = tag();
            let output = run([options, &[command, &tag]].concat());
            assert_eq!(output.status.code(), Some(code), "{command}");
            let shown = text(&output.stderr);
            assert!(shown.contains(message) && shown.lines().count() == 1, "{shown}");
            assert!(!found(&["-m", "USER_CMD", "-sv", "no"], &tag).is_empty(), "{command}");
        }
    }
    let tag = tag();
    let output = Command::new(audit_cli())
        .args(["docker", &tag])
        .env("PATH", directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(127));
    let shown = text(&output.stderr);
    assert!(shown.contains("install docker, or set docker_path"), "{shown}");
    assert_eq!(found(&["-m", "USER_CMD", "-sv", "no"], &tag).len(), 1);
}

#[test]
fn audit_cli_passes_on_arguments_that_are_not_utf_8() {
    let output = run(words(&[b"exec", b"printf", b"%s", b"\xff\xfe"]));
    assert_eq!(output.stdout, b"\xff\xfe");
}

fn signal(name: &str, target: i64) {
    let status = Command::new("kill").args(["-s", name, "--", &target.to_string()]).status();
    assert!(status.unwrap().success());
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: not within 10 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}
