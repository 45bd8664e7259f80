//! Denial of service: resources that one caller could take from all others.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::sender::{bare, create, send};
use super::shipped::under_each_with;
use crate::broker::Broker;
use crate::docker::{Lines, alone, command_lines};
use crate::host::{PERSON, login, raw, settle, shell, tag, text};
use crate::http::post;
use crate::observe::wait_until;
use crate::policy::shipped;

/// Asks for a file in a container and reads nothing of the response.
const ASK_AND_WAIT: &str = r"
import socket, sys, time
with socket.socket(socket.AF_UNIX) as s:
    s.connect(sys.argv[1])
    s.sendall(f'GET /containers/{sys.argv[2]}/archive?path=/big HTTP/1.1\r\nHost: d\r\n\r\n'.encode())
    time.sleep(600)
";

/// A process of the person's that ends with the test.
struct Asking(Child);

impl Asking {
    fn archive_of(container: &str, socket: &Path) -> Self {
        let mut command = login(PERSON);
        command.args(["/usr/bin/python3", "-c", ASK_AND_WAIT]).arg(socket).arg(container);
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn docker(broker: &Broker, user: &str, words: &[&str]) -> Output {
    let mut command = login(user);
    command.env("DOCKER_HOST", broker.address()).env("HOME", broker.home());
    command.args(["timeout", "60", "docker"]).args(words).output().unwrap()
}

fn assert_lists(broker: &Broker, words: &[&str]) {
    let listed = docker(broker, PERSON, words);
    assert!(listed.status.success(), "{words:?}: {}", text(&listed.stderr));
}

/// dockerd locks a container while it sends an archive of it, and answers no question about it
/// meanwhile.
#[test]
fn s33_a_locked_container_does_not_delay_lists() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let name = format!("{}-locked", lines.name());
    let run = "run -d --init --name NAME fedora sh -c";
    let run = run.replace("NAME", &name);
    let mut words: Vec<&str> = run.split(' ').collect();
    words.push("dd if=/dev/zero of=/big bs=1M count=64 && sleep 600");
    let made = docker(&broker, PERSON, &words);
    assert!(made.status.success(), "{}", text(&made.stderr));
    wait_until("the file", || {
        shell(&format!("docker exec {name} ls -l /big || true")).contains("67108864")
    });
    let _asking = Asking::archive_of(&name, broker.socket());
    let is_locked = || {
        let mut inspect = Command::new("timeout");
        let inspected = inspect.args(["1", "docker", "inspect", &name]).output().unwrap();
        inspected.status.code() == Some(124)
    };
    wait_until("the lock", is_locked);
    // This broker has not seen the container before.
    let fresh = Broker::with_policies(&shipped("default"), "dockerd_timeout_seconds = 4");
    assert_lists(&fresh, &["ps", "-a"]);
    assert_lists(&fresh, &["ps"]);
    let inspected = docker(&fresh, PERSON, &["inspect", &name]);
    assert!(text(&inspected.stderr).contains("did not answer"), "{inspected:?}");
}

/// Opens streams of events, and prints the status of each response.
const WATCH: &str = r"
import socket, sys
streams = [socket.socket(socket.AF_UNIX) for _ in range(int(sys.argv[2]))]
for s in streams:
    s.settimeout(20)
    s.connect(sys.argv[1])
    s.sendall(b'GET /events HTTP/1.1\r\nHost: d\r\n\r\n')
    print(s.recv(12).decode()[9:])
";

/// In each stream the broker asks dockerd once about each event. With 900 streams, each new volume
/// delayed all callers for seconds.
#[test]
fn s33_the_broker_limits_the_event_streams_of_a_caller() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let watch = |user| {
        let mut command = login(user);
        command.args(["/usr/bin/python3", "-c", WATCH]).arg(broker.socket()).arg("17");
        text(&command.output().unwrap().stdout)
    };
    assert_eq!(watch(PERSON), "200\n".repeat(16) + "403\n");
    assert_eq!(watch("root"), "200\n".repeat(17));
}

