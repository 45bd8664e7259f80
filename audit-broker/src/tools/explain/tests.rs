use std::env;
use std::path::PathBuf;
use std::process;

use snapbox::{assert_data_eq, file};

use super::*;
use crate::settings::Mode;

/// A user whom no host has, in place of the user in the shipped policies.
const UNKNOWN_USER: Option<&str> = Some("nobody-here");

fn shipped(name: &str) -> Policy {
    Policy::from_text(&shipped_text(name)).unwrap()
}

fn shipped_text(name: &str) -> String {
    let path = format!("{}/../examples/policies/{name}.cedar", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap().replace("dwalsh", "nobody-here")
}

fn explained(policy: &str, options: &ExplainOptions) -> anyhow::Result<Explanation> {
    explained_with(Settings::default(), shipped(policy), options)
}

fn explained_with(
    settings: Settings,
    policy: Policy,
    options: &ExplainOptions,
) -> anyhow::Result<Explanation> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, explain(settings, policy, options))
}

/// The options for this user, who does not exist.
fn by(user: Option<&str>, groups: &[&str], input: ExplainInput) -> ExplainOptions {
    ExplainOptions {
        user: user.map(str::to_owned),
        group: groups.iter().map(|group| (*group).to_owned()).collect(),
        uid: user.map(|_| 3_999_999),
        owner: None,
        input,
    }
}

/// A request in a file for one test.
fn request(name: &str, text: &str) -> (ExplainInput, PathBuf) {
    let file = env::temp_dir().join(format!("audit-broker-{name}-{}", process::id()));
    fs::write(&file, text).unwrap();
    (ExplainInput { request: Some(file.clone()), command: Vec::new() }, file)
}

fn explained_request(name: &str, policy: &str, groups: &[&str], text: &str) -> Explanation {
    let (input, file) = request(name, text);
    let explanation = explained(policy, &by(UNKNOWN_USER, groups, input));
    fs::remove_file(file).unwrap();
    explanation.unwrap()
}

const SHELL: &str = r#"POST /v1.41/containers/create

{"Image": "fedora", "Cmd": ["/bin/sh"], "Tty": true, "HostConfig": {"AutoRemove": true}}
"#;

const HOST: &str = r#"POST /v1.41/containers/create?name=x

{"Image": "fedora", "HostConfig": {"Privileged": true, "Binds": ["/:/host", "data:/data"]}}
"#;

#[test]
fn an_allowed_call_names_its_policies() {
    let explanation = explained_request("allowed", "docker-fedora", &[], SHELL);
    assert!(explanation.is_allowed);
    assert_data_eq!(explanation.text, file!["../../../../tests/golden/broker/explain-allowed.txt"]);
}

#[test]
fn a_denied_call_names_each_danger_and_its_place_in_the_request() {
    let explanation = explained_request("denied", "default", &[], HOST);
    assert!(!explanation.is_allowed);
    assert_data_eq!(explanation.text, file!["../../../../tests/golden/broker/explain-denied.txt"]);
    assert!(explained_request("admin", "default", &["docker-admin"], HOST).is_allowed);
}

#[test]
fn the_owner_of_existing_objects_can_be_chosen() {
    let (input, file) = request("owner", "POST /containers/web/start\n");
    let mut options = by(UNKNOWN_USER, &[], input);
    let own = explained("docker-fedora", &options).unwrap();
    assert!(own.is_allowed, "{}", own.text);
    options.owner = Some("mrunal".to_owned());
    let other = explained("docker-fedora", &options).unwrap();
    assert!(!other.is_allowed, "{}", other.text);
    fs::remove_file(file).unwrap();
}

#[test]
fn an_invalid_request_is_refused() {
    for (text, expected) in [
        ("POST /containers/create\n\n{", "invalid JSON: unexpected EOF"),
        ("POST /containers/create\n\n{\"Image\": 1}", "invalid JSON: invalid type: integer `1`"),
        ("POST /nowhere\n", "POST /nowhere: refused: "),
    ] {
        let explanation = explained_request("refused", "default", &[], text);
        let Explanation { text, is_allowed } = &explanation;
        assert!(!is_allowed && text.contains(expected), "{text}");
    }
}

