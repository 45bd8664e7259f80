//! The engine under test: it is the one that was asked for, and differs from other engines in what
//! docs/engines.md lists.

use std::fs;
use std::path::PathBuf;

use crate::broker::Broker;
use crate::docker::{Lines, command_lines};
use crate::host::{PERSON, shell, tag, text};
use crate::policy::shipped;
use crate::tested_engine::{Store, TestedEngine};

#[test]
fn the_engine_under_test_is_the_one_that_was_asked_for() {
    if let Ok(engine) = std::env::var("AUDIT_ENGINE") {
        assert_eq!(TestedEngine::asked().name(), engine);
    }
}

#[test]
fn an_ordinary_user_runs_a_container_with_each_command_line() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    for docker in command_lines() {
        let output = lines.through(&docker, "docker run --rm fedora echo hello");
        assert_eq!(text(&output.stdout), "hello\n", "{}", text(&output.stderr));
    }
    let output = broker.docker(PERSON).args(["run", "-v", "/:/h", "fedora", "true"]).output();
    let output = output.unwrap();
    assert!(text(&output.stderr).contains("host-root"), "{}", text(&output.stderr));
}

/// What a row of the document says, and the lines of shell that measure it. `$N` is a new name.
const FACTS: [(&str, &str); 13] = [
    (
        "versions of the API",
        "docker version -f '{{.Server.MinAPIVersion}} to {{.Server.APIVersion}}'",
    ),
    ("storage driver", "docker info -f '{{.Driver}}'"),
    ("`Builder-Version` in the response to `/_ping`", "ask -I http://d/_ping | tr -d '\\r' | sed -n 's/^Builder-Version: //p'"),
    (
        "document whose digest is the id of an image",
        "docker save fedora | tar xO manifest.json | grep -q $(docker inspect -f '{{slice .Id 7}}' fedora) &&
            echo config || echo manifest",
    ),
    (
        "number of `RepoDigests` of an imported image",
        "docker image inspect -f '{{len .RepoDigests}}' fedora",
    ),
    (
        "`docker save` gives the same bytes each time",
        "d=$(mktemp -d); docker save fedora >$d/1; sleep 1.1; docker save fedora >$d/2
            cmp -s $d/1 $d/2 && echo yes || echo no; rm -r $d",
    ),
    (
        "status of `containers/create` with an unknown network",
        "create '{\"Image\":\"fedora\",\"Cmd\":[\"true\"],\"HostConfig\":{\"NetworkMode\":\"nosuch\"}}'",
    ),
    (
        "status of `containers/create` with two networks",
        "create '{\"Image\":\"fedora\",\"Cmd\":[\"true\"],\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":{},\"none\":{}}}}'",
    ),
    (
        "error for the body `{`",
        "ask -H 'Content-Type: application/json' -d '{' http://d/v1.41/containers/create | cut -d'\"' -f4",
    ),
    (
        "error for a body with `Content-Type: text/plain`",
        "ask -H 'Content-Type: text/plain' -d '{}' http://d/v1.41/containers/create | cut -d'\"' -f4",
    ),
    (
        "status of `containers/json` with an unknown filter",
        "ask -o /dev/null -w '%{http_code}' -G --data-urlencode 'filters={\"nosuch\":[\"x\"]}' http://d/v1.41/containers/json",
    ),
    (
        "keys of `HostConfig` for a container in a list",
        "docker create --name $N fedora true >/dev/null
        ask -G -d all=1 --data-urlencode \"filters={\\\"name\\\":[\\\"$N\\\"]}\" http://d/v1.41/containers/json |
            grep -o '\"HostConfig\":{[^}]*}' | cut -d: -f2-; docker rm $N >/dev/null",
    ),
    (
        "capabilities and security options shown for a privileged container",
        "docker create --privileged --name $N fedora true >/dev/null
        docker inspect -f '{{.HostConfig.CapAdd}} {{.HostConfig.SecurityOpt}}' $N; docker rm $N >/dev/null",
    ),
];

/// Runs the lines of a fact as root at the engine.
fn measure(lines: &str) -> String {
    let name = tag();
    let script = format!(
        "N={name}; ask() {{ curl -s --unix-socket /var/run/docker.sock \"$@\"; }}
        create() {{
            ask -o /dev/null -w '%{{http_code}}' -H 'Content-Type: application/json' -d \"$1\" \
                http://d/v1.41/containers/create?name=$N; docker rm $N >/dev/null 2>&1 || true
        }}
        {lines}"
    );
    shell(&script).split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/")
}

/// The place of the engine's column in the table.
fn column(engine: TestedEngine) -> usize {
    match engine {
        TestedEngine::Docker20 => 1,
        TestedEngine::Docker28(Store::Overlay2) => 2,
        TestedEngine::Docker28(Store::Containerd) => 3,
    }
}

/// With `SNAPSHOTS=overwrite`, writes the column of this engine.
#[test]
fn the_document_lists_how_engines_differ() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/engines.md");
    let before = fs::read_to_string(&path).unwrap();
    let column = column(TestedEngine::asked());
    let mut after = before.clone();
    for (fact, lines) in FACTS {
        let start = format!("| {fact} |");
        let row = before.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/engines.md has no row {start}"));
        let mut cells: Vec<String> =
            row.trim_matches(['|', ' ']).split(" | ").map(str::to_owned).collect();
        cells[column] = measure(lines);
        after = after.replace(row, &format!("| {} |", cells.join(" | ")));
    }
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        fs::write(&path, after).unwrap();
    } else {
        let wrong: Vec<&str> =
            after.lines().filter(|line| !before.lines().any(|other| other == *line)).collect();
        assert!(wrong.is_empty(), "docs/engines.md:\n{}", wrong.join("\n"));
    }
}
