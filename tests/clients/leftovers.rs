//! Removes the objects that the clients leave when a call fails.

use std::collections::BTreeSet;
use std::process::Command;

use crate::host::shell;

/// How to list one kind of object, and how to remove some.
const KINDS: [(&str, &str); 5] = [
    ("docker ps -aq --no-trunc", "docker rm -fv"),
    // A name of an image that was there before would belong to the user of the next place.
    (
        "docker images --format '{{.Repository}}:{{.Tag}}' | { grep -v '<none>' || true; }",
        "docker rmi",
    ),
    ("docker images -aq --no-trunc", "docker rmi -f"),
    ("docker network ls -q --no-trunc", "docker network rm"),
    ("docker volume ls -q", "docker volume rm -f"),
];

fn list(kind: &str) -> BTreeSet<String> {
    shell(kind).lines().map(str::to_owned).collect()
}

/// The objects that dockerd had before the clients ran.
pub(crate) struct Leftovers {
    before: [BTreeSet<String>; 5],
    was_in_swarm: bool,
}

/// Whether dockerd takes part in a swarm.
fn is_in_swarm() -> bool {
    shell("docker info -f '{{.Swarm.LocalNodeState}}'").trim() != "inactive"
}

impl Leftovers {
    pub(crate) fn begin() -> Self {
        Self { before: KINDS.map(|(kind, _)| list(kind)), was_in_swarm: is_in_swarm() }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if !self.was_in_swarm && is_in_swarm() {
            shell("docker swarm leave --force");
        }
        for ((kind, remove), before) in KINDS.into_iter().zip(&self.before) {
            for left in list(kind).difference(before) {
                // A child of an image is gone with its parent.
                let _ = Command::new("sh").args(["-c", &format!("{remove} {left}")]).output();
            }
        }
    }
}
