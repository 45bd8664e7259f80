//! The cases about what responses reveal: S13, S14, S17, S18, S38.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::owners::{out, run};
use super::sender::{create, send};
use super::shipped::under_each;
use super::stage::OTHER;
use crate::broker::Broker;
use crate::docker::Lines;
use crate::engine::{Engine, Store};
use crate::host::{Finally, PERSON, login, raw, settle, shell, tag, text, uid_of};

/// The person may use their own objects and see root's. The other person may do everything.
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
        // dockerd must have received the request first.
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

/// The owner of a volume or network decides who sees its events.
#[test]
fn s13_a_user_gets_no_events_of_volumes_and_networks_of_others() {
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
    // Created and removed faster than the broker can inspect it.
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
    // The same events from dockerd's memory, after all objects are gone.
    let later = format!("docker events --since {} --until $(date +%s)", since.trim());
    let replayed = out(&broker, PERSON, &later);
    assert!(!replayed.contains("-hidden-"), "{replayed}");
    assert!(replayed.contains(&format!("volume destroy {name}-own-v")), "{replayed}");
}

/// Root creates a container with 1.2 MB of labels.
pub(super) fn create_with_long_labels(name: &str) {
    let label = "x".repeat(100_000);
    let labels: Vec<String> = (0..12).map(|number| format!("--label l{number}={label}")).collect();
    let script = format!("docker create --name {name} {} fedora true", labels.join(" "));
    let mut made = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut made.stdin.take().unwrap(), script.as_bytes()).unwrap();
    assert!(made.wait().unwrap().success());
}

