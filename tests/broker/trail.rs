//! What an auditor finds with standard tools about calls through the broker.

use std::process::{Command, Stdio};

use crate::broker::Broker;
use crate::docker::{Lines, command_lines};
use crate::fake::{Fake, ID, Reply};
use crate::host::{PERSON, field, found_settled, login, raw, settle, shell, tag, text, uid_of};
use crate::http::{Answer, post};
use crate::observe::{gist, harmless, harmless_by_curl, kind_of, record, records, wait_until};

/// Runs a line that a person types, through the broker. It must succeed. Gives its output.
fn type_line(lines: &Lines<'_>, line: &str) -> String {
    let output = lines.through(&command_lines()[0], line);
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

/// The outcome of a removal is the last record about a container.
fn wait_until_removed(name: &str) {
    let is_removed = |record: &String| record.contains(" op=remove ");
    wait_until("the end", || raw(&["-m", "VIRT_CONTROL"], name).iter().any(is_removed));
}

#[test]
fn every_search_of_an_auditor_finds_the_example() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    // `Lines` replaces the names that it has chosen, so the test chooses this one itself.
    let name = format!("{}web", lines.name());
    let id = type_line(
        &lines,
        &format!("docker run -d --init --name {name} -v /:/host fedora sleep 60"),
    );
    type_line(&lines, &format!("docker rm -f {name}"));
    wait_until_removed(&name);

    let count = |options: &[&str]| found_settled(options, &name).len();
    for record_type in ["VIRT_CONTROL", "VIRT_RESOURCE", "USER_ROLE_CHANGE"] {
        let all = count(&["-m", record_type]);
        assert!(all > 0, "{record_type}");
        assert_eq!(count(&["-m", record_type, "-ul", PERSON]), all, "{record_type}");
        assert_eq!(count(&["-m", record_type, "-vm", &name]), all, "{record_type}");
    }
    assert!(count(&["-uu", &id]) > 0);
    let uid = uid_of(PERSON).to_string();
    for record in raw(&["-vm", &name], &name) {
        let auid = record.split(' ').find_map(|field| field.strip_prefix("auid=")).unwrap();
        assert_eq!((auid, field(&record, "kind")), (uid.as_str(), Some("login")), "{record}");
    }
    let readable = found_settled(&["-m", "VIRT_RESOURCE", "-f", "/"], &name);
    assert!(readable.iter().any(|line| line.contains("new-fs=/ dir=/host")), "{readable:?}");
    let role = found_settled(&["-m", "USER_ROLE_CHANGE", "-ul", PERSON], &name);
    assert!(role.iter().all(|line| line.contains("op=host-mount acct=root")), "{role:?}");
}

/// The lines of a report about the records of one container.
fn report(name: &str, program: &str) -> Vec<String> {
    let log = format!("LC_ALL=C ausearch --input-logs --raw -ts recent -vm {name}");
    shell(&format!("{log} | LC_ALL=C {program}")).lines().map(str::to_owned).collect()
}

#[test]
fn reports_about_virtual_machines_include_containers() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}web", lines.name());
    type_line(&lines, &format!("docker run -d --init --name {name} fedora sleep 60"));
    type_line(&lines, &format!("docker stop -t 1 {name}; docker rm {name}"));
    wait_until_removed(&name);
    let listed = report(&name, "aureport -i --virt");
    let listed = listed.iter().filter(|line| line.contains(" VIRT_")).count();
    let sent = raw(&["-m", "VIRT_CONTROL,VIRT_RESOURCE"], &name).len();
    assert_eq!(listed, sent);
    if Command::new("auvirt").arg("--help").output().is_ok() {
        let auvirt = |options: &str| {
            let found = report(&name, &format!("auvirt --stdin {options} --vm {name}"));
            found.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(auvirt("--all-events"), ["start", "stop"]);
        assert_eq!(auvirt("").len(), 1);
    }
}

