use std::env;
use std::path::PathBuf;
use std::process;

use snapbox::{assert_data_eq, file};

use super::*;

/// Somebody whom no host knows, in place of the one whom the shipped policies name.
const NOBODY: Option<&str> = Some("nobody-here");

fn shipped(name: &str) -> Policy {
    let path = format!("{}/../examples/policies/{name}.cedar", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap().replace("dwalsh", "nobody-here");
    Policy::from_text(&text).unwrap()
}

fn explained(policy: &str, asked: &ExplainOptions) -> anyhow::Result<Explanation> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, explain(Settings::default(), shipped(policy), asked))
}

/// In the name of somebody who is not there.
fn by(user: Option<&str>, groups: &[&str], what: What) -> ExplainOptions {
    ExplainOptions {
        user: user.map(str::to_owned),
        group: groups.iter().map(|group| (*group).to_owned()).collect(),
        uid: user.map(|_| 3_999_999),
        owner: None,
        what,
    }
}

/// A request in a file of the test's own.
fn request(name: &str, text: &str) -> (What, PathBuf) {
    let file = env::temp_dir().join(format!("audit-broker-{name}-{}", process::id()));
    fs::write(&file, text).unwrap();
    (What { request: Some(file.clone()), command: Vec::new() }, file)
}

fn told_of_request(name: &str, policy: &str, groups: &[&str], text: &str) -> Explanation {
    let (what, file) = request(name, text);
    let told = explained(policy, &by(NOBODY, groups, what));
    fs::remove_file(file).unwrap();
    told.unwrap()
}

const SHELL: &str = r#"POST /v1.41/containers/create

{"Image": "fedora", "Cmd": ["/bin/sh"], "Tty": true, "HostConfig": {"AutoRemove": true}}
"#;

const HOST: &str = r#"POST /v1.41/containers/create?name=x

{"Image": "fedora", "HostConfig": {"Privileged": true, "Binds": ["/:/host", "data:/data"]}}
"#;

#[test]
fn what_is_allowed_is_told_with_its_policies() {
    let told = told_of_request("allowed", "docker-fedora", &[], SHELL);
    assert!(told.is_allowed);
    assert_data_eq!(told.text, file!["../../../../tests/golden/broker/explain-allowed.txt"]);
}

#[test]
fn each_danger_is_told_with_its_part() {
    let told = told_of_request("denied", "default", &[], HOST);
    assert!(!told.is_allowed);
    assert_data_eq!(told.text, file!["../../../../tests/golden/broker/explain-denied.txt"]);
    assert!(told_of_request("admin", "default", &["docker-admin"], HOST).is_allowed);
}

#[test]
fn whose_it_is_makes_the_difference() {
    let (what, file) = request("owner", "POST /containers/web/start\n");
    let mut asked = by(NOBODY, &[], what);
    let own = explained("docker-fedora", &asked).unwrap();
    assert!(own.is_allowed, "{}", own.text);
    asked.owner = Some("mrunal".to_owned());
    let other = explained("docker-fedora", &asked).unwrap();
    assert!(!other.is_allowed, "{}", other.text);
    fs::remove_file(file).unwrap();
}

#[test]
fn what_is_not_understood_is_refused() {
    for (text, expected) in [
        ("POST /containers/create\n\n{", "not valid for the docker API"),
        ("POST /containers/create\n\n{\"Imgae\": 1}", "`Imgae` is not a key"),
        ("POST /nowhere\n", "POST /nowhere: refused: "),
    ] {
        let told = told_of_request("refused", "default", &[], text);
        assert!(!told.is_allowed && told.text.contains(expected), "{}", told.text);
    }
}

#[test]
fn mistakes_are_named() {
    let problem =
        |asked: &ExplainOptions| format!("{:#}", explained("default", asked).unwrap_err());
    let what = |command: &str| What {
        request: None,
        command: command.split(' ').map(OsString::from).collect(),
    };
    let missing = What { request: Some("/nonexistent/x".into()), command: Vec::new() };
    assert!(problem(&by(NOBODY, &[], missing)).contains("`/nonexistent/x`: No such file"));
    let unknown = ExplainOptions { uid: None, ..by(Some("no such user"), &[], what("true")) };
    assert!(problem(&unknown).contains("named `no such user`"));
    assert!(problem(&by(NOBODY, &[], what("no-such-docker ps"))).contains("not installed"));
    assert!(problem(&by(NOBODY, &[], what("docker -H tcp://x ps"))).contains("leave out -H"));
    assert!(problem(&by(NOBODY, &[], what("false"))).contains("asked docker for nothing"));
}

#[test]
fn the_docker_command_is_run() {
    let has_docker = process::Command::new("docker").arg("--version").output().is_ok();
    if !has_docker {
        println!("SKIPPED: the_docker_command_is_run needs the docker command");
        return;
    }
    let words = "docker run --rm -v /:/host fedora sh".split(' ').map(OsString::from);
    let what = What { request: None, command: words.collect() };
    let told = explained("default", &by(NOBODY, &[], what)).unwrap();
    let expected = "POST /containers/create: denied: no policy permits privileged-container-create";
    assert!(!told.is_allowed && told.text.contains(expected), "{}", told.text);
    assert!(told.text.contains("host-root (HostConfig.Binds[0]: /)"), "{}", told.text);
    assert!(told.text.contains("/start: denied"), "{}", told.text);
}
