//! The life cycle of the daemon: start, reload and stop.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::broker::PERMIT_ALL;
use crate::fake::{Fake, Reply};
use crate::host::{Directory, PERSON, login_as_root, shell, text};
use crate::http::Connection;
use crate::observe::wait_until;

const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";

fn program() -> PathBuf {
    std::env::var_os("AUDIT_BROKER").expect("run the broker's tests through tests/run.sh").into()
}

/// A daemon that the test starts, signals and stops itself.
struct Daemon {
    directory: Directory,
    fake: Fake,
}

impl Daemon {
    fn new() -> Self {
        let daemon = Self { directory: Directory::new(), fake: Fake::start(hello) };
        daemon.configure("");
        fs::create_dir(daemon.path("policy.d")).unwrap();
        fs::write(daemon.path("policy.d/all.cedar"), PERMIT_ALL).unwrap();
        daemon
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("docker.sock")
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "listen = \"{}\"\nmetrics = \"{}\"\nupstream = \"{}\"\npolicy_dir = \"{}\"\n\
             state_dir = \"{}\"\n{more}\n",
            self.socket().display(),
            self.path("metrics.sock").display(),
            self.fake.socket().display(),
            self.path("policy.d").display(),
            self.path("state").display()
        );
        fs::write(self.path("config.toml"), text).unwrap();
    }

    /// The command that root would type.
    fn serve(&self, mut command: Command) -> Command {
        command.arg(program()).args(["serve", "--config"]).arg(self.path("config.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(self.path("stderr")).unwrap());
        command
    }

    fn start(&self) -> Child {
        let mut child = self.serve(Command::new("env")).spawn().unwrap();
        self.wait_until_it_answers(&mut child);
        child
    }

    fn wait_until_it_answers(&self, child: &mut Child) {
        wait_until("an answer", || {
            assert!(child.try_wait().unwrap().is_none(), "{}", self.said());
            self.answers()
        });
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.socket()) else { return false };
        stream.write_all(PING).is_ok() && Connection::over(stream).answer("GET").status == 200
    }

    /// Starts the daemon, which must refuse to start, and gives its error.
    fn refusal(&self, command: Command) -> String {
        let start = Instant::now();
        let status = self.serve(command).status().unwrap();
        assert_eq!(status.code(), Some(1), "{}", self.said());
        assert!(start.elapsed() < Duration::from_secs(5));
        let said = self.said();
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("audit-bro")).collect();
        assert_eq!(errors.len(), 1, "{said}");
        errors[0].to_owned()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap()
    }

    /// Opens a client in the middle of a stream.
    fn stream(&self) -> UnixStream {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream
            .write_all(b"GET /containers/x/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n")
            .unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }
}

