//! Callers that could be mistaken for another.

use std::fs;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};

use super::sender::create;
use super::stage::OTHER;
use crate::broker::{Broker, DOCKERD};
use crate::host::{
    Directory, Finally, PERSON, field, login, login_as_root, raw, settle, shell, tag, text, uid_of,
};
use crate::observe::wait_until;
use crate::policy::shipped;

const PRIVILEGED: &str = r#"{"Image":"fedora","Cmd":["true"],"HostConfig":{"Privileged":true}}"#;

/// Runs curl in the process that the command creates. It asks for a container that is root of the
/// host.
fn ask_for_host(command: &mut Command, socket: &str, name: &str) -> Output {
    command.args(["curl", "-s", "--max-time", "20", "--unix-socket", socket]);
    command.args(["-w", "%{http_code}", "-H", "Content-Type: application/json", "-d", PRIVILEGED]);
    command.arg(format!("http://docker/containers/create?name={name}")).output().unwrap()
}

/// The status of the response to [`ask_for_host`].
fn status(broker: &Broker, command: &mut Command, name: &str) -> String {
    let output = ask_for_host(command, broker.socket().to_str().unwrap(), name);
    let answer = text(&output.stdout);
    let (body, status) = answer.split_at(answer.len().checked_sub(3).expect("an answer"));
    assert!(status != "403" || body.contains("privileged-container-create"), "{answer}");
    status.to_owned()
}

/// Removes the container at the end of the test.
fn away(name: &str) -> Finally {
    Finally(format!("docker ps -aq --filter name={name} | xargs -r docker rm -fv >/dev/null"))
}

fn record_of(name: &str) -> String {
    settle();
    let found = raw(&["-m", "VIRT_CONTROL"], name);
    found.into_iter().find(|record| record.contains("op=create-request")).expect("a record")
}

/// A connection belongs to the process that made it, even if a process of root's writes to it.
#[test]
fn x09_a_descriptor_does_not_give_the_rights_of_root_who_writes_to_it() {
    const PROGRAM: &str = r"
import os, socket, sys
path, uid, request = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
root, person = socket.socketpair()
pid = os.fork()
if pid == 0:
    with open('/proc/self/loginuid', 'w') as f: f.write(str(uid))
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
    s = socket.socket(socket.AF_UNIX); s.connect(path)
    socket.send_fds(person, [b'x'], [s.fileno()])
    person.recv(1)
    os._exit(0)
s = socket.socket(fileno=socket.recv_fds(root, 1, 1)[1][0])
s.sendall(request)
print(pid, s.recv(1000).decode())
root.send(b'x')
os.wait()
";
    let broker = Broker::with_policies(&shipped("default"), "");
    let name = tag();
    let _away = away(&name);
    let mut command = Command::new("python3");
    command.args(["-c", PROGRAM]).arg(broker.socket()).arg(uid_of(PERSON).to_string());
    let output = command.arg(text(&create(&name, PRIVILEGED))).output().unwrap();
    let told = text(&output.stdout);
    let (connector, answer) = told.split_once(' ').expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{told}");
    let record = record_of(&name);
    assert_eq!(field(&record, "spid"), Some(connector), "{record}");
    assert_eq!(field(&record, "suid"), Some(uid_of(PERSON).to_string().as_str()), "{record}");
}

/// Root of a container or of a user namespace is not root of the host.
#[test]
fn x10_root_of_a_container_or_namespace_is_not_root_of_the_host() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let name = tag();
    let _away = away(&name);
    let mut inside = Command::new("docker");
    inside.env("DOCKER_HOST", format!("unix://{DOCKERD}"));
    let socket = format!("{}:/run/broker.sock", broker.socket().display());
    inside.args(["run", "--rm", "--name", &format!("{name}-caller"), "-v", &socket]);
    for directory in ["/usr", "/lib", "/lib64", "/etc/ssl"] {
        inside.arg("-v").arg(format!("{directory}:{directory}:ro"));
    }
    inside.args(["fedora", "/usr/bin/env"]);
    let output = ask_for_host(&mut inside, "/run/broker.sock", &format!("{name}-container"));
    assert!(text(&output.stdout).ends_with("403"), "{output:?}");

    let mut mapped = login(PERSON);
    mapped.args(["unshare", "-Ur", "--kill-child"]);
    assert_eq!(status(&broker, &mut mapped, &format!("{name}-mapped")), "403");
    assert_eq!(status(&broker, &mut Command::new("env"), &format!("{name}-root")), "201");
}

/// A process without a login is not a person, whatever its uid.
#[test]
fn x11_a_process_without_a_login_is_not_a_person() {
    let policies = format!("@id(\"a\") permit(principal == User::\"{PERSON}\", action, resource);");
    let broker = Broker::with_policies(&policies, "");
    let name = tag();
    let _away = away(&name);
    let mut without = Command::new("setpriv");
    without.args(["--reuid", PERSON, "--regid", PERSON, "--init-groups"]);
    assert_eq!(status(&broker, &mut without, &format!("{name}-without")), "403");
    assert_eq!(status(&broker, &mut login(PERSON), &format!("{name}-with")), "201");
}

