//! Proposes policies from records that the broker writes, and loads them as the broker does.

use std::collections::BTreeSet;
use std::rc::Rc;

use audit_host::mask::Mask;
use serde_json::{Value, json};

use super::*;
use crate::api::body::{Body, parse_body};
use crate::api::request::tests::head;
use crate::dockerd::host_sysctl::HostSysctls;
use crate::dockerd::object::Object;
use crate::dockerd::references::References;
use crate::judge::action::Action;
use crate::judge::danger::dangers;
use crate::judge::policy_action::PolicyAction;
use crate::owner::Owner;
use crate::policy::tests::{container, made_by, user};
use crate::policy::{self, ContainerFacts, ImageFacts, Policy, PolicyQuery, Resource};
use crate::record::call_records::{CallRecords, MadeObject};
use crate::record::outcome::CallOutcome;
use crate::who::people::Person;
use crate::who::principal::owner_of;
use crate::who::subject::{ContainerSubject, Subject};
use audit_core::{Auid, Record};

const ID: &str = "53819f4339c73f5518abf16d65ae065a13c9fff0e80523be2d5e3c8b16e72ad5";
const OTHER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const BROKER_UID: u32 = 999;
const BROKER_PID: u32 = 7;

/// An audit trail to which a test writes record by record.
struct WrittenTrail {
    lines: Vec<u8>,
    serial: u32,
}

impl WrittenTrail {
    fn new() -> Self {
        let mut written = Self { lines: Vec::new(), serial: 0 };
        written.line("SERVICE_START", u32::MAX, "unit=audit-broker exe=\"/x\" res=success");
        written
    }

    fn line(&mut self, record_type: &str, auid: u32, text: &str) {
        self.line_of(record_type, (BROKER_PID, BROKER_UID, auid), text);
    }

    fn line_of(&mut self, record_type: &str, (pid, uid, auid): (u32, u32, u32), text: &str) {
        self.serial += 1;
        let line = format!(
            "type={record_type} msg=audit({}.123:{}): pid={pid} uid={uid} auid={auid} ses=3 \
             msg='{text}'\u{1d}UID=\"audit-broker\"\n",
            1_790_000_000 + self.serial,
            self.serial
        );
        self.lines.extend_from_slice(line.as_bytes());
    }

