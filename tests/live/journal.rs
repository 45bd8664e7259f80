//! The line in the journal, read by the real daemons.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::host::{
    Directory, Finally, PERSON, Restored, audit_cli, login_as_root, run, shell, tag,
};
use crate::template::Template;

const SOCKET: &str = "/dev/log";

/// Moves the listener at /dev/log away, and restores it.
struct Silence(Option<PathBuf>);

impl Silence {
    fn new() -> Self {
        let aside = PathBuf::from(format!("{SOCKET}-{}", tag()));
        Self(fs::rename(SOCKET, &aside).is_ok().then_some(aside))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(aside) = &self.0 {
            fs::rename(aside, SOCKET).unwrap();
        }
    }
}

/// A daemon that listens at /dev/log until this is dropped.
struct Daemon {
    process: Child,
    _silence: Silence,
}

impl Daemon {
    fn start(command: &mut Command) -> Self {
        let silence = Silence::new();
        let process = command.stdin(Stdio::null()).spawn().unwrap();
        let daemon = Self { process, _silence: silence };
        wait_until(|| Path::new(SOCKET).exists());
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        shell(&format!("kill {}", self.process.id()));
        self.process.wait().unwrap();
        let _ = fs::remove_file(SOCKET);
    }
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn type_example(tag: &str) {
    let line = format!(
        "{} docker run -ti --privileged -v /:/host localhost:1/{tag} chroot /host",
        audit_cli().display()
    );
    login_as_root(PERSON)
        .args(["script", "-qec", &line, "/dev/null"])
        .current_dir("/usr")
        .output()
        .unwrap();
}

/// The pattern that the article's reader looks for.
fn assert_is_the_example(line: &str, tag: &str) {
    let docker = shell("command -v docker");
    let (_, behind_user) = line.split_once(&format!("  {PERSON} : TTY=pts/")).unwrap();
    let (_, behind_terminal) = behind_user.split_once(" ; ").unwrap();
    let expected = format!(
        "PWD=/usr ; USER=root ; COMMAND={} run -ti --privileged -v /:/host localhost:1/{tag} chroot /host",
        docker.trim()
    );
    assert_eq!(behind_terminal.trim_end(), expected);
}

#[test]
fn rsyslog_writes_the_line() {
    let directory = Directory::new();
    let log = directory.path().join("auth.log");
    let configuration = directory.script(
        "rsyslog.conf",
        &format!("module(load=\"imuxsock\")\nauthpriv.* {}\n", log.display()),
    );
    let _daemon = Daemon::start(
        Command::new("rsyslogd")
            .args(["-n", "-f", configuration.to_str().unwrap(), "-i"])
            .arg(directory.path().join("pid")),
    );
    let tag = tag();
    type_example(&tag);
    let lines = || fs::read_to_string(&log).unwrap_or_default();
    wait_until(|| lines().contains(&tag));
    let now = lines();
    let line = now.lines().find(|line| line.contains(&tag)).unwrap();
    assert!(line.contains(" audit-cli["), "{line}");
    assert_is_the_example(line, &tag);

    // A refused template leaves a line like the one that sudo writes for a command its rules
    // refuse.
    let refused = crate::host::tag();
    let template = Template::of_command(&["ps", &refused]);
    template.run(&["--privileged"]);
    wait_until(|| lines().contains(&refused));
    let now = lines();
    let line = now.lines().find(|line| line.contains(&refused)).unwrap();
    assert!(line.contains(" : command not allowed ; TTY="), "{line}");
    assert!(line.ends_with(&format!("/docker ps {refused} --privileged")), "{line}");

    // A line longer than syslog daemons accept is split into several.
    let ends = crate::host::tag();
    let filler: Vec<String> = (0..300).map(|number| format!("filler-{number}")).collect();
    run(["exec", "true", &ends].into_iter().map(str::to_owned).chain(filler).chain([ends.clone()]));
    wait_until(|| lines().matches(&ends).count() == 2);
    assert!(lines().contains(" : (command continued) filler-"), "{}", lines());
}

/// journald, which the test starts where systemd does not run it.
fn start_journald() -> Option<(Daemon, Restored, Finally)> {
    if Path::new("/run/systemd/system").exists() {
        return None;
    }
    // With Debian's settings, journald would disable auditing when it starts.
    let leave_audit_alone =
        Restored::file("/run/systemd/journald.conf.d/audit.conf", "[Journal]\nAudit=\n");
    shell("mkdir -p /run/systemd/journal");
    let clean = Finally("rm -rf /run/systemd/journal /run/log/journal".to_owned());
    // journald listens below /run, and systemd creates the link.
    let line =
        format!("ln -s /run/systemd/journal/dev-log {SOCKET}; exec /lib/systemd/systemd-journald");
    let daemon = Daemon::start(Command::new("sh").args(["-c", &line]).stderr(Stdio::null()));
    Some((daemon, leave_audit_alone, clean))
}

#[test]
fn journald_keeps_the_line() {
    let _journald = start_journald();
    let tag = tag();
    type_example(&tag);
    let lines =
        || shell("journalctl --no-pager -b 2>/dev/null | grep 'docker.*privileged' || true");
    wait_until(|| lines().contains(&tag));
    let lines = lines();
    let line = lines.lines().find(|line| line.contains(&tag)).unwrap();
    assert_is_the_example(line, &tag);
    let facility =
        shell(&format!("journalctl --no-pager -b -t audit-cli SYSLOG_FACILITY=10 | grep -c {tag}"));
    assert_eq!(facility.trim(), "1");
}

#[test]
fn audit_cli_works_without_a_syslog_daemon() {
    let _silence = Silence::new();
    let output = run(["exec", "true"]);
    assert!(output.status.success());
    assert_eq!(output.stderr, b"");
}