/// Requests that the policies allow and the broker refuses, with a part of each refusal.
const REFUSED: [(&str, &str); 9] = [
    ("POST /build?networkmode=none\n", "the build option `networkmode`"),
    ("POST /build?version=2\n", "the build option `version`"),
    ("POST /images/fedora/push\n", "pushing all tags"),
    ("DELETE /images/fedora?platforms=[]\n", "flag --platform"),
    (
        "POST /volumes/create\n\n{\"Labels\": {\"audit-broker.x\": \"\"}}",
        "the label `audit-broker.x`",
    ),
    (
        "POST /containers/create\n\n{\"Image\": \"fedora\", \"Labels\": {\"audit-broker.owner\": \"root\"}}",
        "the label `audit-broker.owner`",
    ),
    ("POST /containers/prune?filters={%22until%22:[%221h%22]}\n", "the filter `until`"),
    ("POST /images/prune?filters={%22until%22:[%221h%22]}\n", "the filter `until`"),
    ("POST /networks/create\n\n{\"Name\": \"n\"}", "networks_per_user allows 0"),
];

/// The place of a request in [`REFUSED`] that sets a label of the broker.
const OWN_LABEL: usize = 4;

#[test]
fn explain_refuses_what_the_broker_refuses_after_the_policies_allow_it() {
    // The shipped policies reserve BuildKit for administrators, and everybody may push every image.
    let policy = format!(
        "{}
        @id(\"buildkit\") permit(principal, action == Action::\"privileged-build\", resource);
        @id(\"push\") forbid(principal, action == Action::\"image-push\", resource)
        when {{ resource in User::\"root\" }};",
        shipped_text("default")
    );
    let refused = |number: usize, mode: Mode| {
        let policy = Policy::from_text(&policy).unwrap();
        let (text, expected) = REFUSED[number];
        let mut settings = Settings::default();
        (settings.networks_per_user, settings.mode) = (0, mode);
        let (input, file) = request(&format!("rewrite-{number}"), text);
        let explanation = explained_with(settings, policy, &by(UNKNOWN_USER, &[], input));
        fs::remove_file(file).unwrap();
        let Explanation { text, is_allowed } = explanation.unwrap();
        assert!(!is_allowed && text.contains(": refused: "), "{text}");
        assert!(text.contains(expected) && text.ends_with("\ndenied\n"), "{text}");
    };
    for number in 0..REFUSED.len() {
        refused(number, Mode::Enforce);
    }
    // Report mode lets no request set the broker's labels either.
    refused(OWN_LABEL, Mode::Report);
    let root = explained_request("rewrite-root", "default", &["docker-admin"], REFUSED[0].0);
    assert!(root.is_allowed, "{}", root.text);
}

#[test]
fn a_process_that_another_caller_started_is_denied() {
    let start = "POST /exec/e1/start\n\n{\"Detach\": true}";
    let own = explained_request("exec-own", "default", &[], start);
    assert!(own.is_allowed, "{}", own.text);
    let (input, file) = request("exec-foreign", start);
    let mut options = by(UNKNOWN_USER, &["docker-admin"], input);
    options.owner = Some("mrunal".to_owned());
    let foreign = explained("default", &options).unwrap();
    fs::remove_file(file).unwrap();
    let expected = "denied: No such exec instance: e1";
    assert!(!foreign.is_allowed && foreign.text.contains(expected), "{}", foreign.text);
}

#[test]
fn the_error_describes_the_mistake() {
    let problem =
        |options: &ExplainOptions| format!("{:#}", explained("default", options).unwrap_err());
    let run = |command: &str| ExplainInput {
        request: None,
        command: command.split(' ').map(OsString::from).collect(),
    };
    let missing = ExplainInput { request: Some("/nonexistent/x".into()), command: Vec::new() };
    assert!(problem(&by(UNKNOWN_USER, &[], missing)).contains("`/nonexistent/x`: No such file"));
    let unknown = ExplainOptions { uid: None, ..by(Some("no such user"), &[], run("true")) };
    assert!(problem(&unknown).contains("no user `no such user`"));
    assert!(problem(&by(UNKNOWN_USER, &[], run("no-such-docker ps"))).contains("not installed"));
    assert!(problem(&by(UNKNOWN_USER, &[], run("docker -H tcp://x ps"))).contains("remove -H"));
    assert!(problem(&by(UNKNOWN_USER, &[], run("false"))).contains("made no request"));
}

#[test]
fn a_docker_command_is_explained() {
    let has_docker = process::Command::new("docker").arg("--version").output().is_ok();
    if !has_docker {
        println!("SKIPPED: a_docker_command_is_explained needs the docker command");
        return;
    }
    let words = "docker run --rm -v /:/host fedora sh".split(' ').map(OsString::from);
    let input = ExplainInput { request: None, command: words.collect() };
    let Explanation { text, is_allowed } =
        explained("default", &by(UNKNOWN_USER, &[], input)).unwrap();
    let expected = "POST /containers/create: denied: no policy permits privileged-container-create";
    assert!(!is_allowed && text.contains(expected), "{text}");
    assert!(text.contains("host-root (HostConfig.Binds[0]: /)"), "{text}");
    assert!(text.contains("/start: denied"), "{text}");
}