    fn records(&mut self, subject: &Subject, records: &[Record<'_>]) {
        let auid = subject.auid.map_or(u32::MAX, Auid::number);
        for record in records {
            for text in record.texts().unwrap() {
                let text = String::from_utf8(text).unwrap();
                self.line(&record.record_type().to_string(), auid, &text);
            }
        }
    }

    /// Writes the records of a successful call, with the container that it created.
    fn done(&mut self, action: &Action, made: Option<&MadeObject>) {
        let ways = dangers(action).ways;
        let call_records = CallRecords::new(action, &ways, &Mask::default());
        self.records(&action.subject, &call_records.of_request(None));
        self.records(&action.subject, &[call_records.of_report("not-permitted")]);
        self.records(&action.subject, &call_records.of_outcome(CallOutcome::Done(None), made));
    }

    fn proposal(&self, options: &Learning) -> String {
        let mut trail = Trail::default();
        let mut lines = audit_trail::Trail::new();
        lines.add_stream("test", std::io::Cursor::new(self.lines.clone()));
        lines.read(|record| {
            trail.add(record, BROKER_UID);
            std::ops::ControlFlow::Continue(())
        });
        propose(&trail.own(BROKER_UID), options, &name_of)
    }

    fn learnt(&self) -> String {
        self.proposal(&Learning::default())
    }
}

fn name_of(auid: u32) -> String {
    match auid {
        1001 => "dwalsh".to_owned(),
        1002 => "o'\"\\\n*\u{202e}b".to_owned(),
        auid => Person::name_of(auid),
    }
}

fn login(auid: u32) -> Subject {
    Subject { auid: Auid::from_raw(auid), ..Subject::unknown(2601, auid) }
}

fn action_of(subject: Subject, request: &str, document: &Value) -> Action {
    let head = head(request).unwrap();
    let text = document.to_string();
    let parse = || parse_body(head.route.body, text.as_bytes()).unwrap();
    let body = if document.is_null() { Body::None } else { parse() };
    let owner = owner_of(&subject);
    let references = References { host_sysctls: HostSysctls::ON, ..References::default() };
    Action { subject: Rc::new(subject), owner, head, body, object: Object::None, references }
}

fn action(request: &str, document: &Value) -> Action {
    action_of(login(1001), request, document)
}

fn on(id: &str, mut action: Action) -> Action {
    let document = json!({"Id": id, "Name": "/web", "Config": {"Image": "fedora"}});
    action.object = Object::Container(serde_json::from_value(document).unwrap());
    action
}

fn made() -> MadeObject {
    MadeObject { id: ID.to_owned(), name: Some("web".to_owned()) }
}

fn create(document: &Value) -> Action {
    action("POST /containers/create", document)
}

/// Loads the policies. Panics on an error or a warning.
fn policy(text: &str) -> Policy {
    // A file without a policy does not load, so an administrator does not install it.
    let text = if text.contains("@id(") { text } else { "" };
    let policy = Policy::from_text(text).unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    assert_eq!(policy.warnings(), [""; 0], "{text}");
    policy
}

fn may(policy: &Policy, action: &str, resource: Resource<'_>) -> bool {
    may_under(policy, action, resource, "")
}

fn may_under(policy: &Policy, action: &str, resource: Resource<'_>, name: &str) -> bool {
    let call = policy::CallFacts { name: name.to_owned(), ..policy::CallFacts::default() };
    let principal = &user("dwalsh", 1001, &[]);
    policy.ask(&PolicyQuery { principal, action, resource, call: &call }).decision.is_allowed
}

/// The calls of a user who runs one container.
fn week() -> WrittenTrail {
    let mut written = WrittenTrail::new();
    let null = Value::Null;
    let fedora = json!({"Image": "fedora", "Cmd": ["sh"], "HostConfig": {"Binds": ["data:/d"]}});
    for request in ["GET /_ping", "GET /containers/json", "GET /images/json"] {
        written.done(&action(request, &null), None);
    }
    written.done(&action("POST /images/create?fromImage=fedora&tag=latest", &null), None);
    written.done(&create(&fedora), Some(&made()));
    written.done(&on(ID, action("POST /containers/web/start", &null)), None);
    written.done(&on(ID, action("GET /containers/web/logs?stdout=1", &null)), None);
    written.done(&on(OTHER, action("GET /containers/old/json", &null)), None);
    written.done(&on(ID, action("DELETE /containers/web", &null)), None);
    written
}

#[test]
fn recorded_calls_are_permitted_and_no_others() {
    let text = week().learnt();
    let policy = policy(&text);
    let own = container(made_by("dwalsh", &[]));
    let others = container(made_by("mrunal", &[]));
    let busybox = ContainerFacts { image: ImageFacts::of_name("busybox"), ..own.clone() };
    let (fedora, other_image) = (ImageFacts::of_name("fedora"), ImageFacts::of_name("busybox"));
    for action in ["daemon-access", "container-list", "image-list"] {
        assert!(may(&policy, action, Resource::Daemon), "{action}\n{text}");
    }
    for action in ["container-create", "container-start", "container-logs", "container-delete"] {
        assert!(may(&policy, action, Resource::Container(&own)), "{action}\n{text}");
    }
    assert!(may(&policy, "container-inspect", Resource::Container(&others)), "{text}");
    assert!(may(&policy, "image-use", Resource::Image(&fedora)), "{text}");
    assert!(may_under(&policy, "image-pull", Resource::Daemon, "fedora:latest"), "{text}");

    assert!(!may(&policy, "container-create", Resource::Container(&busybox)), "{text}");
    assert!(!may(&policy, "image-use", Resource::Image(&other_image)), "{text}");
    assert!(!may_under(&policy, "image-pull", Resource::Daemon, "busybox"), "{text}");
    for action in ["container-start", "container-logs", "container-delete"] {
        assert!(!may(&policy, action, Resource::Container(&others)), "{action}\n{text}");
    }
    for action in ["container-exec", "privileged-container-start", "container-stop"] {
        assert!(!may(&policy, action, Resource::Container(&own)), "{action}\n{text}");
    }
    assert!(text.contains("9 calls, of which 9 would have been denied"), "{text}");
    assert!(text.contains("2026-09-21 14:13:2"), "{text}");
}

#[test]
fn volumes_and_continued_records_belong_to_the_call() {
    let mut written = WrittenTrail::new();
    let mounts = json!({
        "Image": "fedora",
        "Cmd": ["x".repeat(20_000)],
        "HostConfig": {"Binds": ["data:/d", "/srv:/s"], "NetworkMode": "back"},
    });
    written.done(&action("POST /networks/create", &json!({"Name": "back"})), None);
    written.done(&create(&mounts), Some(&made()));
    let text = written.proposal(&Learning { host: true, ..Learning::default() });
    assert!(text.contains("dwalsh: 2 calls"), "{text}");
    let policy = policy(&text);
    let object_of = |name| policy::ObjectFacts {
        id: "x".to_owned(),
        name: "data".to_owned(),
        driver: "local".to_owned(),
        labels: std::collections::BTreeMap::new(),
        maker: made_by(name, &[]),
    };
    for (maker, is_own) in [("dwalsh", true), ("mrunal", false)] {
        let object = object_of(maker);
        let (volume, network) = (Resource::Volume(&object), Resource::Network(&object));
        assert_eq!(may(&policy, "volume-use", volume), is_own, "{text}");
        assert_eq!(may(&policy, "privileged-volume-create", volume), is_own, "{text}");
        assert_eq!(may(&policy, "network-use", network), is_own, "{text}");
        assert_eq!(may(&policy, "network-create", network), is_own, "{text}");
    }
}

#[test]
fn host_access_is_shown_in_comments_unless_requested() {
    let mut written = WrittenTrail::new();
    let root = json!({"Image": "fedora", "HostConfig": {"Privileged": true, "Binds": ["/:/host"]}});
    written.done(&create(&root), Some(&made()));
    written.done(&on(ID, action("GET /containers/web/json", &Value::Null)), None);
    let own = container(made_by("dwalsh", &[]));
    let host = ["privileged-container-create", "privileged-container-inspect"];

    let text = written.learnt();
    assert!(text.contains("op=host-mount path=/\n") && text.contains("op=privileged\n"), "{text}");
    let shown = policy(&text);
    assert!(host.iter().all(|action| !may(&shown, action, Resource::Container(&own))), "{text}");

    let text = written.proposal(&Learning { host: true, ..Learning::default() });
    let granted = policy(&text);
    assert!(host.iter().all(|action| may(&granted, action, Resource::Container(&own))), "{text}");
    assert!(!may(&granted, "container-inspect", Resource::Container(&own)), "{text}");
}

#[test]
fn denied_calls_are_permitted_only_if_requested() {
    let mut written = WrittenTrail::new();
    let exec = on(OTHER, action("POST /containers/web/exec", &json!({"Cmd": ["sh"]})));
    let ways = dangers(&exec).ways;
    let call_records = CallRecords::new(&exec, &ways, &Mask::default());
    written.records(&exec.subject, &call_records.of_denial("not-permitted"));
    assert!(!written.learnt().contains("container-exec"));
    let text = written.proposal(&Learning { denied: true, ..Learning::default() });
    assert!(text.contains("Denied so far: container-exec (1)."), "{text}");
    let others = container(made_by("mrunal", &[]));
    assert!(may(&policy(&text), "container-exec", Resource::Container(&others)), "{text}");
}

#[test]
fn each_recorded_operation_is_permitted() {
    let mut written = WrittenTrail::new();
    let subject = login(1001);
    let mut operations = BTreeSet::new();
    for route in crate::api::route::all() {
        let text = format!(
            "virt=docker op={}-request sw=\"fedora\" name=\"x\" kind=login spid=1 suid=1001 \
             sauid=1001 oses=3 exe=\"?\" hostname=? addr=? terminal=? res=success",
            route.operation
        );
        written.line("VIRT_CONTROL", subject.auid.unwrap().number(), &text);
        operations.insert(PolicyAction::of(route.operation).plain().name());
    }
    let text = written.proposal(&Learning { host: true, ..Learning::default() });
    let policy = policy(&text);
    let (web, fedora) = (container(made_by("mrunal", &[])), ImageFacts::of_name("fedora"));
    let web = ContainerFacts { image: fedora.clone(), ..web };
    for action in operations {
        let granted = [Resource::Daemon, Resource::Container(&web), Resource::Image(&fedora)]
            .into_iter()
            .flat_map(|resource| {
                ["", "x:latest", "fedora:latest", "*"].map(|name| (resource, name))
            })
            .any(|(resource, name)| may_under(&policy, action, resource, name));
        let is_of_owned = ["volume-create", "network-create"].contains(&action);
        assert!(granted || is_of_owned, "{action}\n{text}");
    }
}

#[test]
fn only_the_brokers_own_records_count() {
    let mut written = WrittenTrail::new();
    let forged = "virt=docker op=exec-request kind=login spid=1 suid=0 sauid=1001 oses=3 exe=\"?\" \
                  hostname=? addr=? terminal=? res=success";
    // Another process, another uid, and another login than the record claims.
    written.line_of("VIRT_CONTROL", (BROKER_PID + 1, BROKER_UID, 1001), forged);
    written.line_of("VIRT_CONTROL", (BROKER_PID, 0, 1001), forged);
    written.line_of("VIRT_CONTROL", (BROKER_PID, BROKER_UID, 1002), forged);
    written.line_of("SERVICE_START", (1, 0, u32::MAX), "unit=audit-broker res=success");
    written.line_of("VIRT_CONTROL", (1, 0, 1001), forged);
    written.line("VIRT_CONTROL", 1001, &forged.replace("virt=docker", "virt=kvm"));
    written.line("VIRT_CONTROL", 1001, &forged.replace("exec-request", "no-such-request"));
    written.line("SERVICE_STOP", u32::MAX, "unit=audit-broker exe=\"/x\" res=success");
    written.line("VIRT_CONTROL", 1001, forged);
    written.lines.extend_from_slice(b"type=VIRT_CONTROL msg=audit(1790000000.1:2): pid=7 uid=9");
    let text = written.learnt();
    policy(&text);
    assert!(!text.contains("exec"), "{text}");
    assert!(text.contains("to be the broker: 4."), "{text}");
    assert!(text.contains("Ignored truncated records: 1."), "{text}");
}

#[test]
fn hostile_names_do_not_change_the_policies() {
    let odd = "x\"'\\\n*; }) permit(principal,action,resource);\u{7f}\u{202e}é";
    let mut written = WrittenTrail::new();
    let quoted = json!({"Image": odd, "HostConfig": {"Binds": [format!("/{odd}:/x")]}});
    written.done(&action_of(login(1002), "POST /containers/create", &quoted), None);
    let volume = json!({"Name": odd, "Driver": "local"});
    written.done(&action_of(login(1002), "POST /volumes/create", &volume), None);
    let commit = "POST /images/fedora/tag?repo=a%22%5C*%E2%80%AE";
    written.done(&action_of(login(1002), commit, &Value::Null), None);
    let service = Subject {
        cgroup: format!("/system.slice/{odd}.service").into_bytes(),
        ..Subject::unknown(9, 998)
    };
    written.done(&action_of(service, "POST /images/create?fromImage=x", &Value::Null), None);
    for host in [false, true] {
        let text = written.proposal(&Learning { host, ..Learning::default() });
        // Not through `policy`, because Cedar warns of right-to-left characters.
        let policy = Policy::from_text(&text).unwrap_or_else(|error| panic!("{error:#}\n{text}"));
        assert!(text.is_ascii(), "{text}");
        let resource = Resource::Daemon;
        assert!(!may(&policy, "daemon-access", resource), "{text}");
        let principal = user(&name_of(1002), 1002, &[]);
        let call = policy::CallFacts {
            name: "a\"\\*\u{202e}:latest".to_owned(),
            ..policy::CallFacts::default()
        };
        let query =
            PolicyQuery { principal: &principal, action: "image-name", resource, call: &call };
        assert!(policy.ask(&query).decision.is_allowed, "{text}");
    }
}

#[test]
fn a_calling_container_is_named_by_its_maker() {
    let caller = Subject {
        container: Some(ContainerSubject {
            id: ID.to_owned(),
            name: "web".to_owned(),
            image: "traefik:3".to_owned(),
            ..ContainerSubject::default()
        }),
        cgroup: format!("/docker/{ID}").into_bytes(),
        ..Subject::unknown(9, 0)
    };
    let list = action_of(caller, "GET /containers/json", &Value::Null);
    assert_eq!(list.owner, Owner::Container(ID.to_owned()));
    let mut written = WrittenTrail::new();
    written.done(&list, None);
    let text = written.learnt();
    assert!(text.contains(&format!("principal == Container::\"{ID}\"")), "{text}");
    policy(&text);

    let mut written = WrittenTrail::new();
    written.done(&create(&json!({"Image": "traefik:3"})), Some(&made()));
    written.done(&list, None);
    let text = written.learnt();
    let policy = policy(&text);
    let made_by = |name| ContainerFacts {
        image: ImageFacts::of_name("traefik:3"),
        ..container(made_by(name, &[]))
    };
    for (maker, is_allowed) in [("dwalsh", true), ("mrunal", false)] {
        let principal = policy::Principal::Container(Box::new(made_by(maker)));
        let (call, resource) = (policy::CallFacts::default(), Resource::Daemon);
        let action = "container-list";
        let query = PolicyQuery { principal: &principal, action, resource, call: &call };
        assert_eq!(policy.ask(&query).decision.is_allowed, is_allowed, "{text}");
    }
}

#[test]
fn the_user_option_selects_callers() {
    let mut written = week();
    written.done(&action_of(login(1002), "GET /volumes", &Value::Null), None);
    for (user, is_there) in [("dwalsh", true), ("1001", true), ("1002", false), ("d", false)] {
        let options = Learning { user: vec![user.to_owned()], ..Learning::default() };
        assert_eq!(written.proposal(&options).contains("learnt-dwalsh"), is_there, "{user}");
    }
}

#[test]
fn many_images_are_not_listed() {
    let mut written = WrittenTrail::new();
    for number in 0..6 {
        let image = json!({"Image": format!("image-{number}")});
        let made = MadeObject { id: format!("{number:064}"), name: None };
        written.done(&create(&image), Some(&made));
    }
    let text = written.learnt();
    let expected = "container-create: not limited, because 6 names are too many.";
    assert!(text.contains(expected), "{text}");
    assert!(may(&policy(&text), "image-use", Resource::Image(&ImageFacts::of_name("x"))), "{text}");
}

#[test]
fn an_empty_trail_gives_no_policies() {
    let text = WrittenTrail::new().learnt();
    assert_eq!(policy(&text).count(), 0, "{text}");
}
