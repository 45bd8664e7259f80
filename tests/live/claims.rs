//! What a person may pass off as something else: another program as docker, and a command as a
//! secret.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::host::{
    CONFIGURATION, Directory, Finally, PERSON, Restored, audit_cli, field, login, login_as_root,
    raw, settle, shell, tag, text, value,
};

const KEY: &str = "/etc/audit-redaction.key";

/// The only record of a command that contains this tag.
fn user_cmd(tag: &str) -> String {
    settle();
    let mut found = raw(&["-m", "USER_CMD"], "");
    let in_hex = tag.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"));
    found.retain(|record| record.contains(tag) || record.contains(&in_hex));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn command(record: &str) -> String {
    text(&value(record, "cmd").unwrap())
}

#[test]
fn s25_the_record_has_the_path_of_a_script_named_docker() {
    let directory = Directory::new();
    let program = directory.capable(&audit_cli());
    let script = directory.script("docker", "#!/bin/sh\nexit 0\n");
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let run = |tag: &str| {
        let mut command = login(PERSON);
        command.arg(&program).args(["docker", "ps", tag]).env("PATH", &path);
        assert!(command.output().unwrap().status.success());
        user_cmd(tag)
    };
    let record = run(&tag());
    assert_eq!(value(&record, "path").unwrap(), script.to_str().unwrap().as_bytes());
    // Root has set docker's path.
    let settings = format!("docker_path = \"{}\"\n", script.display());
    let _restored = Restored::file(CONFIGURATION, &settings);
    assert_eq!(field(&run(&tag()), "path"), None);
}

/// Runs `audit-cli digest` with this on its standard input.
fn digest(mut command: Command, secret: &str, expected: Option<&str>) -> Output {
    command.arg("digest").args(expected).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(secret.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn s26_root_can_prove_what_a_record_masks() {
    let directory = Directory::new();
    directory.script("docker", "#!/bin/sh\nexit 0\n");
    let restored = Restored::file(KEY, "");
    shell(&format!("rm {KEY}"));
    assert!(Command::new(audit_cli()).args(["digest", "--make-key"]).status().unwrap().success());
    assert_eq!(shell(&format!("stat -c %a {KEY}")), "600\n");
    let tag = tag();
    let hidden = format!("rm -rf /{tag}");
    let name = crate::host::tag();
    let mut typing = Command::new(audit_cli());
    typing.env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
    typing.args(["docker", "run", "--name", &name, "-e", &format!("TOKEN={hidden}"), "fedora"]);
    assert!(typing.output().unwrap().status.success());
    let typed = command(&user_cmd(&name));
    assert!(!typed.contains(&tag), "{typed}");
    // In a shell the asterisks need quotes.
    let shown = typed.split_once("'TOKEN=").unwrap().1.split_once('\'').unwrap().0;
    assert!(shown.starts_with("***:") && shown.len() == 4 + 32, "{typed}");
    let said = digest(Command::new(audit_cli()), &hidden, Some(shown));
    assert_eq!((said.status.code(), text(&said.stdout).as_str()), (Some(0), "yes\n"), "{said:?}");
    let said = digest(Command::new(audit_cli()), "another", Some(shown));
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    drop(restored);
}

/// For people other than root, the wrapper reads the key through its group. No program that it runs
/// keeps the group.
#[test]
fn s26_the_group_of_the_key_stays_with_the_wrapper() {
    let directory = Directory::new();
    let group = tag();
    let _removed = Finally(format!("groupdel {group}"));
    let _restored = Restored::file(KEY, &format!("{}\n", "0a".repeat(32)));
    let program = directory.path().join("audit-cli");
    shell(&format!(
        "groupadd {group} && chgrp {group} {KEY} && chmod 0640 {KEY} && \
         cp {} {1} && chgrp {group} {1} && chmod 2755 {1} && setcap cap_audit_write+ep {1}",
        audit_cli().display(),
        program.display()
    ));
    let gid = shell(&format!("getent group {group} | cut -d: -f3"));
    directory.script("docker", "#!/bin/sh\ngrep ^Gid: /proc/self/status\n");
    let tag = tag();
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let mut command = login(PERSON);
    command.arg(&program).args(["docker", "run", "-e", "TOKEN=x", &tag]).env("PATH", &path);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let has_group = text(&output.stdout).split_whitespace().any(|word| word == gid.trim());
    assert!(!has_group, "docker has the group of the key: {output:?}");
    assert!(self::command(&user_cmd(&tag)).contains("TOKEN=***:"));
    // The wrapper does not help to guess what the records of others hide.
    let mut oracle = login(PERSON);
    oracle.arg(&program);
    let said = digest(oracle, "x", None);
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    // Without the group the wrapper cannot read the key, and then runs nothing.
    let plain = directory.capable(&audit_cli());
    let mut command = login(PERSON);
    command.arg(&plain).args(["docker", "ps"]).env("PATH", &path);
    let said = command.output().unwrap();
    assert_eq!(said.status.code(), Some(125), "{said:?}");
    assert!(text(&said.stderr).contains("audit-redaction.key"), "{said:?}");
}

/// The wrapper judges by the same list of dangers as the broker, and records them in the same
/// words.
#[test]
fn r15_the_wrapper_knows_the_ways_to_the_host_that_the_broker_knows() {
    let directory = Directory::new();
    // Docker fails to do what the line asks for.
    directory.script("docker", "#!/bin/sh\nexit 0\n");
    directory.script("docker-compose", "#!/bin/sh\nexit 0\n");
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    for (line, op) in [
        ("docker run --tmpfs /x:remount,rw TAG", "host-root"),
        ("docker run --log-driver none TAG", "evidence-hiding"),
        ("docker volume create -o type=none -o o=bind -o device=/TAG v", "host-mount"),
        ("docker network create -d macvlan TAG", "host-network"),
        ("docker compose run -v /TAG:/h web", "host-mount"),
        ("exec docker-compose run -v /TAG:/h web", "host-mount"),
        ("docker plugin install --grant-all-permissions TAG", "host-root"),
    ] {
        let tag = tag();
        let line = line.replace("TAG", &tag);
        let mut command = login_as_root(PERSON);
        command.arg(audit_cli()).args(line.split(' ')).env("PATH", &path);
        let pid = {
            let child = command.stdout(Stdio::null()).spawn().unwrap();
            let pid = child.id();
            assert!(child.wait_with_output().unwrap().status.success(), "{line}");
            pid
        };
        settle();
        let found = raw(&["-m", "USER_ROLE_CHANGE", "-p", &pid.to_string()], "");
        let ops: Vec<_> = found.iter().filter_map(|record| field(record, "op")).collect();
        assert_eq!(ops, [op], "{line}");
    }
}
