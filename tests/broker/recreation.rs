//! A client creates a container again from exactly what inspect reports.

use std::path::Path;

use crate::broker::{Broker, DOCKERD};
use crate::docker::Lines;
use crate::engine::{Engine, Store};
use crate::host::{PERSON, login, shell, text};
use crate::policy::shipped;

const SCRIPT: &str = include_str!("recreate.py");

/// Runs the script as the ordinary user, and returns what it reports.
fn reported(socket: &Path, version: &str, name: &str) -> String {
    let mut command = login(PERSON);
    command.args(["timeout", "200", "python3", "-c", SCRIPT]).arg(socket).args([version, name]);
    let output = command.output().unwrap();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn k04_an_ordinary_container_is_created_again_from_what_inspect_reports() {
    let broker = Broker::with_policies(&shipped("default"), "");
    let lines = Lines::at(&broker);
    assert_eq!(reported(broker.socket(), "1.41", lines.name()), "");
    // The script is right: the same at dockerd itself.
    let name = format!("{}-d", lines.name());
    let line = format!("python3 - {DOCKERD} 1.41 {name} <<'END'\n{SCRIPT}\nEND");
    assert_eq!(shell(&line), "");
}

#[test]
fn k04_an_ordinary_container_is_created_again_on_docker_28() {
    let engine = Engine::start(Store::Overlay2);
    let broker = engine.broker(&shipped("default"));
    assert_eq!(reported(broker.socket(), "1.51", "k04"), "");
}

/// docker's default network is judged alike, however a call names it. So is no network at all.
#[test]
fn k04_the_default_network_needs_no_permission_of_its_own() {
    let policies = crate::policy::own_containers_of(PERSON);
    let broker = Broker::with_policies(&policies, "");
    let lines = Lines::at(&broker);
    lines.give(&[(
        "docker run -d --init --network bridge --name $N fedora sleep 60 >/dev/null
        docker network disconnect bridge $N && docker network connect bridge $N && echo yes
        id=$(docker inspect -f '{{.NetworkSettings.Networks.bridge.NetworkID}}' $N)
        docker run --rm --network $id fedora echo by id; docker rm -f $N
        docker run -d --init --network none --name $N fedora sleep 60 >/dev/null
        docker network disconnect none $N && docker network connect none $N && echo none
        docker network disconnect none $N && docker network connect bridge $N && echo bridge
        docker rm -f $N",
        "yes\nby id\nNAME\nnone\nbridge\nNAME\n",
    )]);
}