/// The number of LOGIN records of the broker that name the login uid. Root writes those of a real
/// login.
fn login_records(auid: &str) -> usize {
    let mut search = Command::new("ausearch");
    search.args(["--input-logs", "-m", "LOGIN", "-ts", "recent", "-ui", "audit-broker"]);
    let output = search.env("LC_ALL", "C").stdin(Stdio::null()).output().unwrap();
    // ausearch also fails when it finds nothing, and then says so.
    let problem = text(&output.stderr);
    assert!(output.status.success() || problem.contains("<no matches>"), "ausearch: {problem}");
    let suffix = format!(" auid={auid} ");
    text(&output.stdout).lines().filter(|line| line.contains(&suffix)).count()
}

#[test]
fn the_kernel_records_a_login_once() {
    let broker = Broker::start("");
    let mut sessions = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let tag = tag();
        let address = broker.socket().display().to_string();
        let line = format!(
            "for _ in 1 2 3; do curl -s -X POST --unix-socket {address} \
             http://x/containers/{tag}/start; done"
        );
        login(PERSON).args(["sh", "-c", &line]).output().unwrap();
        let found = records(&tag, 3);
        let header = |record: &String| {
            record.split(' ').find_map(|field| field.strip_prefix("ses=")).unwrap().to_owned()
        };
        sessions.extend(found.iter().map(header));
    }
    // The kernel gives each thread that acts for a login a session, and writes one record about it.
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    for session in sessions {
        let records = shell(&format!(
            "ausearch --input-logs --raw -m LOGIN --session {session} -ts recent | grep -c ^type="
        ));
        assert_eq!(records.trim(), "1", "session {session}");
    }
}

#[test]
fn without_attestation_only_the_fields_name_the_caller() {
    let person = uid_of(PERSON).to_string();
    let call = |broker: &Broker| {
        let tag = tag();
        let mut command = login(PERSON);
        harmless_by_curl(&mut command, broker, &tag);
        command.output().unwrap();
        (record(&tag), tag)
    };
    let before = login_records(&person);
    let (record, tag) = call(&Broker::start("attest = \"none\""));
    assert!(record.contains(" auid=4294967295 ses=4294967295 "), "{record}");
    assert_eq!(field(&record, "sauid"), Some(person.as_str()));
    assert_eq!(field(&record, "kind"), Some("login"));
    assert_eq!(found_settled(&["-ul", PERSON], &tag), [""; 0]);
    assert_eq!(login_records(&person), before);

    call(&Broker::start(""));
    assert_eq!(login_records(&person), before + 1, "with attestation there is one");
}

#[test]
fn the_broker_records_reading_calls_as_the_settings_say() {
    let set = |extra: &str| {
        let broker = Broker::start(extra);
        let lines = Lines::at(&broker);
        let name = format!("{}level", lines.name());
        let straight = |line: &str| lines.straight(&command_lines()[0], line);
        straight(&format!("docker create --name {name} fedora true"));
        for request in [
            "GET /_ping".to_owned(),
            "GET /version".to_owned(),
            format!("GET /containers/json?all=1&filters=%7B%22name%22:%5B%22{name}%22%5D%7D"),
            format!("GET /containers/{name}/json"),
            format!("GET /containers/{name}/logs?stdout=1"),
        ] {
            let answer = broker.http(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
            assert_eq!(answer.status, 200, "{request}: {answer:?}");
        }
        // The record of this call follows all others of this caller.
        broker.http(harmless(&format!("{name}end")).as_bytes());
        wait_until("the records", || {
            raw(&[], &name).iter().any(|record| record.contains(&format!("{name}end")))
        });
        let found = raw(&["-m", "VIRT_CONTROL"], &name);
        let found = found.iter().filter(|record| !record.contains(&format!("{name}end")));
        found.map(|record| gist(record).replace("VIRT_CONTROL ", "")).collect::<Vec<_>>()
    };
    assert_eq!(set(""), ["inspect-request success", "logs-request success", "logs success"]);
    let full = "[levels]\ncontainer-view = \"full\"\ncontainer-logs = \"metadata\"";
    assert_eq!(set(full), ["inspect-request success", "inspect success", "logs-request success"]);
    assert_eq!(set("[levels]\ncontainer-view = \"none\"\ncontainer-logs = \"none\""), [""; 0]);
}

/// When dockerd creates the container, the record of the request is already in the log.
#[test]
fn the_record_is_in_the_log_before_dockerd_acts() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}order", lines.name());
    type_line(&lines, &format!("docker create --name {name} fedora true"));
    let found = records(&name, 4);
    assert_eq!(gist(&found[0]), "VIRT_CONTROL create-request success");
    let stamp = found[0].split("audit(").nth(1).unwrap().split(':').next().unwrap().to_owned();
    let made = shell(&format!("docker inspect -f '{{{{.Created}}}}' {name}"));
    let made = shell(&format!("date -d {} +%s.%3N", made.trim()));
    assert!(stamp.as_str() <= made.trim(), "recorded {stamp}, made {made}");
    let types: Vec<&str> = found.iter().map(|record| kind_of(record)).collect();
    assert_eq!(types, ["VIRT_CONTROL", "VIRT_RESOURCE", "VIRT_RESOURCE", "VIRT_CONTROL"]);
}