/// An event that is too long to keep still tells a permitted viewer what happened.
#[test]
fn s38_the_broker_shortens_long_events_and_refuses_oversized_labels() {
    let broker = Broker::with_policies(&own_and_roots(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let of_admin = Events::begin(&broker, OTHER);
    let of_person = Events::begin(&broker, PERSON);
    create_with_long_labels(&format!("{name}-root"));
    sleep(Duration::from_secs(1));
    shell(&format!("docker rm {name}-root"));
    // Policies may check labels, and the broker no longer knows those of a container that is gone.
    // Only viewers who may see every container get its last event.
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
    // No caller can create such an object through the broker.
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

/// The person may use their own objects, and the other person may do everything.
fn own_only() -> String {
    format!(
        "@id(\"own\") permit(principal, action, resource)
            when {{ resource is Daemon || resource is Image || resource in principal }};
         @id(\"other\") permit(principal == User::\"{OTHER}\", action, resource);"
    )
}

/// The response about a hidden object is the same as about a missing one.
#[test]
fn s14_filters_and_conflicts_reveal_nothing_about_hidden_objects() {
    let broker = Broker::with_policies(&own_only(), "");
    filters_and_conflicts(&broker, Lines::at(&broker).name());
}

fn filters_and_conflicts(broker: &Broker, name: &str) {
    let hidden = out(broker, OTHER, &format!("docker create --name {name}-hidden fedora true"));
    let hidden = hidden.trim();
    out(broker, PERSON, &format!("docker create --name {name}-own fedora true"));
    let told = |line: &str| {
        let output = run(broker, PERSON, line);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let list = "docker ps -a --format '{{.Names}}' --filter";
    for key in ["since", "before"] {
        let of = |what: &str| {
            let (code, stdout, stderr) = told(&format!("{list} {key}={what}"));
            (code, stdout, stderr.replace(what, "NAME"))
        };
        let missing = of(&format!("{name}-missing"));
        assert_eq!(missing.0, Some(1), "{missing:?}");
        for what in [&format!("{name}-hidden"), hidden, &hidden[..12]] {
            assert_eq!(of(what), missing, "{key}={what}");
        }
        assert_eq!(of(&format!("{name}-own")).0, Some(0));
    }
    // A filter by id also finds a later container of the person's own.
    out(broker, PERSON, &format!("docker create --name {name}-later fedora true"));
    assert_eq!(
        told(&format!("{list} since={name}-own --filter name={name}")).1,
        format!("{name}-later\n")
    );
    assert_eq!(
        told(&format!("{list} before={name}-later --filter name={name}")).1,
        format!("{name}-own\n")
    );
    for line in [
        format!("docker create --name {name}-hidden fedora true"),
        format!("docker rename {name}-own {name}-hidden"),
    ] {
        let (code, _, stderr) = told(&line);
        assert!(code != Some(0) && stderr.contains("is already in use"), "{stderr}");
        assert!(!stderr.contains(&hidden[..12]), "{stderr}");
    }
    // About a container that the caller may see, docker's own message is passed on.
    let (_, _, stderr) = told(&format!("docker create --name {name}-own fedora true"));
    assert!(stderr.contains("by container \""), "{stderr}");
}

/// Errors, counts and the swarm.
#[test]
fn s18_no_response_reveals_hidden_objects() {
    let broker = Broker::with_policies(&own_only(), "");
    errors_and_counts(&broker, Lines::at(&broker).name());
}

/// docker 28 words its messages differently.
#[test]
fn s14_s18_s32_docker_28_reveals_no_more() {
    let engine = Engine::start(Store::Overlay2);
    let broker = engine.broker(&own_only());
    errors_and_counts(&broker, &tag());
    filters_and_conflicts(&broker, &tag());
    let name = tag();
    let line = super::owners::at_once(&name);
    let told = out(&broker, PERSON, &line);
    assert_eq!(told.matches("\"Id\"").count(), 1, "{told}");
    let count = format!("docker network ls --format '{{{{.Name}}}}' | grep -cx {name}");
    assert_eq!(out(&broker, PERSON, &count), "1\n", "{told}");
}

/// Under each shipped policy, a response names a container only to a user who may inspect it.
#[test]
fn s14_s18_hold_under_each_shipped_policy() {
    let name = tag();
    let made = shell(&format!(
        "docker create --privileged --name {name}-priv fedora true; docker create --name {name}-plain fedora true"
    ));
    let _removed = Finally(format!("docker rm {name}-priv {name}-plain"));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").into_bytes();
    under_each(|policy, broker| {
        for (what, id) in
            [("priv", 0), ("plain", 1)].map(|(what, at)| (what, made.lines().nth(at).unwrap()))
        {
            let container = format!("{name}-{what}");
            let since = format!(
                "/containers/json?all=1&filters=%7B%22since%22%3A%5B%22{container}%22%5D%7D"
            );
            let body = r#"{"Image":"fedora","Cmd":["true"],"User":"1000"}"#;
            let told = send(
                broker.socket(),
                &[
                    get(&format!("/containers/{container}/json")),
                    get(&since),
                    create(&container, body),
                    get(&format!("/containers/{id}/json")),
                ],
            );
            let is_seen = told[0].status == 200;
            assert_eq!(told[1].status == 200, is_seen, "{policy}: {what}: {told:?}");
            assert!(is_seen || !told[2].body.contains(&id[..12]), "{policy}: {what}: {told:?}");
        }
        assert_count_is_that_of_the_list(policy, broker);
    });
}

/// `/info` counts the containers that the list shows. Other tests create and remove containers at the same
/// time, so this compares only while two lists around the count agree.
fn assert_count_is_that_of_the_list(policy: &str, broker: &Broker) {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").into_bytes();
    let list = "/containers/json?all=1";
    let listed = |body: &str| body.matches("\"ImageID\"").count();
    for _ in 0..50 {
        let told = send(broker.socket(), &[get(list), get("/info"), get(list)]);
        if told.iter().any(|told| told.status != 200) {
            return;
        }
        let count = told[1].body.split("\"Containers\":").nth(1).unwrap();
        let count = count.split(',').next().unwrap().parse::<usize>().unwrap();
        if [&told[0], &told[2]].iter().all(|told| listed(&told.body) == count) {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("{policy}: /info does not count what the list shows");
}

/// The beginning of several hidden ids gets the same response as the beginning of no id.
#[test]
fn s14_the_beginning_of_several_ids_reveals_nothing() {
    let broker = Broker::with_policies(&own_only(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    // Of 17 ids, at least two begin with the same digit.
    let create = format!("for i in $(seq 17); do docker create --name {name}-$i fedora true; done");
    let ids = out(&broker, OTHER, &create);
    let twice = |digit: &char| ids.lines().filter(|id| id.starts_with(*digit)).count() > 1;
    let digit = "0123456789abcdef".chars().find(twice).unwrap();
    let told = |given: &str| {
        let output = run(&broker, PERSON, &format!("docker container inspect {given}"));
        text(&output.stderr).replace(given, "ID")
    };
    assert_eq!(told(&digit.to_string()), told("missing"));
}

fn errors_and_counts(broker: &Broker, name: &str) {
    let line = |user: &str, line: &str| {
        let output = run(broker, user, line);
        text(&output.stdout) + &text(&output.stderr)
    };
    // The other person's container uses what the person created.
    out(
        broker,
        PERSON,
        &format!(
            "docker volume create {name}-v && docker network create {name}-n &&
             docker create --name {name}-of fedora true && docker commit {name}-of {name}-i &&
             docker rm {name}-of"
        ),
    );
    let hidden = out(
        broker,
        OTHER,
        &format!(
            "docker run -d --init --name {name}-hidden -v {name}-v:/v --network {name}-n {name}-i \
                sleep 600"
        ),
    );
    let hidden = hidden.trim();
    for call in [
        format!("docker volume rm {name}-v"),
        format!("docker network rm {name}-n"),
        format!("docker rmi {name}-i"),
    ] {
        let told = line(PERSON, &call);
        assert!(told.contains(&format!("{name}-")), "{told}");
        assert!(!told.contains(&hidden[..12]) && !told.contains("-hidden"), "{call}: {told}");
        let told = line(OTHER, &call);
        let is_named = told.contains(&hidden[..12]) || told.contains("has active endpoints");
        assert!(is_named, "{call}: {told}");
    }
    assert_info_counts_what_ps_lists(broker, hidden);
    out(broker, PERSON, &format!("docker create --name {name}-own fedora true"));
    assert_info_counts_what_ps_lists(broker, hidden);
    // The hidden container is the only one that uses the image and the volume.
    let curl = "curl -s --unix-socket ${DOCKER_HOST#unix://} http://docker/v1.41";
    for path in ["images/json", "system/df"] {
        let told = line(PERSON, &format!("{curl}/{path}"));
        assert!(!told.contains(&hidden[..12]), "{told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        let images = if path == "system/df" { &told["Images"] } else { &told };
        let image = entry(images, |image| image["RepoTags"][0] == format!("{name}-i:latest"));
        assert!([0, -1].map(Value::from).contains(&image["Containers"]), "{path}: {image}");
        if path == "system/df" {
            let volume = entry(&told["Volumes"], |volume| volume["Name"] == format!("{name}-v"));
            assert_eq!(volume["UsageData"]["RefCount"], 0, "{volume}");
        }
    }
}

/// The only entry of a list for which `is_meant` is true.
fn entry(list: &Value, is_meant: impl Fn(&Value) -> bool) -> &Value {
    let mut entries = list.as_array().unwrap().iter().filter(|entry| is_meant(entry));
    let (Some(entry), None) = (entries.next(), entries.next()) else {
        panic!("not one entry: {list}");
    };
    entry
}

/// A label does not lead a user's compose to objects that another user created.
#[test]
fn s17_tools_find_only_objects_of_their_caller_by_label() {
    let policies = "@id(\"all\") permit(principal, action, resource);";
    let broker = Broker::with_policies(policies, "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let labels = ["com.docker.compose.project", "com.docker.stack.namespace", "org.testcontainers"];
    for (number, label) in labels.iter().enumerate() {
        for (user, what) in [(PERSON, "own"), (OTHER, "other")] {
            let made = format!("{name}-{what}-{number}");
            let label = format!("--label {label}={name}");
            out(
                &broker,
                user,
                &format!(
                    "docker create {label} --name {made} fedora true &&
                     docker volume create {label} {made} && docker network create {label} {made}"
                ),
            );
        }
        let made = |what: &str| format!("{name}-{what}-{number}\n");
        for list in
            ["ps -a --format '{{.Names}}'", "volume ls -q", "network ls --format '{{.Name}}'"]
        {
            let by_label = format!("docker {list} --filter label={label}={name}");
            assert_eq!(out(&broker, PERSON, &by_label), made("own"), "{list}");
            assert_eq!(out(&broker, OTHER, &by_label), made("other"), "{list}");
            // With any other filter, every user sees what they may see.
            let by_name = format!("docker {list} --filter name={name} | grep -c -- -{number}$");
            assert_eq!(out(&broker, PERSON, &by_name), "2\n", "{list}");
        }
    }
    // The record of a container that mounts another user's volume names the owner.
    let volume = format!("{name}-own-0");
    out(&broker, OTHER, &format!("docker create --name {name}-uses -v {volume}:/v fedora true"));
    settle();
    let found = raw(&["-m", "VIRT_RESOURCE", "-ul", OTHER], &format!("new-fs=\"{volume}\""));
    let owner = format!("name=\"login:{}:{PERSON}\"", uid_of(PERSON));
    assert!(found.iter().any(|record| record.contains(&owner)), "{owner}: {found:?}");
}

/// `docker info` counts the containers that `docker ps` lists, and the hidden one is not among them. Other
/// tests create and remove containers of the same user at the same time, so this tries again.
fn assert_info_counts_what_ps_lists(broker: &Broker, hidden: &str) {
    let counts = "docker info -f '{{.Containers}} {{.ContainersRunning}}'";
    let listed = "docker ps -aq --no-trunc; echo; docker ps -q";
    for _ in 0..50 {
        let counted = out(broker, PERSON, counts);
        let listed = out(broker, PERSON, listed);
        assert!(!listed.contains(hidden), "{listed}");
        let (all, running) = listed.split_once("\n\n").unwrap_or((&listed, ""));
        if counted == format!("{} {}\n", all.split_whitespace().count(), running.lines().count()) {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("docker info does not count what docker ps lists");
}
