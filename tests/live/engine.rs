//! audit-cli with the real docker.

use std::fs;
use std::process::{Command, Stdio};

use crate::host::{
    CONFIGURATION, Directory, PERSON, Restored, audit_cli, found, found_settled, login_as_root,
    remove_unstarted, run, tag, text,
};

#[test]
fn a_container_runs_through_the_broker_as_without_it() {
    let tag = tag();
    let output = run([
        "docker",
        "run",
        "--rm",
        "fedora",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 42",
        &tag,
    ]);
    assert_eq!(text(&output.stdout), "out\n");
    assert_eq!(text(&output.stderr), "err\n");
    assert_eq!(output.status.code(), Some(42));
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 1);
    let command =
        format!("cmd=docker run --rm fedora sh -c 'echo out; echo err >&2; exit 42' {tag} ");
    assert!(records[0].contains(&command), "{}", records[0]);
    assert_eq!(found_settled(&["-m", "USER_ROLE_CHANGE"], &tag), [""; 0]);
}

#[test]
fn the_container_gets_standard_input_through_audit_cli() {
    let mut child = Command::new(audit_cli())
        .args(["docker", "run", "--rm", "-i", "fedora", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let sent = vec![b'x'; 1_000_000];
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn({
        let sent = sent.clone();
        move || std::io::Write::write_all(&mut stdin, &sent).unwrap()
    });
    assert_eq!(child.wait_with_output().unwrap().stdout, sent);
    writer.join().unwrap();
}

/// A person types the article's example at a terminal.
#[test]
fn ausearch_finds_the_articles_example() {
    let directory = Directory::new();
    let home = directory.path().join("docker");
    fs::create_dir(&home).unwrap();
    let line = format!(
        "{} docker run -ti --rm --privileged -v /:/host fedora chroot /host",
        audit_cli().display()
    );
    let _gone = remove_unstarted();
    login_as_root(PERSON)
        .args(["script", "-qec", &line, "/dev/null"])
        .current_dir(&home)
        .output()
        .unwrap();
    let tag = directory.path().to_str().unwrap();
    let command = found(&["-m", "USER_CMD", "-ul", PERSON, "-f", tag], "--privileged");
    assert_eq!(command.len(), 1);
    assert!(
        command[0].contains("cmd=docker run -ti --rm --privileged -v /:/host fedora chroot /host "),
        "{}",
        command[0]
    );
    let terminal = command[0].split("terminal=").nth(1).unwrap().split(' ').next().unwrap();
    let roles =
        found_settled(&["-m", "USER_ROLE_CHANGE", "-ul", PERSON, "-tm", terminal], "acct=root");
    let process = command[0].split(" pid=").nth(1).unwrap().split(' ').next().unwrap();
    let roles: Vec<_> =
        roles.iter().filter(|role| role.contains(&format!(" pid={process} "))).collect();
    assert_eq!(roles.len(), 2);
    assert!(
        roles[0].contains("op=privileged acct=root default-context=? selected-context=privileged "),
        "{}",
        roles[0]
    );
    assert!(
        roles[1].contains("op=host-mount acct=root ") && roles[1].contains(" path=/ "),
        "{}",
        roles[1]
    );
}

#[test]
fn docker_gives_the_access_to_the_host_that_the_record_shows() {
    let directory = Directory::new();
    let secret = directory.path().join("secret");
    fs::write(&secret, "of the host").unwrap();
    let mount = format!("{}:/host:ro", directory.path().display());
    let output = run(["docker", "run", "--rm", "-v", &mount, "fedora", "cat", "/host/secret"]);
    assert_eq!(text(&output.stdout), "of the host");
    let records = found(&["-m", "USER_ROLE_CHANGE"], directory.path().to_str().unwrap());
    assert!(records.iter().any(|record| record.contains("op=host-mount ")), "{records:?}");
}

/// Docker refuses most of these here, but the record shows what the person asked for.
#[test]
fn the_record_has_each_spelling_that_docker_understands() {
    for (options, op) in [
        (&["run", "--privileged"][..], "privileged"),
        (&["container", "create", "--privileged=true"], "privileged"),
        (&["exec", "--privileged"], "privileged"),
        (&["run", "-tiv/:/host"], "host-mount"),
        (&["run", "--volume=/:/h"], "host-mount"),
        (&["run", "--mount", "type=bind,src=/,dst=/h"], "host-mount"),
        (&["create", "--device", "/dev/null"], "host-device"),
        (&["run", "--net", "host"], "host-namespace"),
        (&["run", "--pid=host"], "host-namespace"),
        (&["run", "--cap-add", "SYS_ADMIN"], "added-capability"),
        (&["run", "--security-opt", "seccomp=unconfined"], "loosened-confinement"),
    ] {
        let directory = Directory::new();
        let tag = tag();
        let program = audit_cli();
        let mut command = Command::new(&program);
        // The image and the container do not exist, so docker ends at once.
        command.arg("docker").args(options).args([&format!("localhost:1/{tag}"), "true"]);
        command.current_dir(directory.path()).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let process = child.id().to_string();
        child.wait_with_output().unwrap();
        assert_eq!(found(&["-m", "USER_CMD"], &tag).len(), 1, "{options:?}");
        let roles =
            found_settled(&["-m", "USER_ROLE_CHANGE", "-p", &process], "type=USER_ROLE_CHANGE");
        assert_eq!(roles.len(), 1, "{options:?}");
        assert!(roles[0].contains(&format!("op={op} ")), "{options:?}: {}", roles[0]);
    }
}

#[test]
fn audit_cli_keeps_secrets_out_of_the_trail() {
    let tag = tag();
    let secret = format!("SECRET{tag}SECRET");
    let assignment = format!("DB_PASSWORD={secret}");
    let arguments = [
        "docker",
        "run",
        "--rm",
        "-e",
        &assignment,
        "fedora",
        "sh",
        "-c",
        "echo $DB_PASSWORD",
        &tag,
    ];
    let output = run(arguments);
    assert_eq!(text(&output.stdout).trim(), secret);
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 1);
    assert!(records[0].contains("-e 'DB_PASSWORD=***'"), "{}", records[0]);
    assert!(!records[0].contains("SECRET"), "{}", records[0]);

    let shown = crate::host::tag();
    let _configuration = Restored::file(CONFIGURATION, "redact = false\n");
    run(["docker", "run", "--rm", "-e", &assignment, "fedora", "true", &shown]);
    assert!(found(&["-m", "USER_CMD"], &shown)[0].contains(&secret));
}
