//! Calls for which dockerd reads a container's files from outside, as root. A process of the
//! container tries to lead it into the host with symbolic links.

use super::sender::{bare, send};
use super::shipped::under_each;
use crate::broker::Broker;
use crate::docker::Lines;
use crate::engine::{Engine, Store};
use crate::host::{Directory, PERSON, shell, text};

/// A container of the person's. One of its processes keeps swapping the directory of a mount with a
/// link to a directory of the host.
fn exchanging(broker: &Broker, name: &str, host_directory: &str, options: &[&str]) {
    let line = format!(
        "mkdir -p /m && ln -s {host_directory} /l && while :; do \
         mv /m /d; mv /l /m; mv /m /l; mv /d /m; done"
    );
    let mut run = broker.docker(PERSON);
    run.args(["run", "-d", "--name", name]).args(options).args(["fedora", "sh", "-c", &line]);
    let made = run.output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
}

/// The attempts of S02, each a request.
fn archive_calls(container: &str) -> Vec<Vec<u8>> {
    let of = |method: &str| bare(&format!("{method} /containers/{container}/archive?path=/bin"));
    let mut calls: Vec<Vec<u8>> = std::iter::repeat_with(|| of("HEAD")).take(20).collect();
    calls.extend(["GET", "PUT"].map(of));
    calls
}

#[test]
fn s02_a_user_cannot_mount_over_the_host_with_archive_calls() {
    let host = Directory::new();
    let everything = Broker::start("");
    let lines = Lines::at(&everything);
    let (name, volume) = (lines.name(), format!("{}-v:/m/v", lines.name()));
    exchanging(&everything, name, host.path().to_str().unwrap(), &["-v", &volume]);
    under_each(|policy, broker| {
        for told in send(broker.socket(), &archive_calls(name)) {
            assert!(matches!(told.status, 403 | 404), "{policy}: {told:?}");
        }
        let left = shell(&format!("ls {}", host.path().display()));
        assert_eq!(left, "", "{policy}: dockerd made something in a directory of the host");
    });
}

/// A user can still copy from a container that mounts nothing of the host.
#[test]
fn s02_a_user_can_copy_from_containers_without_mounts() {
    let broker = Broker::with_policies(&crate::policy::shipped("default"), "");
    let lines = Lines::at(&broker);
    lines.give(&[(
        "docker run -d --name $N --tmpfs /t --mount type=tmpfs,target=/u fedora sleep 600 >/dev/null
        echo x >f; docker cp f $N:/tmp; docker cp $N:/tmp/f - | tar x -O; docker export $N | tar t | grep tmp/f
        docker export $N | docker import -q - $N 2>/dev/null | cut -c1-6 || docker export $N | docker import - $N | cut -c1-6
        docker rm -f $N",
        "x\ntmp/f\nsha256\nNAME\n",
    )]);
}

#[test]
fn s02_a_user_cannot_read_the_host_with_diff_and_commit() {
    let host = Directory::new();
    host.script("secret", "");
    let everything = Broker::start("");
    let lines = Lines::at(&everything);
    let name = lines.name();
    exchanging(&everything, name, host.path().to_str().unwrap(), &[]);
    let image = format!("{name}-image");
    under_each(|policy, broker| {
        let calls: Vec<Vec<u8>> = ["0", "1"]
            .iter()
            .map(|pause| {
                bare(&format!("POST /commit?container={name}&repo=dev/{image}&pause={pause}"))
            })
            .chain([bare(&format!("GET /containers/{name}/changes"))])
            .collect();
        for told in send(broker.socket(), &calls) {
            assert!(matches!(told.status, 403 | 404), "{policy}: {told:?}");
        }
    });
}

/// The same at a newer engine, whose release also counts.
#[test]
fn s02_a_user_cannot_mount_over_the_host_at_docker_28() {
    let engine = Engine::start(Store::Containerd);
    let broker = engine.broker(&crate::policy::shipped("default"));
    let make = "docker run -d --network none --name $N -v $N:/v fedora sleep 600 >/dev/null
        docker run -d --network none --name $N-plain fedora sleep 600 >/dev/null
        docker cp $N:/bin/sh x 2>&1 | grep -o CVE-2026-42306; docker cp $N-plain:/bin/sh x && echo copied";
    let lines = Lines::at(&broker);
    lines.give(&[(make, "CVE-2026-42306\ncopied\n")]);
}