/// A process after `sudo` still belongs to the login, and policies can tell it apart. A process
/// after `su` to another user counts as no login.
#[test]
fn x12_a_process_with_another_uid_than_its_login_gets_no_more_rights() {
    let policies = format!(
        "@id(\"a\") permit(principal == User::\"{PERSON}\", action, resource)
         when {{ principal.uid == 0 }};
         @id(\"b\") permit(principal == User::\"{OTHER}\", action, resource);"
    );
    let broker = Broker::with_policies(&policies, "");
    let name = tag();
    let _away = away(&name);
    assert_eq!(status(&broker, &mut login(PERSON), &format!("{name}-plain")), "403");
    assert_eq!(status(&broker, &mut login_as_root(PERSON), &format!("{name}-sudo")), "201");
    // In both directions: to the user who has the permission, and from that user.
    for (from, to) in [(PERSON, OTHER), (OTHER, PERSON)] {
        let mut su = login_as_root(from);
        su.args(["setpriv", "--reuid", to, "--clear-groups"]);
        assert_eq!(status(&broker, &mut su, &format!("{name}-{from}")), "403", "{from} to {to}");
    }
    let record = record_of(&format!("{name}-sudo"));
    let uid = uid_of(PERSON).to_string();
    assert_eq!((field(&record, "suid"), field(&record, "sauid")), (Some("0"), Some(uid.as_str())));
}

/// A process connects and then executes another user's program. The test stops the broker
/// meanwhile, so that it inspects the process when root owns it.
#[test]
fn x13_a_caller_that_executes_a_program_of_root_is_still_the_caller() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let (name, directory) = (tag(), Directory::new());
    let _away = away(&name);
    let root_s = directory.path().join("root-s");
    shell(&format!("install -m 4755 /usr/bin/sleep {}", root_s.display()));
    let program = "import os,socket,sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[3].encode())
os.set_inheritable(s.fileno(), True)
if os.fork() == 0:
    print(s.recv(1000).decode(), flush=True)
    os._exit(0)
os.execv(sys.argv[2], [sys.argv[2], '4'])";
    let pid = broker.pid().unwrap();
    kill(pid, Signal::SIGSTOP).unwrap();
    let mut command = login(PERSON);
    command.args(["/usr/bin/python3", "-c", program]).arg(broker.socket()).arg(&root_s);
    let child =
        command.arg(text(&create(&name, PRIVILEGED))).stdout(Stdio::piped()).spawn().unwrap();
    let (caller, uid) = (child.id(), uid_of(PERSON));
    let uids = || fs::read_to_string(format!("/proc/{caller}/status")).unwrap_or_default();
    wait_until("root's program", || uids().contains(&format!("Uid:\t{uid}\t0\t0\t0")));
    kill(pid, Signal::SIGCONT).unwrap();
    let told = text(&child.wait_with_output().unwrap().stdout);
    assert!(told.starts_with("HTTP/1.1 403 "), "{told}");
    settle();
    for record in raw(&["-m", "VIRT_CONTROL"], &name) {
        assert_ne!(field(&record, "suid"), Some("0"), "{record}");
        assert_eq!(field(&record, "res"), Some("failed"), "{record}");
    }
    assert_eq!(shell(&format!("docker ps -aq --filter name={name}")), "");
}

/// A group counts if the process has it, or if the user database lists the person in it.
#[test]
fn x14_a_caller_has_the_groups_of_its_process_and_of_the_user_database() {
    let name = tag();
    let group = format!("g{}", &name[name.len() - 12..]);
    shell(&format!("groupadd {group}"));
    let _away = (Finally(format!("groupdel {group}")), away(&name));
    let policies = format!("@id(\"g\") permit(principal in Group::\"{group}\", action, resource);");
    let of_process = |broker: &Broker, word: &str| {
        let mut command = login(PERSON);
        command.args(["true"]);
        let mut member = login_as_root(PERSON);
        member.args(["setpriv", "--reuid", PERSON, "--regid", PERSON, "--groups", &group]);
        status(broker, &mut member, &format!("{name}-{word}"))
    };
    let broker = Broker::with_policies(&policies, "");
    assert_eq!(status(&broker, &mut login(PERSON), &format!("{name}-none")), "403");
    assert_eq!(of_process(&broker, "process"), "201");
    drop(broker);
    shell(&format!("gpasswd -a {PERSON} {group}"));
    let broker = Broker::with_policies(&policies, "");
    let mut without = login_as_root(PERSON);
    without.args(["setpriv", "--reuid", PERSON, "--regid", PERSON, "--clear-groups"]);
    assert_eq!(status(&broker, &mut without, &format!("{name}-database")), "201");
    // A caller cannot join a group inside a namespace of its own.
    shell(&format!("gpasswd -d {PERSON} {group}"));
    drop(broker);
    let broker = Broker::with_policies(&policies, "");
    let mut mapped = login(PERSON);
    mapped.args(["unshare", "-Ur", "--kill-child"]);
    assert_eq!(status(&broker, &mut mapped, &format!("{name}-mapped")), "403");
}
