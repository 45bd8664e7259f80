//! Each kind of process that may connect, and how its record describes it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::broker::{Broker, DOCKERD};
use crate::fake::{Fake, ID};
use crate::host::{
    Finally, PERSON, Restored, field, found_settled, login, login_as_root, shell, tag, text,
    uid_of, value,
};
use crate::observe::{harmless, harmless_by_curl, record, records, wait_until};

const UNSET: &str = "4294967295";
const NOBODY: &str = "65534";

/// Makes a call with a command that runs curl, and gives its record.
fn call(broker: &Broker, mut command: Command) -> String {
    let tag = tag();
    harmless_by_curl(&mut command, broker, &tag);
    let output = command.output().unwrap();
    assert!(text(&output.stdout).contains("No such container"), "{output:?}");
    record(&tag)
}

/// Checks the values of fields, in the message or in the kernel's part of the record.
fn assert_says(record: &str, expected: &[(&str, &str)]) {
    let (head, _) = record.split_once("msg='").unwrap();
    for (name, expected) in expected {
        let in_head = head.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        let found = field(record, name).or(in_head);
        assert_eq!(found, Some(*expected), "{name} in {record}");
    }
}

fn auid_in_head(record: &str) -> &str {
    record.split(' ').find_map(|field| field.strip_prefix("auid=")).unwrap()
}

#[test]
fn the_record_describes_a_person_who_has_logged_in() {
    let broker = Broker::start("");
    let uid = uid_of(PERSON).to_string();
    let straight = login(PERSON)
        .args(["curl", "-s", "--unix-socket", DOCKERD, "http://docker/_ping"])
        .output()
        .unwrap();
    assert!(!straight.status.success(), "{PERSON} must not reach dockerd itself: {straight:?}");

    let tag = tag();
    let line = format!(
        "tty; cat /proc/self/sessionid; echo; \
         sh -c 'echo $$; exec curl -s -X POST --unix-socket {} http://x/containers/{tag}/start'",
        broker.socket().display()
    );
    let output = login(PERSON).args(["script", "-qec", &line, "/dev/null"]).output().unwrap();
    let shown = text(&output.stdout);
    let mut shown = shown.lines().map(str::trim);
    let terminal = shown.next().unwrap().strip_prefix("/dev/").unwrap();
    let (session, pid) = (shown.next().unwrap(), shown.next().unwrap());
    let record = record(&tag);
    assert_says(
        &record,
        &[
            ("kind", "login"),
            ("spid", pid),
            ("suid", &uid),
            ("sauid", &uid),
            ("auid", &uid),
            ("oses", session),
            ("exe", "\"/usr/bin/curl\""),
            ("terminal", terminal),
            ("hostname", "?"),
            ("res", "failed"),
        ],
    );
    assert_eq!(field(&record, "cgroup"), None);
    for search in [["-ul", PERSON], ["-tm", terminal], ["-x", "/usr/bin/curl"]] {
        assert_eq!(found_settled(&search, &tag).len(), 1, "{search:?}");
    }
}

#[test]
fn the_record_describes_a_person_who_becomes_another_by_su() {
    let broker = Broker::start("");
    let uid = uid_of(PERSON).to_string();
    let tag = tag();
    let line = format!(
        "curl -s -X POST --unix-socket {} http://x/containers/{tag}/start",
        broker.socket().display()
    );
    let mut command = login_as_root(PERSON);
    command.args(["su", "-s", "/bin/sh", "nobody", "-c", &line]).output().unwrap();
    // A process without a login uid could claim the same, so it does not count as the person.
    let expected = [("kind", "service"), ("suid", NOBODY), ("sauid", &uid), ("auid", &uid)];
    assert_says(&record(&tag), &expected);
}

#[test]
fn the_record_describes_a_person_who_becomes_root_by_sudo() {
    let broker = Broker::start("");
    let rule = format!("/etc/sudoers.d/{}", tag());
    let _restored = Restored::file(&rule, &format!("{PERSON} ALL=(root) NOPASSWD: ALL\n"));
    shell(&format!("chmod 0440 {rule}"));
    let _forgotten = Finally("rm -rf /run/sudo/ts/*".to_owned());
    let uid = uid_of(PERSON).to_string();
    let mut command = login(PERSON);
    command.args(["sudo", "-n"]);
    let expected = [("kind", "login"), ("suid", "0"), ("sauid", &uid), ("auid", &uid)];
    assert_says(&call(&broker, command), &expected);
}

#[test]
fn the_record_describes_a_service_without_a_login() {
    let broker = Broker::start("");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--clear-groups"]);
    let record = call(&broker, command);
    let expected = [
        ("kind", "service"),
        ("suid", NOBODY),
        ("sauid", UNSET),
        ("oses", UNSET),
        ("auid", UNSET),
        ("terminal", "?"),
    ];
    assert_says(&record, &expected);
    let own = shell("cut -d: -f3- /proc/self/cgroup | tail -1");
    assert_eq!(value(&record, "cgroup").unwrap(), own.trim().as_bytes());
}

