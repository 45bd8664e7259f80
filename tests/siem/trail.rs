//! Records that the programs write, as lines of auditd's log.

use std::fs;
use std::path::Path;

use audit_host::danger::Danger;

/// Lines on which a rule fires.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    /// The name of the rule for Sigma.
    pub(crate) sigma: &'static str,
    /// The id of the rule for Wazuh.
    pub(crate) wazuh: u32,
    pub(crate) lines: Vec<String>,
}

impl Case {
    pub(crate) fn is_same_rule(&self, other: &Self) -> bool {
        self.wazuh == other.wazuh
    }
}

/// Who sends a record: the part that the kernel writes, and the names that auditd adds.
#[derive(Clone, Copy)]
struct Sender(&'static str, &'static str);

const BROKER: Sender =
    Sender("pid=4711 uid=999 auid=1000 ses=99", "UID=\"audit-broker\" AUID=\"dwalsh\"");
const PERSON: Sender =
    Sender("pid=2601 uid=1000 auid=1000 ses=3", "UID=\"dwalsh\" AUID=\"dwalsh\"");
const CONTAINER: Sender =
    Sender("pid=6666 uid=0 auid=4294967295 ses=4294967295", "UID=\"root\" AUID=\"unset\"");

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A line of the log, from a line `TYPE TEXT` of a golden file.
fn line(Sender(head, names): Sender, record: &str) -> String {
    let (kind, text) = record.split_once(' ').unwrap();
    format!("type={kind} msg=audit(1795979012.004:31): {head} msg='{text}'\u{1d}{names}")
}

/// The records of a golden file that contain all words.
fn golden(sender: Sender, file: &str, words: &[&str]) -> Vec<String> {
    let text = read(&format!("tests/golden/{file}"));
    let fits = |line: &&str| words.iter().all(|word| line.contains(word));
    let lines: Vec<String> = text.lines().filter(fits).map(|record| line(sender, record)).collect();
    assert!(!lines.is_empty(), "{file} has no record with {words:?}");
    lines
}

/// A record of the broker about itself, from `docs/records.md`.
fn of_itself(kind: &str) -> String {
    let text = read("docs/records.md");
    let known = text.lines().find(|line| line.starts_with(&format!("type={kind} "))).unwrap();
    let (_, message) = known.split_once(" msg='").unwrap();
    let message = message.trim_end_matches('\'');
    line(
        Sender("pid=725 uid=999 auid=4294967295 ses=4294967295", "UID=\"audit-broker\""),
        &format!("{kind} {message}"),
    )
}

pub(crate) fn cases() -> Vec<Case> {
    let case = |what, sigma, wazuh, lines| Case { what, sigma, wazuh, lines };
    let way = |sender| golden(sender, "broker/create.txt", &["op=privileged "]);
    let danger = |danger: Danger| {
        let word = format!("op={} ", danger.name());
        way(BROKER).iter().map(|line| line.replace("op=privileged ", &word)).collect()
    };
    let denied =
        golden(BROKER, "broker/denied.txt", &["VIRT_CONTROL ", "create-request", "res=failed"]);
    let refused = denied[0]
        .replace("op=create-request", "op=refuse")
        .replace("reason=no-host", "reason=not-understood");
    let forged = golden(CONTAINER, "broker/create.txt", &["op=create-request"]);
    // auditd does not encode the separator in a message.
    let disguised = forged[0].replace(" kind=", " \u{1d}UID=\"audit-broker\" uid=999 kind=");
    let report = read("tests/golden/report/complete.txt");
    let gap = format!("Nov 29 04:00:01 host1 audit-cli-report: {}", report.lines().next().unwrap());
    let stop = of_itself("SERVICE_START").replace("SERVICE_START", "SERVICE_STOP");
    vec![
        case("privileged container", "docker_privileged_container", 100_500, way(BROKER)),
        case(
            "privileged container, in the wrapper's record",
            "docker_privileged_container",
            100_500,
            golden(PERSON, "host-access.txt", &["op=privileged "]),
        ),
        case(
            "host mount",
            "docker_host_mount",
            100_501,
            golden(BROKER, "broker/create.txt", &["op=host-mount "]),
        ),
        case(
            "several denials",
            "docker_denials_correlation",
            100_503,
            [vec![denied[0].clone(); 4], vec![refused]].concat(),
        ),
        case(
            "evidence forging",
            "docker_evidence_forging",
            100_504,
            danger(Danger::EvidenceForging),
        ),
        case("evidence hiding", "docker_evidence_forging", 100_504, danger(Danger::EvidenceHiding)),
        case(
            "policy change",
            "docker_policy_change",
            100_505,
            vec![of_itself("USER_MAC_POLICY_LOAD")],
        ),
        case("broker stop", "docker_broker_stop", 100_506, vec![stop]),
        case("gap", "docker_trail_gap", 100_507, vec![gap]),
        case("record from a container", "docker_record_not_by_broker", 100_508, forged),
        case("disguised record", "docker_record_not_by_broker", 100_508, vec![disguised]),
    ]
}

