//! How the records read in the searches and sentences of `ausearch`.

use crate::broker::Broker;
use crate::docker::{Lines, command_lines};
use crate::host::{PERSON, field, found_settled, login, raw, settle, shell, text};
use crate::observe::{gist, wait_until};

/// Runs a line that a person types, through the broker. It must succeed. Gives its output.
fn type_line(lines: &Lines<'_>, line: &str) -> String {
    let output = lines.through(&command_lines()[0], line);
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

/// What `ausearch` prints in this form about one container.
fn printed(options: &str, name: &str) -> String {
    shell(&format!("LC_ALL=C ausearch --input-logs -ts recent {options} -vm {name} 2>&1; true"))
}

#[test]
fn r04_the_sentence_about_a_role_says_which_access_was_given() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}host", lines.name());
    type_line(&lines, &format!("docker create --privileged -v /:/host --name {name} fedora true"));
    wait_until("the records", || raw(&["-m", "USER_ROLE_CHANGE"], &name).len() >= 2);
    for format in ["text", "csv"] {
        let shown = printed(&format!("-m USER_ROLE_CHANGE --format {format}"), &name);
        assert!(shown.contains("privileged") && shown.contains("host-mount"), "{shown}");
    }
}

#[test]
fn r05_the_id_of_a_container_is_quoted_and_found() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}web", lines.name());
    let id = type_line(&lines, &format!("docker create --name {name} fedora true"));
    let with_id = || raw(&["-m", "VIRT_CONTROL,VIRT_RESOURCE", "-uu", &id], &name);
    wait_until("the records", || with_id().len() >= 3);
    for record in with_id() {
        assert!(record.contains(&format!(" uuid=\"{id}\" ")), "{record}");
    }
}

#[test]
fn r06_a_command_that_a_person_runs_in_a_container_is_a_user_cmd() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}cmd", lines.name());
    type_line(&lines, &format!("docker run -d --init --name {name} fedora sh -c 'sleep 60'"));
    type_line(&lines, &format!("docker exec -u 0 {name} sh -c 'exit 0; a b'"));
    type_line(&lines, &format!("docker exec -d {name} true && docker restart -t 1 {name}"));
    let search = ["-m", "USER_CMD", "-ul", PERSON, "-vm", &name];
    wait_until("the commands", || raw(&["-m", "USER_CMD"], &name).len() >= 4);
    let commands = found_settled(&search, &name);
    let expected = [
        ("op=start ", "cmd=sh -c 'sleep 60' "),
        ("op=exec-start ", "acct=0 cmd=sh -c 'exit 0; a b' "),
        ("op=exec-start ", "cmd=true "),
        ("op=restart ", "cmd=sh -c 'sleep 60' "),
    ];
    assert_eq!(commands.len(), expected.len(), "{commands:#?}");
    for (command, (op, cmd)) in commands.iter().zip(expected) {
        assert!(command.contains(op) && command.contains(cmd), "{command}");
        assert!(command.contains("res=success"), "{command}");
    }
}

#[test]
fn r02_no_call_that_worked_is_among_the_failed_ones() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = format!("{}ok", lines.name());
    type_line(&lines, &format!("docker run -d --init --name {name} fedora sleep 60"));
    type_line(
        &lines,
        &format!("docker cp /etc/hostname {name}:/new && docker cp {name}:/new - >/dev/null"),
    );
    // The client leaves a log and a wait.
    type_line(&lines, &format!("timeout 1 docker logs -f {name} || true"));
    type_line(&lines, &format!("timeout 1 docker wait {name} || true"));
    type_line(&lines, &format!("docker rm -f {name}"));
    let is_removed = |record: &String| record.contains(" op=remove ");
    wait_until("the end", || raw(&["-m", "VIRT_CONTROL"], &name).iter().any(is_removed));
    let left = |op: &str| {
        raw(&["-m", "VIRT_CONTROL"], &name).into_iter().any(|record| {
            gist(&record) == format!("VIRT_CONTROL {op} success")
                && field(&record, "reason") == Some("broken-off")
        })
    };
    wait_until("the wait", || left("wait"));
    assert_eq!(found_settled(&["-m", "VIRT_CONTROL", "-sv", "no"], &name), [""; 0]);
}

#[test]
fn r13_the_broker_leaves_no_denial_of_its_own_sandbox_in_the_trail() {
    let broker = Broker::start("");
    // The allocator of glibc counts the processors when a program has several threads.
    for _ in 0..12 {
        let mut calls = login(PERSON);
        calls.args([
            "sh",
            "-c",
            "for _ in 1 2 3; do curl -s --unix-socket $0 http://x/info & done; wait",
        ]);
        calls.arg(broker.socket()).output().unwrap();
    }
    settle();
    let pid = broker.pid().unwrap();
    let search = format!("ausearch --input-logs -ts recent -m 1423 -p {pid} --raw 2>&1; true");
    let denials = shell(&search);
    assert!(!denials.contains("type="), "{denials}");
}