#[test]
fn root_of_a_user_namespace_is_recorded_as_the_user_outside() {
    let broker = Broker::start("");
    let uid = uid_of(PERSON).to_string();
    let mut command = login(PERSON);
    command.args(["unshare", "-Ur", "--kill-child"]);
    let expected = [("kind", "user-namespace"), ("suid", &uid), ("sauid", &uid), ("auid", &uid)];
    assert_says(&call(&broker, command), &expected);
}

#[test]
fn root_of_a_container_is_not_recorded_as_root_of_the_host() {
    let broker = Broker::start("");
    let (name, tag) = (tag(), tag());
    let line =
        format!("curl -s -X POST --unix-socket /run/broker.sock http://x/containers/{tag}/start");
    let socket = format!("{}:/run/broker.sock", broker.socket().display());
    let mut command = Command::new("docker");
    command.env("DOCKER_HOST", format!("unix://{DOCKERD}"));
    command.args(["run", "--rm", "--name", &name, "-v", &socket]);
    for directory in ["/usr", "/lib", "/lib64", "/etc/ssl"] {
        command.arg("-v").arg(format!("{directory}:{directory}:ro"));
    }
    let output =
        command.args(["fedora", "sh", "-c", &format!("/usr/bin/{line}")]).output().unwrap();
    assert!(text(&output.stdout).contains("No such container"), "{output:?}");
    let record = record(&tag);
    let expected = [
        ("kind", "container"),
        ("suid", "0"),
        ("sauid", UNSET),
        ("auid", UNSET),
        ("hostname", name.as_str()),
        ("exe", "\"/usr/bin/curl\""),
    ];
    assert_says(&record, &expected);
    assert!(text(&value(&record, "cgroup").unwrap()).contains("docker"), "{record}");
    assert_eq!(found_settled(&["-hn", &name], &tag).len(), 1);
}

/// The test stops the broker, which sees the connection only after its process has ended.
#[test]
fn a_caller_that_has_ended_before_it_is_identified_is_refused() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let tag = tag();
    let pid = broker.pid().unwrap();
    kill(pid, Signal::SIGSTOP).unwrap();
    let mut command = login(PERSON);
    command.args(["curl", "-s", "--max-time", "0.5", "-X", "POST", "--unix-socket"]);
    command.arg(broker.socket()).arg(format!("http://docker/containers/{tag}/start"));
    let mut curl = command.stdout(Stdio::null()).spawn().unwrap();
    let spid = curl.id().to_string();
    let ended = curl.wait().unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    assert_eq!(ended.code(), Some(28), "curl gives up");
    let record = record(&tag);
    let uid = uid_of(PERSON).to_string();
    let expected = [
        ("op", "refuse"),
        ("reason", "unidentified"),
        ("spid", spid.as_str()),
        ("suid", &uid),
        ("sauid", UNSET),
        ("res", "failed"),
    ];
    assert_says(&record, &expected);
    assert_eq!(auid_in_head(&record), UNSET);
    assert_eq!(fake.times_asked(&format!("POST /containers/{ID}/start")), 0);
    assert_eq!(fake.times_asked(&format!("GET /containers/{tag}/json")), 0);
}

#[test]
fn a_call_on_a_passed_descriptor_is_recorded_for_the_process_that_connected() {
    let broker = Broker::start("");
    let tag = tag();
    let stream = UnixStream::connect(broker.socket()).unwrap();
    wait_until("the connection", || broker.connections() > 0);
    let (input, output) = (OwnedFd::from(stream.try_clone().unwrap()), OwnedFd::from(stream));
    let mut command = login(PERSON);
    let request = harmless(&tag).replace("\r\n", "\\r\\n");
    command.args(["sh", "-c", &format!("printf '{request}'; head -c 12 >&2")]);
    let given = command.stdin(input).stdout(output).output().unwrap();
    assert_eq!(text(&given.stderr), "HTTP/1.1 404");
    let own = std::process::id().to_string();
    let expected = [("kind", "service"), ("spid", own.as_str()), ("suid", "0"), ("sauid", UNSET)];
    assert_says(&record(&tag), &expected);
}

#[test]
fn the_record_ignores_what_a_client_says_of_itself() {
    let broker = Broker::start("");
    let tag = tag();
    let claim = |header: &str| {
        let request = format!(
            "POST /containers/{tag}/start HTTP/1.1\r\nHost: docker\r\nUser-Agent: auid=0 \
             res=success uid=0\r\n{header}\r\n"
        );
        broker.http(request.as_bytes())
    };
    assert_eq!(claim("").status, 404);
    assert_eq!(claim("X-Forwarded-User: root\r\n").status, 404);
    std::thread::sleep(Duration::from_millis(100));
    for record in records(&tag, 2) {
        assert_says(&record, &[("suid", "0"), ("sauid", UNSET), ("res", "failed")]);
        assert!(!record.contains("res=success") && !record.contains("X-Forw"), "{record}");
    }
}
