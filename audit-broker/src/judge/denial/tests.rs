use serde_json::{Value, json};
use snapbox::{assert_data_eq, file};
use tokio::runtime::Builder;

use super::*;
use crate::api::request::tests::head;
use crate::dockerd::object::{NamedImage, Object};
use crate::dockerd::references::{NameHolder, NameTaken};
use crate::judge::action::Action;
use crate::judge::build_cache::refuse_uncached;
use crate::judge::danger::Danger;
use crate::judge::danger::tests::{action, container};
use crate::judge::decision::tests::{NAME, NUMBER, Registry, image, person};
use crate::judge::decision::{Decision, decide};
use crate::owner::refuse_broker_labels;
use crate::policy::Policy;
use crate::policy::tests::{shipped_texts, user};
use crate::refusal::Refusal;
use crate::settings::Mode;

/// A call that an ordinary user may not make under `default.cedar`.
struct Example {
    request: String,
    call: Action,
    /// Whether the caller owns the container of the call. Otherwise root does.
    is_own: bool,
}

fn example(method: &str, target: &str, document: &Value) -> Example {
    let mut call = action(method, target, document);
    call.owner = person(NUMBER);
    call.references.images = vec![image("fedora")];
    let body = if document.is_null() { String::new() } else { format!(" {document}") };
    Example { request: format!("{method} {target}{body}"), call, is_own: false }
}

/// A new container with this `HostConfig`.
fn created(host_config: &Value) -> Example {
    let document = json!({"Image": "fedora", "HostConfig": host_config});
    example("POST", "/containers/create", &document)
}

fn on(object: Object, method: &str, target: &str) -> Example {
    let mut example = example(method, target, &Value::Null);
    example.call.object = object;
    example
}

fn own(example: Example) -> Example {
    Example { is_own: true, ..example }
}

/// A denial for each danger, in the order of the list of dangers.
fn of_danger(danger: Danger) -> Example {
    match danger {
        Danger::HostRoot => created(&json!({"Privileged": true})),
        Danger::HostFiles => created(&json!({"Binds": ["/srv:/srv:ro"]})),
        Danger::HostNetwork => created(&json!({"NetworkMode": "host"})),
        Danger::HostPid => created(&json!({"PidMode": "host"})),
        Danger::HostIpc => created(&json!({"IpcMode": "host"})),
        Danger::HostUts => created(&json!({"UTSMode": "host"})),
        Danger::HostUser => created(&json!({"UsernsMode": "host"})),
        Danger::HostCgroup => created(&json!({"CgroupParent": "/user.slice"})),
        Danger::HostResources => created(&json!({"PidsLimit": -1})),
        Danger::HostPorts => created(&json!({"PortBindings": {"80/tcp": [{"HostPort": "80"}]}})),
        Danger::Devices => created(&json!({"Devices": [{"PathOnHost": "/dev/sda"}]})),
        Danger::Capabilities => created(&json!({"CapAdd": ["SYS_TIME"]})),
        Danger::LoosenedConfinement => created(&json!({"SecurityOpt": ["seccomp=unconfined"]})),
        Danger::ForeignContainer => created(&json!({"VolumesFrom": ["web"]})),
        Danger::EvidenceHiding => created(&json!({"LogConfig": {"Type": "none"}})),
        Danger::EvidenceForging => created(&json!({"CapAdd": ["AUDIT_WRITE"]})),
        Danger::Outbound => example("POST", "/build?remote=https://example.com/x", &Value::Null),
        Danger::Runtime => created(&json!({"Runtime": "kata"})),
        Danger::StorageDriver => {
            example("POST", "/volumes/create", &json!({"Name": "data", "Driver": "rclone"}))
        }
    }
}