fn hello(request: &str) -> Option<Reply> {
    let stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    request.ends_with("/logs").then_some(Reply::Begin(stream))
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

/// Stops the daemon and measures how long it takes.
fn end(mut child: Child) -> Duration {
    let start = Instant::now();
    signal(&child, Signal::SIGTERM);
    assert!(child.wait().unwrap().success());
    start.elapsed()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().unwrap()
}

#[test]
fn the_broker_prints_its_version_and_help() {
    let version = run(&["--version"]);
    assert!(version.status.success() && text(&version.stdout).starts_with("audit-broker "));
    let help = text(&run(&["--help"]).stdout);
    assert!(help.contains("serve") && help.contains("check"), "{help}");
    assert!(!help.contains("kernel-status"), "{help}");
    assert_eq!(run(&["no-such-command"]).status.code(), Some(2));
}

#[test]
fn check_reports_each_error_of_the_configuration() {
    let daemon = Daemon::new();
    let config = daemon.path("config.toml");
    let check = |text: &str| {
        fs::write(&config, text).unwrap();
        let output = run(&["check", "--config", config.to_str().unwrap()]);
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let policies = format!("policy_dir = \"{}\"\n", daemon.path("policy.d").display());
    assert_eq!(check(&format!("attest = \"none\"\n{policies}")), (true, String::new()));
    assert!(check("policy_dir = \"/none\"").1.contains("cannot read the policies in /none"));
    for (bad, why) in [
        ("listne = \"/x\"", "line 1, column 1: unknown field `listne`"),
        ("listen = \"x\"", "must be an absolute path"),
        ("connections_per_uid = -1", "line 1"),
        ("on_failure = \"ignore\"", "unknown variant `ignore`"),
        ("[levels]\ncontainer-create = \"none\"", "always recorded in full"),
    ] {
        let (is_good, said) = check(bad);
        assert!(!is_good && said.contains(why), "{bad}: {said}");
        assert!(said.starts_with("audit-broker: bad configuration `") && said.lines().count() == 1);
    }
    fs::set_permissions(&config, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(check("").1.contains("must not be writable by others than root"));
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
    shell(&format!("chown {PERSON} {}", config.display()));
    assert!(check("").1.contains("must belong to root"));
}

#[test]
fn the_broker_keeps_its_settings_if_the_new_ones_are_bad() {
    let daemon = Daemon::new();
    let child = daemon.start();
    let reload = |text: &str, says: &str| {
        daemon.configure(text);
        signal(&child, Signal::SIGHUP);
        wait_until(says, || daemon.said().contains(says));
    };
    let mut held = UnixStream::connect(daemon.socket()).unwrap();
    reload("connections_per_uid = \"many\"", "keeping the old one: ");
    assert!(daemon.answers());
    reload("connections_per_uid = 1", "reloaded the configuration");
    wait_until("the limit", || !daemon.answers());
    held.write_all(PING).unwrap();
    assert_eq!(Connection::over(held).answer("GET").status, 200);
    wait_until("a free place", || daemon.answers());
    reload("attest = \"none\"", "take effect only after a restart");
    end(child);
}

#[test]
fn the_broker_takes_its_socket_from_the_service_manager() {
    let daemon = Daemon::new();
    let listener = UnixListener::bind(daemon.socket()).unwrap();
    let notified = UnixDatagram::bind(daemon.path("notify.sock")).unwrap();
    notified.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    fs::set_permissions(daemon.path("notify.sock"), fs::Permissions::from_mode(0o666)).unwrap();
    let mut shell = Command::new("sh");
    // The socket is the shell's standard input. The shell moves it to descriptor 3, where
    // LISTEN_FDS puts it.
    shell.args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\" 3<&0 </dev/null", "sh"]);
    let mut command = daemon.serve(shell);
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
    let mut child = command.env("NOTIFY_SOCKET", daemon.path("notify.sock")).spawn().unwrap();
    daemon.wait_until_it_answers(&mut child);
    let told = |what: &str| {
        let mut message = [0; 1024];
        let length = notified.recv(&mut message).unwrap();
        let message = text(&message[..length]);
        assert!(message.lines().any(|line| line == what), "{message}");
    };
    told("READY=1");
    signal(&child, Signal::SIGHUP);
    told("RELOADING=1");
    told("READY=1");
    assert!(daemon.said().contains("the socket that the service manager passed"));
    end(child);
    told("STOPPING=1");
    assert!(daemon.socket().exists(), "the socket is the service manager's");
}

#[test]
fn the_broker_lets_streams_finish_when_it_stops() {
    let daemon = Daemon::new();
    daemon.configure("drain_seconds = 3");
    let child = daemon.start();
    let idle = UnixStream::connect(daemon.socket()).unwrap();
    let stream = daemon.stream();
    let follow = std::thread::spawn(move || {
        let mut connection = Connection::over(stream);
        let start = Instant::now();
        let all = text(&connection.rest());
        (all, start.elapsed())
    });
    std::thread::sleep(Duration::from_millis(500));
    let took = end(child);
    assert!((2..5).contains(&took.as_secs()), "{took:?} {}", daemon.said());
    let (all, open) = follow.join().unwrap();
    assert!(all.ends_with("hello\r\n") && open > Duration::from_secs(3), "{open:?} {all}");
    assert!(daemon.said().contains("streams were still open"), "{}", daemon.said());
    drop(idle);

    // Without open streams the broker does not wait.
    let child = daemon.start();
    let _idle = UnixStream::connect(daemon.socket()).unwrap();
    let mut kept = Connection::over(UnixStream::connect(daemon.socket()).unwrap());
    kept.send(PING);
    assert_eq!(kept.answer("GET").status, 200);
    let took = end(child);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// Even on a socket of its own, a second broker would overwrite what the first one stores.
#[test]
fn s15_two_brokers_never_share_a_state_dir() {
    let (first, second) = (Daemon::new(), Daemon::new());
    let running = first.start();
    let link = second.path("state");
    std::os::unix::fs::symlink(first.path("state"), &link).unwrap();
    let refusal = second.refusal(Command::new("env"));
    assert!(refusal.contains("another audit-broker uses state_dir"), "{refusal}");
    assert!(refusal.contains(link.to_str().unwrap()), "{refusal}");
    assert!(!second.socket().exists(), "it takes its socket away again");
    // Two brokers cannot share a socket for metrics either.
    let config = fs::read_to_string(second.path("config.toml")).unwrap();
    let (own, taken) = (second.path("metrics.sock"), first.path("metrics.sock"));
    let shared = config.replace(own.to_str().unwrap(), taken.to_str().unwrap());
    fs::write(second.path("config.toml"), shared).unwrap();
    let refusal = second.refusal(Command::new("env"));
    assert!(refusal.contains("another audit-broker listens there"), "{refusal}");
    assert!(refusal.contains(taken.to_str().unwrap()), "{refusal}");
    assert!(first.answers(), "the first one goes on");
    end(running);
    fs::write(second.path("config.toml"), config).unwrap();
    end(second.start());
}

#[test]
fn a_second_broker_refuses_to_start_but_can_replace_a_killed_one() {
    let daemon = Daemon::new();
    let mut first = daemon.start();
    let refusal = daemon.refusal(Command::new("env"));
    assert!(refusal.contains("another audit-broker listens there"), "{refusal}");
    assert!(refusal.contains(daemon.socket().to_str().unwrap()), "{refusal}");
    assert!(daemon.answers(), "the first goes on");
    let mut stream = daemon.stream();
    signal(&first, Signal::SIGKILL);
    first.wait().unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!text(&rest).ends_with("0\r\n\r\n"));
    assert!(daemon.socket().exists() && !daemon.answers());
    let second = daemon.start();
    end(second);
}

#[test]
fn the_broker_says_in_one_line_why_it_does_not_start() {
    let daemon = Daemon::new();
    let refusal = daemon.refusal(login_as_root(PERSON));
    assert!(refusal.contains("running inside a login session"), "{refusal}");
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    let refusal = daemon.refusal(nobody);
    assert!(refusal.contains("denied"), "{refusal}");
    daemon.configure("user = \"nobody-here\"");
    let refusal = daemon.refusal(Command::new("env"));
    assert!(refusal.contains("there is no user `nobody-here`; create it"), "{refusal}");
    daemon.configure("user = \"root\"");
    let refusal = daemon.refusal(Command::new("env"));
    assert!(refusal.contains("is root; name an unprivileged user"), "{refusal}");
    fs::write(daemon.path("plain"), "").unwrap();
    let plain = format!(
        "listen = \"{}\"\nupstream = \"{}\"\n",
        daemon.path("plain").display(),
        daemon.fake.socket().display()
    );
    fs::write(daemon.path("config.toml"), plain).unwrap();
    let refusal = daemon.refusal(Command::new("env"));
    assert!(refusal.contains("a file that is not a socket is in the way"), "{refusal}");
    let mut daemon = daemon;
    daemon.configure("");
    daemon.fake.end();
    let refusal = daemon.refusal(Command::new("env"));
    assert!(refusal.contains("start docker first"), "{refusal}");
    daemon.fake.go_on();
}
