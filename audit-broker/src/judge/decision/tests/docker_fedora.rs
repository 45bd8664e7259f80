//! `docker-fedora.cedar` permits one command, as docker's own client sends it, and nothing else.

use std::sync::LazyLock;

use super::*;
use crate::api::operation::{ContainerOperation, Operation, SystemOperation};

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = &shipped_texts()["docker-fedora.cedar"];
    Policy::from_text(&text.replace("dwalsh", NAME)).unwrap()
});

/// The change that each option of `docker run` makes in the body.
const OPTIONS: [(&str, &str, &str); 45] = [
    ("--add-host a:1.2.3.4", "/HostConfig/ExtraHosts", r#"["a:1.2.3.4"]"#),
    ("--annotation a=", "/HostConfig/Annotations", r#"{"a": ""}"#),
    ("--cap-add ALL", "/HostConfig/CapAdd", r#"["ALL"]"#),
    ("--cap-drop ALL", "/HostConfig/CapDrop", r#"["ALL"]"#),
    ("--cgroup-parent x", "/HostConfig/CgroupParent", r#""x""#),
    ("--cpu-shares 2", "/HostConfig/CpuShares", "2"),
    ("--dns 1.1.1.1", "/HostConfig/Dns", r#"["1.1.1.1"]"#),
    ("--dns-search a", "/HostConfig/DnsSearch", r#"["a"]"#),
    ("--entrypoint /bin/cat", "/Entrypoint", r#"["/bin/cat"]"#),
    ("--env A=1", "/Env", r#"["A=1"]"#),
    ("--env A", "/Env", r#"["A"]"#),
    ("--expose 80", "/ExposedPorts", r#"{"80/tcp": {}}"#),
    ("--group-add 0", "/HostConfig/GroupAdd", r#"["0"]"#),
    ("--health-cmd true", "/Healthcheck", r#"{"Test": ["CMD-SHELL", "true"]}"#),
    ("--hostname h", "/Hostname", r#""h""#),
    ("--init", "/HostConfig/Init", "true"),
    (
        "--ip 1.2.3.4",
        "/NetworkingConfig/EndpointsConfig",
        r#"{"default": {"IPAMConfig": {"IPv4Address": "1.2.3.4"}}}"#,
    ),
    ("--ipc none", "/HostConfig/IpcMode", r#""none""#),
    ("--label a=b", "/Labels", r#"{"a": "b"}"#),
    ("--label a", "/Labels", r#"{"a": ""}"#),
    ("--log-driver none", "/HostConfig/LogConfig/Type", r#""none""#),
    ("--log-opt max-size=1m", "/HostConfig/LogConfig/Config", r#"{"max-size": "1m"}"#),
    ("--mac-address 02:42:ac:11:00:02", "/MacAddress", r#""02:42:ac:11:00:02""#),
    ("--memory 1g", "/HostConfig/Memory", "1073741824"),
    ("--memory-swappiness 0", "/HostConfig/MemorySwappiness", "0"),
    (
        "--mount src=d,dst=/d",
        "/HostConfig/Mounts",
        r#"[{"Type": "volume", "Source": "d", "Target": "/d"}]"#,
    ),
    ("--network n", "/HostConfig/NetworkMode", r#""n""#),
    ("--network none", "/HostConfig/NetworkMode", r#""none""#),
    ("--network private", "/HostConfig/NetworkMode", r#""private""#),
    ("--network-alias a", "/NetworkingConfig/EndpointsConfig", r#"{"n": {"Aliases": ["a"]}}"#),
    ("--oom-score-adj 5", "/HostConfig/OomScoreAdj", "5"),
    ("--privileged", "/HostConfig/Privileged", "true"),
    ("--publish 80", "/HostConfig/PortBindings", r#"{"80/tcp": [{"HostIp": "", "HostPort": ""}]}"#),
    ("--publish-all", "/HostConfig/PublishAllPorts", "true"),
    ("--read-only", "/HostConfig/ReadonlyRootfs", "true"),
    ("--security-opt systempaths=unconfined", "/HostConfig/MaskedPaths", "[]"),
    ("--stop-signal 9", "/StopSignal", r#""9""#),
    ("--stop-timeout 0", "/StopTimeout", "0"),
    ("--tmpfs /t", "/HostConfig/Tmpfs", r#"{"/t": ""}"#),
    ("--ulimit nofile=5", "/HostConfig/Ulimits", r#"[{"Name": "nofile", "Hard": 5, "Soft": 5}]"#),
    ("--user 5", "/User", r#""5""#),
    ("--volume data:/d", "/HostConfig/Binds", r#"["data:/d"]"#),
    ("--volume /d", "/Volumes", r#"{"/d": {}}"#),
    ("--volumes-from web", "/HostConfig/VolumesFrom", r#"["web"]"#),
    ("--workdir /tmp", "/WorkingDir", r#""/tmp""#),
];

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The body with another value in one place.
fn changed(text: &str, place: &str, value: Value) -> Value {
    let mut body = body(text);
    let (object, key) = place.rsplit_once('/').unwrap();
    body.pointer_mut(object).unwrap()[key] = value;
    body
}

async fn decision(registry: &Registry, name: &str, action: &Action) -> Decision {
    let questions = registry.questions(action).await;
    decide(&POLICY, Mode::Enforce, &user(name, 1001, &["docker"]), &questions)
}

async fn is_allowed(registry: &Registry, action: &Action) -> bool {
    matches!(decision(registry, NAME, action).await, Decision::Allow { .. })
}

#[tokio::test]
async fn the_command_is_permitted_as_each_client_sends_it() {
    let registry = Registry::new("sent");
    registry.give_container(&person(NUMBER));
    for (client, sent) in SENT {
        let decision = decision(&registry, NAME, &create("", &body(sent))).await;
        let policy = Some("docker-fedora".to_owned());
        assert_eq!(decision, Decision::Allow { policy, reported: None }, "{client}");
    }
    for target in [
        "HEAD /_ping",
        "POST /containers/web/attach?stderr=1&stdin=1&stdout=1&stream=1",
        "POST /containers/web/wait?condition=removed",
        "POST /containers/web/start",
        "POST /containers/web/resize?h=24&w=80",
        "POST /containers/web/kill?signal=TERM",
    ] {
        assert!(is_allowed(&registry, &with_container(target)).await, "{target}");
    }
}

#[tokio::test]
async fn no_other_option_is_permitted() {
    let registry = Registry::new("options");
    for (client, sent) in SENT {
        for (option, place, value) in OPTIONS {
            let action = create("", &changed(sent, place, body(value)));
            assert!(!is_allowed(&registry, &action).await, "{client} {option}");
        }
        for (what, place, value) in [
            ("image", "/Image", json!("debian")),
            ("image", "/Image", json!("mirror/fedora")),
            ("command", "/Cmd", json!(["/bin/sh", "-c", "id"])),
            ("command", "/Cmd", json!(["/bin/bash"])),
            ("command", "/Cmd", json!(["/bin/sh "])),
            ("command", "/Cmd", Value::Null),
        ] {
            let action = create("", &changed(sent, place, value));
            assert!(!is_allowed(&registry, &action).await, "{client} {what}");
        }
        for query in ["?name=x", "?platform=linux%2Farm64"] {
            assert!(!is_allowed(&registry, &create(query, &body(sent))).await, "{client} {query}");
        }
        let another = decision(&registry, "mrunal", &create("", &body(sent))).await;
        assert!(matches!(another, Decision::Deny(_)), "{client}");
    }
}

#[tokio::test]
async fn no_other_call_is_permitted() {
    let registry = Registry::new("calls");
    registry.give_container(&person(NUMBER));
    for target in [
        "POST /containers/web/exec",
        "GET /containers/web/logs?stdout=1",
        "GET /containers/web/archive?path=/etc",
        "GET /containers/web/export",
        "POST /containers/web/stop",
        "POST /containers/web/rename?name=x",
        "POST /commit?container=web&repo=fedora",
    ] {
        assert!(!is_allowed(&registry, &with_container(target)).await, "{target}");
    }
    for target in [
        "POST /build?t=fedora",
        "POST /images/create?fromImage=fedora&tag=latest",
        "POST /images/load",
        "GET /images/json",
        "GET /volumes",
        "GET /system/df",
        "POST /auth",
    ] {
        assert!(!is_allowed(&registry, &plain(target, &Value::Null)).await, "{target}");
    }
    for target in ["POST /volumes/create", "POST /networks/create"] {
        let action = plain(target, &json!({"Name": "data"}));
        assert!(!is_allowed(&registry, &action).await, "{target}");
    }
    let mut tag = plain("POST /images/fedora/tag?repo=mine", &Value::Null);
    let given = "fedora".to_owned();
    tag.object = Object::Image(NamedImage { given, image: image("fedora") });
    assert!(!is_allowed(&registry, &tag).await);
}

#[tokio::test]
async fn containers_of_other_owners_do_not_exist_for_the_caller() {
    let registry = Registry::new("others");
    registry.give_container(&person(NUMBER - 1));
    for target in [
        "POST /containers/web/attach?stream=1",
        "POST /containers/web/wait",
        "POST /containers/web/start",
        "POST /containers/web/kill",
        "GET /containers/web/json",
        "DELETE /containers/web",
    ] {
        let decision = decision(&registry, NAME, &with_container(target)).await;
        let Decision::Deny(denial) = decision else { panic!("{target}") };
        assert_eq!(denial.message, "No such container: web", "{target}");
    }
}

fn plain(line: &str, document: &Value) -> Action {
    let (method, target) = line.split_once(' ').unwrap();
    call_of(method, target, document, Vec::new())
}

/// A call about the existing container.
fn with_container(line: &str) -> Action {
    let mut action = plain(line, &Value::Null);
    match action.head.route.operation {
        Operation::Container(ContainerOperation::Commit) => {
            action.references.member = Some(some_container());
        }
        Operation::System(SystemOperation::Ping) => {}
        Operation::System(_)
        | Operation::Registry(_)
        | Operation::Build(_)
        | Operation::Container(_)
        | Operation::Exec(_)
        | Operation::Image(_)
        | Operation::Volume(_)
        | Operation::Network(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => action.object = Object::Container(some_container()),
    }
    action
}

/// The image has several names; the denial shows the caller's.
#[tokio::test]
async fn a_denial_names_the_image_as_the_caller_did() {
    let registry = Registry::new("asked-for");
    let mut fedora = image("fedora");
    fedora.repo_tags.as_mut().unwrap().insert(0, "another:1".to_owned());
    for given in ["fedora", "docker.io/library/fedora"] {
        let document = json!({"Image": given, "HostConfig": {"Privileged": true}});
        let action = call_of("POST", "/containers/create", &document, vec![fedora.clone()]);
        let questions = registry.questions(&action).await;
        let decision = decide(&POLICY, Mode::Enforce, &user(NAME, NUMBER, &[]), &questions);
        let Decision::Deny(denial) = decision else { panic!("{given}") };
        let message = denial.message;
        assert!(message.contains("of image fedora, which asks for host-root"), "{message}");
    }
}