/// Denials that concern an object.
fn of_objects() -> Vec<Example> {
    let source = NamedImage { given: "fedora".to_owned(), image: image("fedora") };
    let mut name = on(Object::Image(source), "POST", "/images/fedora/tag?repo=web&tag=1");
    name.call.references.names_taken = vec![NameTaken {
        name: "web:1".to_owned(),
        holder: NameHolder::Image(Box::new(image("web"))),
    }];
    let network = json!({"Name": "net", "IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]}});
    let exec = json!({"Cmd": ["id"], "Privileged": true});
    let mut exec = example("POST", "/containers/web/exec", &exec);
    exec.call.object = container("web", &json!({}), true);
    exec.is_own = true;
    vec![
        on(container("web", &json!({}), true), "POST", "/containers/web/stop"),
        on(container("web", &json!({}), true), "DELETE", "/containers/web"),
        on(container("web", &json!({"Privileged": true}), true), "POST", "/containers/web/stop"),
        own(on(
            container("web", &json!({"Privileged": true}), true),
            "POST",
            "/containers/web/start",
        )),
        own(on(
            container("web", &json!({"Privileged": true}), true),
            "POST",
            "/containers/web/kill",
        )),
        exec,
        name,
        example("POST", "/networks/create", &network),
        example("POST", "/plugins/pull?remote=x/y", &json!([])),
        example("POST", "/swarm/leave", &Value::Null),
    ]
}

/// Requests that the broker forwards for no caller, or only for callers whom it trusts.
fn refusals() -> Vec<(&'static str, Refusal)> {
    let parsed = |request: &str| head(request).map(|head| head.query);
    let build = "POST /build?networkmode=none";
    vec![
        ("GET /containers/web/checkpoints", parsed("GET /containers/web/checkpoints").unwrap_err()),
        ("GET /debug/vars", parsed("GET /debug/vars").unwrap_err()),
        (build, refuse_uncached(&parsed(build).unwrap()).unwrap_err()),
        (
            r#"POST /volumes/create {"Labels":{"audit-broker.owner":"root"}}"#,
            refuse_broker_labels([&"audit-broker.owner".to_owned()]).unwrap_err(),
        ),
    ]
}

/// `default.cedar`, with a policy against each danger that an ordinary user may have.
fn policy() -> Policy {
    let shipped = shipped_texts().into_iter().find(|(name, _)| name == "default.cedar");
    let (_, text) = shipped.unwrap();
    let more = r#"@id("no-ports-or-joins") forbid(principal, action, resource)
        when { context.dangers.containsAny(["host-ports", "outbound", "foreign-container"]) };"#;
    Policy::from_text(&format!("{text}{more}")).unwrap()
}

fn denied(policy: &Policy, example: &Example, questions: &Questions) -> Denial {
    match decide(policy, Mode::Enforce, &user(NAME, NUMBER, &[]), questions) {
        Decision::Deny(denial) => denial,
        Decision::Allow { .. } => panic!("{} is allowed", example.request),
    }
}

/// The file is for people: it shows what users are told.
#[test]
fn every_denial_says_what_it_concerns_and_what_to_do() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let policy = policy();
    let (of_root, own) = (Registry::new("denials"), Registry::new("own-denials"));
    own.give_container(&person(NUMBER));
    let mut text = String::new();
    let dangers = Danger::ALL.into_iter().map(|danger| (Some(danger), of_danger(danger)));
    for (danger, example) in dangers.chain(of_objects().into_iter().map(|example| (None, example)))
    {
        let registry = if example.is_own { &own } else { &of_root };
        let questions = runtime.block_on(registry.questions(&example.call));
        let denial = denied(&policy, &example, &questions);
        let told = if denial.hidden_as.is_some() { denial.message } else { denial.with_help("") };
        if let Some(danger) = danger {
            assert!(told.contains(&format!("{} (", danger.name())), "{told}");
        }
        let says_why = ["permits it", "forbids it", "No such"].iter().any(|why| told.contains(why));
        assert!(says_why, "{told}");
        let _ = write!(text, "{}\n  {told}\n\n", example.request);
    }
    for (request, refusal) in refusals() {
        let told = refusal.with_help("").message;
        let _ = write!(text, "{request}\n  {told}\n\n");
    }
    assert_data_eq!(text, file!["../../../../tests/golden/broker/denials.txt"]);
}

#[test]
fn advice_stands_only_once() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let example = created(&json!({"Binds": ["/srv:/a:ro", "/opt:/b:ro"]}));
    let questions = runtime.block_on(Registry::new("advice").questions(&example.call));
    let told = denied(&policy(), &example, &questions).message;
    assert_eq!(told.matches("use a volume").count(), 1, "{told}");
    assert_eq!(told.matches("flag -v").count(), 3, "{told}");
}