/// A command as a record shows it.
fn written(words: &[&str]) -> String {
    let mut written = Vec::new();
    audit_core::encoding::encode(audit_core::CommandLine::new(words).as_bytes(), &mut written);
    text(&written)
}

/// No call runs the commands of a health check, or a start that follows a restart policy.
#[test]
fn the_broker_records_what_docker_will_do_on_its_own() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}unasked", lines.name());
    let given = "--restart always --health-cmd 'cat /etc/shadow'";
    type_line(&lines, &format!("docker create {given} --name {name} fedora true"));
    type_line(&lines, &format!("docker update --restart on-failure {name}"));
    settle();
    let found = raw(&["-m", "VIRT_RESOURCE"], &name);
    let of = |kind: &str| found.iter().find(|record| field(record, "resrc") == Some(kind)).unwrap();
    let is_restart = |record: &&String| field(record, "resrc") == Some("restart");
    let restarts = found.iter().filter(is_restart).map(|record| field(record, "name").unwrap());
    assert_eq!(restarts.collect::<Vec<_>>(), ["\"always\"", "\"on-failure\""]);
    let check = written(&["CMD-SHELL", "cat /etc/shadow"]);
    assert_eq!(field(of("healthcheck"), "cmd"), Some(check.as_str()));
}

/// I13: the broker records what an image makes docker do as if the caller had asked for it.
#[test]
fn the_broker_records_what_an_image_makes_docker_do() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let image = lines.name();
    let name = format!("{image}-made");
    let file = "FROM fedora\nCMD [\"cat\", \"of-image\"]\nVOLUME /kept\nHEALTHCHECK CMD of-image\n";
    type_line(&lines, &format!("printf '%b' '{file}' | docker build -q -t {image} - >/dev/null"));
    type_line(&lines, &format!("docker create --name {name} {image} >/dev/null"));
    settle();
    let found = raw(&["-m", "VIRT_CONTROL,VIRT_RESOURCE"], &name);
    for (name, expected) in [
        ("cmd", written(&["cat", "of-image"])),
        ("cmd", written(&["CMD-SHELL", "of-image"])),
        ("dir", "\"/kept\"".to_owned()),
    ] {
        assert!(found.iter().any(|it| field(it, name) == Some(expected.as_str())), "{found:?}");
    }
}

fn create(broker: &Broker, query: &str, body: &str) -> Answer {
    broker.http(&post(&format!("/containers/create?{query}"), body))
}

