//! Claims that the trail and the policies could wrongly trust: login uids, groups, and policy
//! files.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::broker::{Broker, PERMIT_ALL};
use crate::host::{
    Finally, PERSON, field, login, login_as_root, raw, settle, shell, tag, text, uid_of, value,
};
use crate::observe::{harmless_by_curl, record, wait_until};
use crate::policy::shipped;

use super::sender::send;

const UNSET: &str = "4294967295";
const NOBODY: &str = "65534";

/// A process without a login uid that sets its login uid to the person's, and then runs as another
/// user.
fn liar(user: &str) -> Command {
    let mut command = login_as_root(PERSON);
    command.args(["setpriv", "--reuid", user, "--clear-groups"]);
    command
}

/// Opens connections to a socket, prints how many got a response, and holds them until its standard
/// input ends.
const HOLD: &str = r"
import socket, sys
held = []
for _ in range(int(sys.argv[2])):
    one = socket.socket(socket.AF_UNIX)
    one.connect(sys.argv[1])
    one.sendall(b'GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n')
    held.append((one, b' 200 ' in one.recv(4096)))
print(sum(is_answered for _, is_answered in held), flush=True)
sys.stdin.read()
";

fn hold(mut command: Command, broker: &Broker, count: u32) -> (Child, u32) {
    command.args(["/usr/bin/python3", "-c", HOLD]).arg(broker.socket()).arg(count.to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().parse().unwrap())
}

