mod worst;

use std::fmt::Write;
use std::rc::Rc;

use serde_json::{Value, json};
use snapbox::{assert_data_eq, file};

use super::*;
use crate::api::body::parse_body;
use crate::api::request::tests::head;
use crate::dockerd::host_sysctl::HostSysctls;
use crate::dockerd::object::Object;
use crate::dockerd::references::References;
use crate::judge::danger::dangers;
use crate::owner::Owner;
use crate::who::subject::ContainerSubject;

const ID: &str = "53819f4339c73f5518abf16d65ae065a13c9fff0e80523be2d5e3c8b16e72ad5";

fn subject() -> Subject {
    Subject {
        auid: Auid::from_raw(1000),
        session: Session::from_raw(3),
        exe: Some(b"/usr/bin/docker".to_vec()),
        terminal: Some("pts/3".to_owned()),
        ..Subject::unknown(2601, 1000)
    }
}

fn action(method: &str, target: &str, document: &Value) -> Action {
    let head = head(&format!("{method} {target}")).unwrap();
    let text = document.to_string();
    let parse = || parse_body(head.route.body, text.as_bytes()).unwrap();
    let body = if document.is_null() { Body::None } else { parse() };
    let references = References { host_sysctls: HostSysctls::ON, ..References::default() };
    let owner = Owner::login(1000);
    Action { subject: Rc::new(subject()), owner, head, body, object: Object::None, references }
}

fn web() -> Object {
    let document = json!({
        "Id": ID,
        "Name": "/web",
        "Config": {"Image": "fedora"},
        "State": {"Pid": 4711},
    });
    Object::Container(serde_json::from_value(document).unwrap())
}

