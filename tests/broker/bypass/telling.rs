//! The review's cases about what responses tell: S13, S14, S17, S18, S38.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::owners::{out, run};
use super::stage::OTHER;
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{PERSON, login, shell, text};

/// The person uses what they made and looks at what root made; another person may do everything.
fn own_and_roots() -> String {
    format!(
        "@id(\"own\") permit(principal, action, resource)
            when {{ resource is Daemon || resource is Image || resource in principal }};
         @id(\"roots\") permit(principal, action in [Action::\"container-view\",
            Action::\"volume-inspect\", Action::\"network-inspect\"], resource)
            when {{ resource in User::\"root\" }};
         @id(\"other\") permit(principal == User::\"{OTHER}\", action, resource);"
    )
}

/// A person's stream of events.
struct Events(Child);

impl Events {
    fn begin(broker: &Broker, user: &str) -> Self {
        let mut command = login(user);
        command.env("DOCKER_HOST", broker.address()).env("HOME", broker.home());
        command.args([
            "docker",
            "events",
            "--format",
            "{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}",
        ]);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        // dockerd has to hear of it first.
        sleep(Duration::from_secs(1));
        Self(child)
    }

    fn end(mut self) -> String {
        sleep(Duration::from_secs(1));
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        let mut output = String::new();
        std::io::Read::read_to_string(self.0.stdout.as_mut().unwrap(), &mut output).unwrap();
        self.0.wait().unwrap();
        output
    }
}

/// Each event of a volume or network is judged by the owner of that.
#[test]
fn s13_events_of_volumes_and_networks_are_their_owner_s() {
    let broker = Broker::with_policies(&own_and_roots(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let since = shell("date +%s");
    let events = Events::begin(&broker, PERSON);
    let use_once = |what: &str| {
        format!(
            "docker volume create {name}-{what}-v && docker network create {name}-{what}-n &&
             docker run --rm --name {name}-{what}-c --net {name}-{what}-n -v {name}-{what}-v:/v \
                fedora true && docker network rm {name}-{what}-n && docker volume rm {name}-{what}-v"
        )
    };
    out(&broker, OTHER, &use_once("hidden"));
    out(&broker, PERSON, &use_once("own"));
    shell(&use_once("root"));
    // Made and gone faster than anybody can look.
    for _ in 0..5 {
        out(
            &broker,
            OTHER,
            &format!("docker volume create {name}-hidden-q; docker volume rm {name}-hidden-q"),
        );
        out(
            &broker,
            PERSON,
            &format!("docker volume create {name}-own-q; docker volume rm {name}-own-q"),
        );
    }
    let seen = events.end();
    let count = |what: &str| seen.lines().filter(|line| line.contains(what)).count();
    assert_eq!(count("-hidden-"), 0, "{seen}");
    for event in ["volume create", "volume mount", "volume unmount", "volume destroy"] {
        assert!(count(&format!("{event} {name}-own-v")) >= 1, "{event}: {seen}");
        assert!(count(&format!("{event} {name}-root-v")) >= 1, "{event}: {seen}");
    }
    for event in ["network create", "network connect", "network disconnect", "network destroy"] {
        let of = |what: &str| {
            let line = |line: &&str| line.starts_with(event) && line.ends_with(what);
            seen.lines().filter(line).count()
        };
        assert_eq!(of(&format!("{name}-own-n")), 1, "{event}: {seen}");
        assert_eq!(of(&format!("{name}-root-n")), 1, "{event}: {seen}");
    }
    // The same from dockerd's memory, when all of it is gone.
    let later = format!("docker events --since {} --until $(date +%s)", since.trim());
    let replayed = out(&broker, PERSON, &later);
    assert!(!replayed.contains("-hidden-"), "{replayed}");
    assert!(replayed.contains(&format!("volume destroy {name}-own-v")), "{replayed}");
}

/// An event that is too long to be kept still tells what happened, to who may see it.
#[test]
fn s38_long_events_are_shortened_and_absurd_labels_refused() {
    let broker = Broker::with_policies(&own_and_roots(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let label = "x".repeat(100_000);
    let labels: Vec<String> = (0..12).map(|number| format!("--label l{number}={label}")).collect();
    let labels = labels.join(" ");
    let of_admin = Events::begin(&broker, OTHER);
    let of_person = Events::begin(&broker, PERSON);
    let script = format!("docker create --name {name}-root {labels} fedora true");
    let mut made = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut made.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(made.wait().unwrap().success());
    sleep(Duration::from_secs(1));
    shell(&format!("docker rm {name}-root"));
    // Policies may speak of labels, and those of a container that is gone are not known any more: then
    // its last event is for those who may see any container.
    for (events, told) in [(of_admin, &["create", "destroy"][..]), (of_person, &["create"])] {
        let seen = events.end();
        for event in told {
            let line = |line: &&str| {
                line.starts_with(&format!("container {event} "))
                    && line.ends_with(&format!(" {name}-root"))
            };
            assert_eq!(seen.lines().filter(line).count(), 1, "{event}: {seen}");
        }
    }
    // Nobody makes such a thing through the broker.
    let set = "x=$(head -c 90000 /dev/zero | tr '\\0' x)";
    let many = "--label a=$x --label b=$x --label c=$x";
    for what in [
        format!("create {many} fedora true"),
        format!("volume create {many} {name}-v"),
        format!("network create {many} {name}-n"),
    ] {
        let refused = run(&broker, PERSON, &format!("{set}; docker {what}"));
        let told = text(&refused.stderr);
        assert!(!refused.status.success() && told.contains("at most 262144 are allowed"), "{told}");
    }
    out(
        &broker,
        PERSON,
        &format!("{set}; docker volume create --label a=$x --label b=$x {name}-v"),
    );
}