#[test]
fn s23_a_process_with_a_claimed_login_uid_uses_no_connections_of_the_person() {
    let broker = Broker::start("connections_per_uid = 4");
    let (mut liars, answered) = hold(liar(NOBODY), &broker, 12);
    assert_eq!(answered, 4, "the liar has connections of its own, and no more");
    let (mut person, answered) = hold(login(PERSON), &broker, 4);
    assert_eq!(answered, 4, "the person has all of theirs");
    for child in [&mut liars, &mut person] {
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

#[test]
fn s23_a_claimed_login_uid_is_not_recorded_as_a_login() {
    let broker = Broker::start("journal = true");
    let tag = tag();
    let mut command = liar(NOBODY);
    harmless_by_curl(&mut command, &broker, &tag);
    command.output().unwrap();
    let record = record(&tag);
    assert_eq!(field(&record, "kind"), Some("service"), "{record}");
    assert_eq!(field(&record, "suid"), Some(NOBODY));
    assert_eq!(field(&record, "sauid"), Some(uid_of(PERSON).to_string().as_str()));
    let own = shell("cut -d: -f3- /proc/self/cgroup | tail -1");
    assert_eq!(value(&record, "cgroup").unwrap(), own.trim().as_bytes());
    assert_ne!(field(&record, "sauid"), Some(UNSET));
}

#[test]
fn s28_an_emptied_policy_file_keeps_the_old_policies_in_force() {
    let broker = Broker::start("");
    let forbid = broker.socket().with_file_name("policy.d/forbid.cedar");
    let asked = b"GET /v1.41/images/json HTTP/1.1\r\nHost: docker\r\n\r\n";
    let status = || broker.http(asked).status;
    let rule = "@id(\"none\") forbid(principal, action == Action::\"image-list\", resource);";
    fs::write(&forbid, rule).unwrap();
    wait_until("the rule", || status() == 403);
    for (count, content) in ["", "\n", "// only a comment\n", "\0\0\0\0"].iter().enumerate() {
        fs::write(&forbid, content).unwrap();
        let complaints = || broker.said().matches("keeping the old ones").count();
        wait_until("the complaint", || complaints() == count + 1);
        assert_eq!(status(), 403, "{content:?}");
    }
    assert!(broker.said().contains("forbid.cedar`: it holds no policy"), "{}", broker.said());
    fs::write(forbid.with_file_name("test.cedar"), PERMIT_ALL).unwrap();
    fs::remove_file(&forbid).unwrap();
    wait_until("the removal, which root means", || status() == 200);
}

/// Sends a request on one connection for each line that it reads, and prints the status.
const ASK: &str = r"
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
for _ in sys.stdin:
    one.sendall(b'GET /v1.41/images/json HTTP/1.1\r\nHost: docker\r\n\r\n')
    answer = b''
    while b'\r\n\r\n' not in answer:
        answer += one.recv(65536)
    head, body = answer.split(b'\r\n\r\n', 1)
    length = [int(line.split(b':')[1]) for line in head.split(b'\r\n') if line.lower().startswith(b'content-length:')]
    while length and len(body) < length[0] or not length and not body.endswith(b'0\r\n\r\n'):
        body += one.recv(65536)
    print(head.split(b' ')[1].decode(), flush=True)
";

#[test]
fn s29_a_user_who_leaves_a_group_loses_it_on_open_connections_too() {
    let group = tag();
    let _removed = Finally(format!("groupdel {group}"));
    shell(&format!("groupadd {group} && gpasswd -a {PERSON} {group}"));
    let policy = format!(
        "@id(\"a\") permit(principal in Group::\"{group}\", action == Action::\"image-list\", \
         resource);"
    );
    let broker = Broker::with_policies(&policy, "");
    let uid = uid_of(PERSON).to_string();
    // As in a session that is older than the membership: only the user database has the group.
    let mut command = liar(&uid);
    command.args(["/usr/bin/python3", "-c", ASK]).arg(broker.socket());
    let mut old = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(old.stdout.take().unwrap());
    let mut ask = || {
        let mut line = String::new();
        old.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        said.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    assert_eq!(ask(), "200");
    shell(&format!("gpasswd -d {PERSON} {group}"));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let mut fresh = login(PERSON);
    fresh.args(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket"]);
    fresh.arg(broker.socket()).arg("http://docker/v1.41/images/json");
    assert_eq!(text(&fresh.output().unwrap().stdout), "403");
    assert_eq!(ask(), "403");
    shell(&format!("gpasswd -a {PERSON} {group}"));
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(ask(), "200");
    settle();
    drop(old.stdin.take());
    old.wait().unwrap();
}

/// Whatever the broker does with a call, the password of a URL is neither in the trail nor in the
/// log.
#[test]
fn r18_the_broker_keeps_passwords_in_urls_out_of_the_trail() {
    let broker = Broker::with_policies(&shipped("default"), "journal = true");
    let secret = tag();
    let remote = format!("http://u:{secret}@127.0.0.1:9/x");
    let requests = [
        format!("POST /v1.41/images/create?fromSrc={remote}"),
        format!("POST /v1.41/build?remote={remote}"),
        format!("POST /v1.41/build?remote=http%3A%2F%2Fu%3A{secret}%40127.0.0.1:9"),
        format!("POST /v1.41/build?nosuch={secret}&buildargs={secret}"),
        format!("POST /v1.41/images/http://u:{secret}@h/push"),
        format!("GET /v1.41/distribution/http://u:{secret}@h/json"),
    ];
    let bytes = requests.map(|target| {
        format!("{target} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n").into_bytes()
    });
    let told = send(broker.socket(), &bytes);
    // The broker denies or refuses the person's calls and forwards root's.
    for request in &bytes {
        broker.http(request);
    }
    settle();
    let in_hex = secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"));
    let types = "VIRT_CONTROL,VIRT_RESOURCE,SOFTWARE_UPDATE,USER_ROLE_CHANGE";
    let found = raw(&["-m", types], "");
    for told in &told {
        let spid = format!(" spid={} ", told.pid);
        assert!(found.iter().any(|record| record.contains(&spid)), "no record of {told:?}");
    }
    let leak = found.iter().find(|record| record.contains(&secret) || record.contains(&in_hex));
    assert_eq!(leak, None);
    assert!(!broker.said().contains(&secret), "{}", broker.said());
}

/// Connects, waits until the broker has identified it, and lets another program send the request.
const OTHER_PROGRAM: &str = r"
import socket, subprocess, sys
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
one.sendall(b'GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n')
one.recv(4096)
request = 'POST /containers/%s/start HTTP/1.1\r\nHost: docker\r\n\r\n' % sys.argv[2]
subprocess.run(['cat'], input=request.encode(), stdout=one.fileno())
one.recv(4096)
";

/// The record names the program that the broker saw. docs/records.md says that this is no proof.
#[test]
fn s24_the_recorded_program_may_not_have_sent_the_request() {
    let broker = Broker::start("");
    let tag = tag();
    let mut command = login(PERSON);
    command.args(["/usr/bin/python3", "-c", OTHER_PROGRAM]).arg(broker.socket()).arg(&tag);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let record = record(&tag);
    let python = shell("readlink -f /usr/bin/python3");
    assert_eq!(value(&record, "exe").unwrap(), python.trim().as_bytes(), "{record}");
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/records.md");
    let document = fs::read_to_string(document).unwrap().replace('\n', " ");
    assert!(
        document.contains("It is a hint and no proof"),
        "docs/records.md says what exe= is worth"
    );
}