/// C41: if an image exists for several platforms, the broker judges the requested one.
#[test]
fn the_broker_judges_the_platform_that_the_caller_requests() {
    let fake = Fake::start(|request| {
        let image = |command| format!(r#"{{"Id":"sha256:{ID}","Config":{{"Cmd":["{command}"]}}}}"#);
        let document = match request {
            "GET /version" => r#"{"Version":"29.0.0","ApiVersion":"1.52"}"#.to_owned(),
            _ if !request.starts_with("GET /images/") => return None,
            _ if !request.contains("platform=") => image("of-this-host"),
            _ if request.contains("arm64") => image("of-arm"),
            _ => return Some(Reply::Document(404, r#"{"message":"no variant"}"#.to_owned())),
        };
        Some(Reply::Document(200, document))
    });
    let broker = Broker::before(&fake.socket(), "");
    let name = tag();
    let made = |query: &str| create(&broker, &format!("name={name}{query}"), r#"{"Image":"many"}"#);
    assert_eq!(made("&platform=linux/aarch64").status, 201);
    settle();
    let found = raw(&["-m", "VIRT_CONTROL"], &name);
    assert!(found.iter().any(|it| field(it, "cmd") == Some("\"of-arm\"")), "{found:?}");
    assert_eq!(fake.times_asked("POST /containers/create"), 1);
    let (status, told) = (404, "no variant");
    let answer = made("&platform=linux/s390x");
    assert!(answer.status == status && text(&answer.body).contains(told), "{answer:?}");
    assert_eq!(fake.times_asked("POST /containers/create"), 1);
}

/// An image that does not exist during the decision could exist when dockerd uses it.
#[test]
fn dockerd_never_uses_an_image_that_was_missing_during_the_decision() {
    let fake = Fake::start(|request| {
        let missing = r#"{"message":"No such image: gone:latest"}"#.to_owned();
        request.starts_with("GET /images/").then_some(Reply::Document(404, missing))
    });
    let broker = Broker::before(&fake.socket(), "");
    let name = tag();
    let body = r#"{"Image":"gone","HostConfig":{"Binds":["unmade:/x"]}}"#;
    let answer = create(&broker, &format!("name={name}"), body);
    assert_eq!(answer.status, 404);
    assert!(text(&answer.body).contains("No such image"), "{answer:?}");
    settle();
    let found = raw(&["-m", "VIRT_CONTROL"], &name);
    let ops: Vec<_> = found.iter().filter_map(|it| field(it, "op")).collect();
    assert_eq!(ops, ["create-request", "create"], "{found:?}");
    for target in ["POST /containers/create", "POST /volumes/create"] {
        assert_eq!(fake.times_asked(target), 0, "{target}");
    }
}

/// A capability that docker gives every container is no danger.
#[test]
fn adding_back_a_default_capability_is_no_danger() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let line = "docker create --cap-drop ALL --cap-add CHOWN --cap-add NET_BIND_SERVICE";
    type_line(&lines, &format!("{line} --name {name} fedora true >/dev/null"));
    settle();
    assert_eq!(raw(&["-m", "USER_ROLE_CHANGE"], name), [] as [String; 0]);
    assert!(!raw(&["-m", "VIRT_CONTROL"], name).is_empty());
}

/// NVIDIA's runtime and docker's own support for it give devices to every container whose
/// environment asks for them.
#[test]
fn a_runtime_that_reads_the_environment_counts_as_devices() {
    let fake = Fake::start(|request| {
        let document = r#"{"DefaultRuntime":"nvidia"}"#.to_owned();
        request.ends_with("/info").then_some(Reply::Document(200, document))
    });
    let broker = Broker::before(&fake.socket(), "");
    let name = tag();
    let body = r#"{"Image":"fedora","Env":["NVIDIA_VISIBLE_DEVICES=all"]}"#;
    create(&broker, &format!("name={name}"), body);
    settle();
    let found = raw(&["-m", "USER_ROLE_CHANGE"], &name);
    assert!(found.iter().any(|record| record.contains("op=host-device")), "{found:?}");
}
