//! What the owner of an object may do with it, and what the broker says if that is not enough.

use crate::broker::Broker;
use crate::docker::{Lines, command_lines};
use crate::host::{Finally, PERSON, shell, text};
use crate::markdown::{blocks, root};
use crate::policy::shipped;

/// The policy of the recipe below this heading.
fn recipe(heading: &str) -> String {
    let document = "docs/policies.md";
    let written = std::fs::read_to_string(root().join(document)).unwrap();
    let (_, section) = written.split_once(&format!("### {heading}\n")).unwrap();
    let block = blocks(document, section).into_iter().next().unwrap();
    assert_eq!((&*block.language, &*block.claim), ("cedar", "recipe"));
    block.text
}

/// The recipe permits a name that is the same on every host.
const SSHD: &str = "docker rm -fv sshd >/dev/null 2>&1; true";

#[test]
fn k06_the_recipe_for_audit_records_works_from_create_to_remove() {
    let policy = shipped("default") + &recipe("Let one container write audit records");
    let broker = Broker::with_policies(&policy, "");
    let lines = Lines::at(&broker);
    let _removed = Finally(SSHD.to_owned());
    // CAP_AUDIT_WRITE is bit 29.
    let has = |line: &str| {
        format!(
            "{line} fedora sleep 60 >/dev/null; caps=$(docker exec sshd cat /proc/1/status | grep CapEff | cut -f 2)
            echo $((0x$caps >> 29 & 1)); docker inspect -f '{{{{.State.Running}}}}' sshd
            docker ps --filter name=^/sshd$ --format '{{{{.Names}}}}'; docker logs sshd; docker top sshd | wc -l
            docker stop -t 0 sshd; docker start sshd; docker restart -t 0 sshd; docker rm -f sshd"
        )
    };
    for line in [
        "docker run -d --cap-add AUDIT_WRITE --name sshd",
        "docker run -d --name sshd",
        "docker run -d --cap-add AUDIT_WRITE -p 127.0.0.1::22 --name sshd",
    ] {
        lines.give(&[(&has(line), "1\ntrue\nsshd\n2\nsshd\nsshd\nsshd\nsshd\n")]);
    }
    let denied =
        lines.through(&command_lines()[0], "docker create --cap-add AUDIT_WRITE fedora true");
    assert!(text(&denied.stderr).contains("evidence-forging"), "{}", text(&denied.stderr));
}

/// There is nothing to hide from the owner of an object.
#[test]
fn k06_an_owner_who_may_not_use_an_object_gets_the_reason() {
    let policy = format!(
        "{}@id(\"only-create\") permit(principal == User::\"{PERSON}\",
            action == Action::\"privileged-container-create\", resource)
         when {{ [\"evidence-forging\"].containsAll(context.dangers) }};
         @id(\"no-volumes\") forbid(principal == User::\"{PERSON}\",
            action in [Action::\"volume-inspect\", Action::\"volume-delete\", Action::\"network-inspect\",
                Action::\"network-delete\"], resource);",
        shipped("default")
    );
    let broker = Broker::with_policies(&policy, "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let docker = &command_lines()[0];
    let made = lines.through(
        docker,
        &format!(
            "docker create --cap-add AUDIT_WRITE --name {name}-own fedora true
            docker volume create {name}-own; docker network create {name}-own"
        ),
    );
    assert!(made.status.success(), "{}", text(&made.stderr));
    shell(&format!("docker create --privileged --name {name}-roots fedora true"));
    for (line, action) in [
        ("docker start {name}-own", "privileged-container-start"),
        ("docker rm {name}-own", "privileged-container-delete"),
        ("docker container inspect {name}-own", "privileged-container-inspect"),
        ("docker run --rm --volumes-from {name}-own fedora true", "privileged-container-join"),
        ("docker volume rm {name}-own", "volume-delete"),
        ("docker volume rm -f {name}-own", "volume-delete"),
        ("docker volume inspect {name}-own", "volume-inspect"),
        ("docker network rm {name}-own", "network-delete"),
        ("docker network inspect {name}-own", "network-inspect"),
    ] {
        let line = line.replace("{name}", name);
        let told = text(&lines.through(docker, &line).stderr);
        assert!(told.contains(&format!("not allowed: {action}")), "{line}: {told}");
    }
    // Another user's object stays hidden.
    let told = text(&lines.through(docker, &format!("docker start {name}-roots")).stderr);
    assert!(told.contains("o such container"), "{told}");
}
