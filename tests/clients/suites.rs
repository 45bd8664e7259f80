//! The clients' own test suites: each test that passes at dockerd passes through the broker under a policy
//! that permits everything.

use std::fmt::Write as _;

use crate::document::expect;
use crate::host::shell;
use crate::kit::Kit;
use crate::leftovers::Leftovers;
use crate::place::{Place, Seat};
use crate::registry::Registry;
use crate::result::{general, shorten};
use crate::suite::{Suite, Tests};
use crate::tested_engine::TestedEngine;

/// Images that the suites use, made of the usual one.
const NAMES: [&str; 6] = [
    "alpine:3.10",
    "alpine:latest",
    "busybox:latest",
    "hello-world:latest",
    "python:3.13-alpine",
    "python:3.14-alpine",
];

/// Gives an image with busybox, all its commands and Python the names that the suites use, and pushes
/// those that bollard pulls.
fn make_images(registry: &Registry) {
    let address = registry.address();
    shell(&format!(
        "set -e; root=$(mktemp -d); cd $root; mkdir -p bin sbin etc tmp root usr/bin usr/sbin var proc
        cp $(command -v busybox) bin/busybox; chroot . /bin/busybox --install -s
        cp bin/busybox hello; echo root:x:0:0:root:/root:/bin/sh >etc/passwd
        echo root:x:0: >etc/group
        python=$(readlink -f /usr/bin/python3)
        for file in $python $(ldd $python | grep -o '/[^ ]*'); do
            mkdir -p .$(dirname $file); cp -L $file .$file
        done
        ln -sf $(basename $python) usr/bin/python
        mkdir -p usr/lib; cp -a /usr/lib/$(basename $python) usr/lib/; rm -rf usr/lib/python3*/test
        printf '#!/bin/sh\\necho Hello from Docker!\\n' >hello; chmod 755 hello; chmod 1777 tmp
        tar c . | docker import -c 'CMD [\"/bin/sh\"]' - alpine:latest >/dev/null
        rm -rf $root
        for name in {names}; do docker tag alpine:latest $name; done
        for name in alpine:latest busybox:latest hello-world:linux; do
            docker tag alpine:latest {address}/$name; docker push -q {address}/$name >/dev/null
            docker rmi {address}/$name >/dev/null
        done",
        names = NAMES.join(" ")
    ));
}

/// The tests that pass at dockerd but not through the broker, also when both are tried again.
fn differences(direct: &Tests, through: &Tests) -> Vec<(String, String)> {
    let passes = |name: &&String| direct[*name].is_ok();
    direct
        .keys()
        .filter(passes)
        .filter_map(|name| match through.get(name) {
            Some(Ok(())) => None,
            Some(Err(error)) => Some((name.clone(), error.clone())),
            None => Some((name.clone(), "not run".to_owned())),
        })
        .collect()
}

fn passed(tests: &Tests) -> usize {
    tests.values().filter(|end| end.is_ok()).count()
}

#[test]
fn the_clients_own_tests_pass_as_without_the_broker() {
    let _leftovers = Leftovers::begin();
    let kit = Kit::with_suites();
    let registry = Registry::start();
    make_images(&registry);
    let direct = Seat::at(Place::Direct);
    let mut counts = String::new();
    let mut lists = String::new();
    for suite in Suite::ALL {
        let at_dockerd = suite.run(&direct, &kit, &registry);
        let broker = Seat::at(Place::Permitted);
        let through = suite.run(&broker, &kit, &registry);
        let found = differences(&at_dockerd, &through);
        let passed = passed(&at_dockerd);
        writeln!(
            counts,
            "| {} | {} | {passed} | {} |",
            suite.title(),
            at_dockerd.len(),
            passed - found.len()
        )
        .unwrap();
        for (name, error) in found {
            let error = shorten(&general(&error, "NAME", registry.address()));
            writeln!(lists, "| {suite:?} | `{name}` | {error} |").unwrap();
        }
    }
    if lists.is_empty() {
        lists.push_str("| none | | |\n");
    }
    let text = format!(
        "\n| suite | tests | pass directly | of those, pass through the broker |\n|---|---|---|---|\n\
         {counts}\n| suite | test that fails through the broker | error |\n|---|---|---|\n{lists}\n"
    );
    match TestedEngine::asked() {
        TestedEngine::Docker20 => expect("suites", &text),
        TestedEngine::Docker28(_) => expect("suites-28", &text),
    }
}