/// A container that dockerd describes in more than 16 MiB: it writes this character as six bytes,
/// and the command twice.
fn huge() -> String {
    format!(r#"{{"Image":"fedora","Cmd":["{}"]}}"#, "\u{2028}".repeat(1_400_000))
}

/// Root creates that container at dockerd.
fn create_huge(lines: &Lines<'_>, name: &str) {
    lines.file("body", huge().as_bytes());
    let made = lines.straight(
        &command_lines()[0],
        &format!(
            "curl -s --unix-socket /var/run/docker.sock -H 'Content-Type: application/json' \
             --data-binary @$D/../body 'http://docker/containers/create?name={name}'"
        ),
    );
    assert!(text(&made.stdout).contains("\"Id\""), "{made:?}");
}

/// dockerd's description of this container is longer than the broker reads.
#[test]
fn s31_a_container_too_long_to_read_fails_no_list_and_can_be_removed() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let name = format!("{}-huge", lines.name());
    create_huge(&lines, &name);
    assert_lists(&broker, &["ps", "-a", "-q"]);
    {
        let _alone = alone();
        assert_lists(&broker, &["system", "df"]);
    }
    let removed = docker(&broker, PERSON, &["rm", "-f", &name]);
    let said = text(&removed.stderr);
    assert!(said.contains("No such container"), "{said}");
    assert_ne!(shell(&format!("docker ps -aq --filter name={name}")), "");
    let removed = docker(&broker, "root", &["rm", "-f", &name]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert_eq!(shell(&format!("docker ps -aq --filter name={name}")), "");
}

/// A bind and a volume with paths longer than any file can have.
fn of_long_paths(name: &str) -> [Vec<u8>; 2] {
    let path = "/a".repeat(60_000);
    let bind = format!(r#"{{"Image":"fedora","HostConfig":{{"Binds":["{path}:/x"]}}}}"#);
    let options = format!("lowerdir={}", "a:".repeat(300_000));
    let volume =
        format!(r#"{{"Name":"{name}","DriverOpts":{{"type":"overlay","o":"{options}"}}}}"#);
    [create(name, &bind), post("/volumes/create", &volume)]
}

/// Three of these requests stopped the broker for all callers.
#[test]
fn s30_paths_longer_than_any_file_cost_the_broker_nothing() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let [bind, volume] = of_long_paths(&format!("{}-r", lines.name()));
    let requests = [bind.clone(), bind.clone(), bind, volume];
    let told = std::thread::scope(|scope| {
        let one =
            |request: &Vec<u8>| send(broker.socket(), std::slice::from_ref(request)).remove(0);
        let sending = requests.iter().map(|request| scope.spawn(move || one(request)));
        let sending: Vec<_> = sending.collect();
        assert_lists(&broker, &["ps"]);
        sending.into_iter().map(|sent| sent.join().unwrap()).collect::<Vec<_>>()
    });
    for told in told {
        assert_eq!(told.status, 400, "{told:?}");
        assert!(told.body.contains("a string of more than 4096 bytes"), "{told:?}");
    }
}

#[test]
fn s35_the_broker_keeps_the_denial_of_many_things_short() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    let name = format!("{}-r", lines.name());
    let told = send(broker.socket(), &[of_many_things(&name)]);
    assert_eq!(told[0].status, 403);
    assert!(told[0].body.len() < 20_000, "{} bytes", told[0].body.len());
    assert!(told[0].body.contains(" more: no policy permits it"), "{}", told[0].body);
    settle();
    let records = records_of(&name);
    assert!(!records.is_empty());
    // The record has the number and the hash of what it leaves out.
    assert!(records.iter().any(|record| record.contains(" missing=")), "{records:#?}");
}

/// A container that asks for 3,250 things of the host.
fn of_many_things(name: &str) -> Vec<u8> {
    let place = "d".repeat(200);
    let binds: Vec<String> = (0..250).map(|n| format!(r#""/srv/{place}/{n}:/{n}""#)).collect();
    let devices: Vec<String> =
        (0..3000).map(|n| format!(r#"{{"PathOnHost":"/dev/{place}{n}"}}"#)).collect();
    let (binds, devices) = (binds.join(","), devices.join(","));
    let config = format!(r#""HostConfig":{{"Binds":[{binds}],"Devices":[{devices}]}}"#);
    let command = format!(r#""Cmd":["{}"]"#, "c".repeat(100_000));
    create(name, &format!(r#"{{"Image":"fedora",{command},{config}}}"#))
}

/// Checks that the records about a refused container are short together.
fn records_of(name: &str) -> Vec<String> {
    let records = raw(&["-m", "VIRT_CONTROL,USER_ROLE_CHANGE"], name);
    let bytes: usize = records.iter().map(String::len).sum();
    assert!(bytes < 64 << 10, "{} records, {bytes} bytes", records.len());
    records
}

/// A user for whom no other test creates networks, which would count.
const NETWORKER: &str = "news";

/// docker has addresses for about thirty networks.
#[test]
fn s37_a_user_cannot_use_up_all_networks() {
    let broker = Broker::with_policies(&shipped("default"), "networks_per_user = 3");
    let lines = Lines::at(&broker);
    let tag = lines.name();
    let name = |number: usize| format!("{tag}-net{number}");
    let create_as =
        |user: &str, number: usize| docker(&broker, user, &["network", "create", &name(number)]);
    // At the same moment, so that the broker could count each before the others exist.
    let made = std::thread::scope(|scope| {
        let making: Vec<_> = (0..8)
            .map(|n| {
                scope.spawn({
                    let create_as = &create_as;
                    move || create_as(NETWORKER, n)
                })
            })
            .collect();
        making.into_iter().map(|made| made.join().unwrap()).collect::<Vec<_>>()
    });
    let there = |name: &str| shell(&format!("docker network ls -q --filter name={name}-net"));
    assert_eq!(there(tag).lines().count(), 3);
    let refused: Vec<_> = made.iter().filter(|made| !made.status.success()).collect();
    assert_eq!(refused.len(), 5);
    for refused in refused {
        let said = text(&refused.stderr);
        assert!(said.contains("networks_per_user allows 3"), "{said}");
    }
    let other = create_as("root", 8);
    assert!(other.status.success(), "{}", text(&other.stderr));
    let own = made.iter().position(|made| made.status.success()).unwrap();
    let removed = docker(&broker, NETWORKER, &["network", "rm", &name(own)]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert!(create_as(NETWORKER, 9).status.success());
}

/// An operator who may remove every network has no limit, and `roles.cedar` says so.
#[test]
fn s30_s31_s35_s37_hold_under_each_shipped_policy() {
    let everything = Broker::start("");
    let lines = Lines::at(&everything);
    let name = lines.name();
    let huge_name = format!("{name}-huge");
    create_huge(&lines, &huge_name);
    under_each_with("networks_per_user = 2", |policy, broker| {
        let refused = tag();
        let [bind, volume] = of_long_paths(&refused);
        let bodies = [bind, volume, create(&refused, &huge()), of_many_things(&refused)];
        for told in send(broker.socket(), &bodies) {
            let is_refused = matches!(told.status, 400 | 403 | 413) && told.body.len() < 20_000;
            let shown: String = told.body.chars().take(500).collect();
            assert!(is_refused, "{policy}: {} {shown}", told.status);
        }
        assert!(!records_of(&refused).is_empty(), "{policy}");
        let made = shell(&format!(
            "docker ps -aq --filter name={refused}; docker volume ls -q --filter name={refused}"
        ));
        assert_eq!(made, "", "{policy}");
        let calls = [
            bare("GET /containers/json?all=1"),
            bare(&format!("DELETE /containers/{huge_name}?force=1")),
        ];
        let told = send(broker.socket(), &calls);
        assert_eq!(told[0].status, 200, "{policy}: {told:?}");
        assert!(matches!(told[1].status, 403 | 404), "{policy}: {told:?}");
        assert_ne!(shell(&format!("docker ps -aq --filter name={huge_name}")), "", "{policy}");
        networks_have_a_limit(policy, broker, &format!("{name}-{refused}"));
    });
    let removed = docker(&everything, "root", &["rm", "-f", &huge_name]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
}

/// Expects that dockerd creates at most two of four networks in a row.
fn networks_have_a_limit(policy: &str, broker: &Broker, name: &str) {
    let is_exempt = policy.contains("docker-operator-advanced");
    let request = |number| post("/networks/create", &format!(r#"{{"Name":"{name}-{number}"}}"#));
    let told = send(broker.socket(), &[0, 1, 2, 3].map(request));
    let made = format!("docker network ls -q --filter name={name}-");
    let count = shell(&made).lines().count();
    shell(&format!("{made} | xargs -r docker network rm"));
    let is_limited = told.iter().any(|told| told.body.contains("networks_per_user allows"));
    assert!(!is_exempt || !is_limited, "{policy}: it has a limit now: {told:?}");
    assert!(is_exempt || count <= 2 && told[3].status == 403, "{policy}: {told:?}");
}