fn lines(records: &[Record<'_>]) -> String {
    let mut lines = String::new();
    for record in records {
        for text in record.texts().unwrap() {
            let text = String::from_utf8(text).unwrap();
            writeln!(lines, "{} {text}", record.record_type()).unwrap();
        }
    }
    lines
}

/// The records of the request and of its outcome.
fn records_of(action: &Action, outcome: CallOutcome, made: Option<&MadeObject>) -> String {
    let ways = dangers(action).ways;
    let call_records = CallRecords::new(action, &ways, &Mask::default());
    lines(&call_records.of_request(None)) + &lines(&call_records.of_outcome(outcome, made))
}

/// `docker run -v /:/host --privileged fedora chroot /host`.
#[test]
fn a_container_that_gets_the_host() {
    let document = json!({
        "Image": "fedora",
        "Cmd": ["chroot", "/host"],
        "HostConfig": {"Privileged": true, "Binds": ["/:/host"], "NetworkMode": "default"},
    });
    let mut create = action("POST", "/v1.41/containers/create", &document);
    let image = json!({"Id": format!("sha256:{ID}")});
    create.references.images = vec![serde_json::from_value(image).unwrap()];
    let made = MadeObject { id: ID.to_owned(), name: Some("sharp_hypatia".to_owned()) };
    let text = records_of(&create, CallOutcome::Done(None), Some(&made));
    assert_data_eq!(text, file!["../../../../tests/golden/broker/create.txt"]);
}

/// All denials have the same type, and each names its policy.
#[test]
fn denials_and_reported_denials() {
    let document = json!({"Image": "fedora", "HostConfig": {"Binds": ["/:/host"]}});
    let create = action("POST", "/v1.41/containers/create?name=web", &document);
    let pull = action("POST", "/images/create?fromImage=fedora&tag=41", &Value::Null);
    let mut text = String::new();
    for action in [&create, &pull] {
        let ways = dangers(action).ways;
        let call_records = CallRecords::new(action, &ways, &Mask::default());
        text += &lines(&call_records.of_request(Some("developers")));
        text += &lines(&call_records.of_denial("no-host"));
        text += &lines(&[call_records.of_report("not-permitted")]);
    }
    assert_data_eq!(text, file!["../../../../tests/golden/broker/denied.txt"]);
}

#[test]
fn starting_and_stopping_a_container() {
    let mut start = action("POST", "/containers/web/start", &Value::Null);
    start.object = web();
    let mut stop = action("POST", "/containers/web/stop?t=1", &Value::Null);
    stop.object = web();
    let text = records_of(&start, CallOutcome::Done(None), None)
        + &records_of(&stop, CallOutcome::Failed, None);
    assert_data_eq!(text, file!["../../../../tests/golden/broker/state.txt"]);
}

#[test]
fn a_process_in_a_container() {
    let exec = json!({"Cmd": ["sh", "-c", "cat /etc/shadow"], "Privileged": true});
    let mut create = action("POST", "/containers/web/exec", &exec);
    create.object = web();
    let text = records_of(&create, CallOutcome::Done(Some(7)), None)
        + &records_of(&create, CallOutcome::BrokenOff, None);
    assert_data_eq!(text, file!["../../../../tests/golden/broker/exec.txt"]);
}

#[test]
fn images_volumes_and_networks() {
    let mut pull = action("POST", "/images/create?fromImage=fedora&tag=41", &Value::Null);
    let mut tag = action("POST", "/images/fedora/tag?repo=mine&tag=1", &Value::Null);
    let volume = json!({"Name": "data", "DriverOpts": {"device": "/srv", "o": "bind"}});
    let mut volume = action("POST", "/volumes/create", &volume);
    let mut network = action("POST", "/networks/create", &json!({"Name": "back"}));
    let text: String = [&mut tag, &mut pull, &mut volume, &mut network]
        .into_iter()
        .map(|action| {
            if let Some(name) = action.head.object.clone() {
                action.object = Object::Named(name);
            }
            records_of(action, CallOutcome::Done(None), None)
        })
        .collect();
    assert_data_eq!(text, file!["../../../../tests/golden/broker/objects.txt"]);
}

#[test]
fn callers_without_a_login() {
    let container = ContainerSubject {
        id: ID.to_owned(),
        name: "traefik".to_owned(),
        image: "traefik:3".to_owned(),
        ..ContainerSubject::default()
    };
    let cgroup = format!("/docker/{ID}").into_bytes();
    let of_container = Subject { container: Some(container), cgroup, ..Subject::unknown(9, 0) };
    let cgroup = b"/system.slice/ci.service".to_vec();
    let service = Subject { cgroup, ..Subject::unknown(10, 998) };
    let namespaced = Subject { is_namespaced: true, ..subject() };
    let head = head("POST /containers/web/start").unwrap();
    let records: Vec<_> = [&of_container, &service, &namespaced]
        .into_iter()
        .map(|subject| of_missing(subject, &head))
        .collect();
    let refused = of_refused(&service, Some("/v1.41/containers/../x?a b=res"), "not-understood");
    let text = lines(&records) + &lines(&[refused]);
    assert_data_eq!(text, file!["../../../../tests/golden/broker/others.txt"]);
}

#[test]
fn r18_credentials_in_urls_are_not_recorded() {
    let mask = Mask::with_key([1; audit_host::mask::KEY_BYTES]);
    let digest = mask.of(b"u:password");
    let login = json!({"serveraddress": "https://u:password@h", "username": "u"});
    let exec = json!({"Cmd": ["curl", "http://u:password@h"]});
    for (target, document) in [
        ("/build?remote=http://u:password@h/x", Value::Null),
        ("/build?remote=u:password@h/x", Value::Null),
        ("/images/create?fromSrc=http%3A%2F%2Fu%3Apassword%40h", Value::Null),
        ("/auth", login),
        ("/containers/web/exec", exec),
    ] {
        let mut action = action("POST", target, &document);
        if target.ends_with("/exec") {
            action.object = web();
        }
        let ways = dangers(&action).ways;
        let call_records = CallRecords::new(&action, &ways, &mask);
        let text = lines(&call_records.of_request(None)) + &lines(&call_records.of_denial("x"));
        let hex = |text: &str| {
            let mut hex = Vec::new();
            audit_core::encoding::encode_hex(text.as_bytes(), &mut hex);
            String::from_utf8(hex).unwrap()
        };
        assert!(!text.contains("password") && !text.contains(&hex("password")), "{text}");
        assert!(text.contains(&digest) || text.contains(&hex(&digest)), "{text}");
    }
}

/// A call that only watches has not failed when the client leaves, and a started command has a record.
#[test]
fn r06_commands_and_r02_calls_that_a_client_leaves() {
    let document = json!({
        "Id": ID,
        "Name": "/web",
        "Config": {"Image": "fedora", "Entrypoint": ["sh", "-c"], "Cmd": ["TOKEN=x date"]},
    });
    let mut start = action("POST", "/containers/web/start", &Value::Null);
    start.object = Object::Container(serde_json::from_value(document).unwrap());
    let mut wait = action("POST", "/containers/web/wait", &Value::Null);
    wait.object = web();
    let ways = dangers(&start).ways;
    let command = CallRecords::new(&start, &ways, &Mask::default());
    let left = CallRecords::new(&wait, &ways, &Mask::default());
    assert!(left.of_command().is_none());
    let text = lines(&[command.of_command().unwrap()])
        + &lines(&left.of_outcome(CallOutcome::LeftOff, None));
    assert_data_eq!(text, file!["../../../../tests/golden/broker/commands.txt"]);
}

/// No name can break a record into two lines or add a field.
#[test]
fn hostile_names_do_not_break_records() {
    let document = json!({
        "Image": "fedora\u{1b}[31m",
        "Cmd": ["x".repeat(100_000), "a b", "res=success"],
        "HostConfig": {"Binds": ["/a b/uid=0:/h"], "CapAdd": ["NOT_ONE"]},
    });
    let create = action("POST", "/containers/create?name=odd", &document);
    let text = records_of(&create, CallOutcome::Done(None), None);
    assert!(text.lines().all(|line| line.contains(" res=success") && !line.contains("uid=0")));
}
