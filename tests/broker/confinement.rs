//! The privileges of the running broker, and its metrics.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::broker::Broker;
use crate::host::{PERSON, login, shell, tag};
use crate::observe::{harmless, harmless_by_curl};

/// The value of a field in the status of a thread.
fn status<'a>(text: &'a str, field: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(":\t")).unwrap()
}

#[test]
fn each_thread_of_the_broker_has_only_the_privileges_that_it_needs() {
    let broker = Broker::start("");
    // This call starts a thread that acts for a login.
    let mut curl = login(PERSON);
    harmless_by_curl(&mut curl, &broker, &tag());
    curl.output().unwrap();
    let pid = broker.pid().unwrap();
    let (uid, gid) = (shell("id -u audit-broker"), shell("id -g audit-broker"));
    let docker = shell("stat -L -c %g /var/run/docker.sock");
    let mut groups = [gid.trim(), docker.trim()];
    groups.sort_by_key(|gid| gid.parse::<u32>().unwrap());
    let mut names = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let text = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        names.push(status(&text, "Name").to_owned());
        assert_eq!(status(&text, "Uid").split('\t').collect::<Vec<_>>(), [uid.trim(); 4], "{text}");
        assert_eq!(status(&text, "Gid").split('\t').collect::<Vec<_>>(), [gid.trim(); 4], "{text}");
        assert_eq!(
            status(&text, "Groups").split_whitespace().collect::<Vec<_>>(),
            groups,
            "{text}"
        );
        // CAP_AUDIT_WRITE is 29, CAP_SYS_PTRACE 19.
        let kept = format!("{:016x}", 1 << 29 | 1 << 19);
        for (set, expected) in [("CapPrm", kept.as_str()), ("CapEff", kept.as_str())] {
            assert_eq!(status(&text, set), expected, "{set} in {text}");
        }
        for set in ["CapInh", "CapBnd", "CapAmb"] {
            assert_eq!(status(&text, set), "0000000000000000", "{set} in {text}");
        }
        assert_eq!((status(&text, "NoNewPrivs"), status(&text, "Seccomp")), ("1", "2"), "{text}");
    }
    assert!(names.len() >= 5, "{names:?}");
}

#[test]
fn only_root_can_read_metrics() {
    let broker = Broker::start("");
    let tag = tag();
    broker.http(harmless(&tag).as_bytes());
    broker.http(b"GET /no-such-path HTTP/1.1\r\nHost: docker\r\n\r\n");
    let answer = broker.metrics();
    assert_eq!(answer.status, 200);
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(format));
    let text = answer.text();
    for line in [
        "# TYPE audit_broker_calls counter",
        "# TYPE audit_broker_records counter",
        "# TYPE audit_broker_call_duration_seconds histogram",
        "# TYPE audit_broker_connections gauge",
        "# TYPE audit_broker_streams gauge",
        "audit_broker_calls_total{class=\"container-state\",result=\"Failed\"} 1",
        "audit_broker_calls_total{class=\"unknown\",result=\"Denied\"} 1",
        "audit_broker_records_total{result=\"Taken\"} 2",
        "audit_broker_kernel_keeps_records 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lost = shell("auditctl -s | sed -n 's/^lost //p'");
    assert_eq!(broker.metric("audit_broker_kernel_lost").to_string(), lost.trim());

    let socket = broker.socket().with_file_name("metrics.sock");
    let ask = |socket: &Path| {
        let mut command = login(PERSON);
        command.args(["curl", "-s", "--max-time", "5", "--unix-socket"]).arg(socket);
        command.arg("http://x/metrics").output().unwrap()
    };
    assert!(!ask(&socket).status.success());
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let output = ask(&socket);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
}