/// A day of ordinary use, after the broker's start: containers, images, an exec, a command of the wrapper,
/// three denials, logins, sudo, the firewall and a report without a loss.
pub(crate) fn ordinary() -> Vec<String> {
    let mut lines = Vec::new();
    for (file, words) in [
        ("broker/create.txt", ["VIRT_", "res=success"]),
        ("broker/state.txt", ["VIRT_CONTROL", "op="]),
        ("broker/exec.txt", ["VIRT_CONTROL", "op="]),
        ("broker/denied.txt", ["SOFTWARE_UPDATE", "res=success"]),
        ("broker/denied.txt", ["VIRT_CONTROL", "res=failed"]),
    ] {
        lines.extend(golden(BROKER, file, &words));
    }
    lines.extend(golden(PERSON, "command.txt", &["USER_CMD"]));
    lines.push(of_itself("SERVICE_START"));
    for (sender, record) in [
        (
            PERSON,
            "USER_CMD cwd=\"/\" cmd=6C73202D6C exe=\"/usr/bin/sudo\" terminal=pts/1 res=success",
        ),
        (
            PERSON,
            "USER_START op=PAM:session_open acct=\"root\" exe=\"/usr/bin/sudo\" terminal=pts/1 res=success",
        ),
        (
            CONTAINER,
            "SERVICE_STOP unit=logrotate comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success",
        ),
        (
            CONTAINER,
            "USER_AUTH op=PAM:authentication acct=\"bob\" exe=\"/usr/sbin/sshd\" addr=10.0.0.7 terminal=ssh res=failed",
        ),
        (
            PERSON,
            "USER_ROLE_CHANGE pam: default-context=u:r:t:s0 selected-context=u:r:t:s0 exe=\"/usr/sbin/sshd\" hostname=h addr=10.0.0.7 terminal=ssh res=success",
        ),
        (
            CONTAINER,
            "VIRT_CONTROL virt=kvm op=start reason=booted vm=\"guest\" uuid=1 vm-pid=7 exe=\"/usr/sbin/libvirtd\" hostname=? addr=? terminal=? res=success",
        ),
        (
            CONTAINER,
            "SOFTWARE_UPDATE op=install sw=\"bash\" sw_type=rpm key_enforce=0 gpg_res=1 root_dir=\"/\" comm=\"yum\" exe=\"/usr/bin/yum\" hostname=? addr=? terminal=? res=success",
        ),
    ] {
        lines.push(line(sender, record));
    }
    lines.push("type=LOGIN msg=audit(1795979012.004:31): pid=9 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 ses=3 res=1\u{1d}UID=\"root\" OLD-AUID=\"unset\" AUID=\"dwalsh\"".to_owned());
    lines.push("type=SYSCALL msg=audit(1795979012.004:31): arch=c000003e syscall=257 success=no exit=-13 ppid=1 pid=7 auid=1000 uid=1000 ses=3 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"etc\"".to_owned());
    lines.push(
        "Nov 29 04:00:01 host1 audit-cli-report: Nothing is missing from 8123 records.".to_owned(),
    );
    lines
}
