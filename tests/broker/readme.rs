//! The README's example of the broker shows real output.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::broker::Broker;
use crate::docker::command_lines;
use crate::host::{PERSON, found, found_settled, in_general, login};

/// The records of the last call that created a container.
fn last_request(program: &str) -> Vec<String> {
    let search = ["-m", "VIRT_CONTROL,USER_ROLE_CHANGE", "-ul", PERSON, "-x", program];
    let records = found_settled(&search, "type=");
    let of_create = |line: &String| line.contains(" op=create-request ");
    let first = records.iter().rposition(of_create).unwrap();
    records[first..first + 2].to_vec()
}

#[test]
fn the_readme_shows_the_records_that_the_broker_writes() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once("## The broker\n").unwrap();
    let (_, command) = section.split_once("leaves for `").unwrap();
    let (command, _) = command.split_once('`').unwrap();
    let (_, example) = section.split_once(" -i\n").unwrap();
    let (example, _) = example.split_once("\n```").unwrap();

    let policy = "@id(\"docker-admin\") permit(principal, action, resource);";
    let broker = Broker::with_policies(policy, "");
    let docker = command_lines()[0].display().to_string();
    let line = command.replacen("docker", &docker, 1);
    // `script` provides a terminal.
    let mut person = login(PERSON);
    person.args(["script", "-qec", &line, "/dev/null"]).stdin(Stdio::null());
    person.env("DOCKER_HOST", broker.address()).env("HOME", broker.home()).output().unwrap();

    found(&["-m", "VIRT_CONTROL"], "op=create");
    let shown = last_request(&docker).join("\n").replace(&docker, "/usr/bin/docker");
    assert_eq!(in_general(&shown), in_general(example));
}
