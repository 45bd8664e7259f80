//! The clients' own test suites: each test that passes at dockerd passes through the broker under a policy
//! that permits everything. For an ordinary user, each that fails has a reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use crate::document::expect;
use crate::host::shell;
use crate::kit::Kit;
use crate::leftovers::Leftovers;
use crate::place::{Place, Seat};
use crate::registry::Registry;
use crate::result::End;
use crate::suite::{Suite, Tests};
use crate::tested_engine::TestedEngine;

/// The places behind the broker in which the suites run.
const THROUGH: [Place; 2] = [Place::Permitted, Place::User];

/// The suites use the same names of images, and count objects of the host.
static ALONE: Mutex<()> = Mutex::new(());

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

fn passed(tests: &Tests) -> Vec<String> {
    let passed = tests.iter().filter(|(_, end)| **end == End::Passed);
    passed.map(|(name, _)| name.clone()).collect()
}

/// The tests of `names` that do not pass in the place, even the second time.
fn failed(suite: Suite, names: &[String], place: Place, kit: &Kit, registry: &Registry) -> Tests {
    let mut failed: Tests =
        names.iter().map(|name| (name.clone(), End::failed("not run"))).collect();
    for attempt in 0..2 {
        let _leftovers = Leftovers::begin();
        let again: Vec<String> =
            if attempt == 0 { vec![] } else { failed.keys().cloned().collect() };
        let ends = suite.run(&Seat::at(place), kit, registry, &again);
        for (name, end) in ends {
            if end == End::Passed {
                failed.remove(&name);
            } else if let Some(known) = failed.get_mut(&name) {
                *known = end;
            }
        }
        if failed.is_empty() {
            break;
        }
    }
    failed
}

/// What the suites did on this engine.
#[derive(Default)]
struct Report {
    counts: String,
    lists: String,
    /// Tests that fail without a reason that we accept.
    faults: String,
}

impl Report {
    fn add(&mut self, suite: Suite, kit: &Kit, registry: &Registry) {
        let direct = {
            let _leftovers = Leftovers::begin();
            suite.run(&Seat::at(Place::Direct), kit, registry, &[])
        };
        let names = passed(&direct);
        write!(self.counts, "| {} | {} | {}", suite.title(), direct.len(), names.len()).unwrap();
        for place in THROUGH {
            let failed = failed(suite, &names, place, kit, registry);
            write!(self.counts, " | {}", names.len() - failed.len()).unwrap();
            self.list(suite, place, &failed);
        }
        self.counts.push_str(" |\n");
    }

    /// Lists the failed tests by their reasons.
    fn list(&mut self, suite: Suite, place: Place, failed: &Tests) {
        let mut by_reason = BTreeMap::<String, Vec<String>>::new();
        for (name, end) in failed {
            by_reason.entry(end.cell()).or_default().push(format!("`{name}`"));
            if let Some(error) = end.fault(place) {
                writeln!(self.faults, "{suite:?}, {place:?}: {name}: {error}").unwrap();
            }
        }
        for (cell, names) in by_reason {
            let (suite, place, names) = (suite.name(), place.title(), names.join(", "));
            writeln!(self.lists, "| {suite} | {place} | {cell} | {names} |").unwrap();
        }
    }

    fn text(&self, heading: &str) -> String {
        let titles = THROUGH.map(Place::title).join(" | ");
        format!(
            "\n### {heading}\n\n| suite | tests | pass directly | {titles} |\n|---|---|---|---|---|\n{}\n\
             | suite | place | cell | tests |\n|---|---|---|---|\n{}\n",
            self.counts, self.lists
        )
    }
}

/// Runs one suite, and expects what the document says.
fn compare(suite: Suite) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _leftovers = Leftovers::begin();
    let kit = Kit::with_suites();
    let registry = Registry::start();
    make_images(&registry);
    let mut report = Report::default();
    report.add(suite, &kit, &registry);
    let engine = TestedEngine::asked().name();
    let text = report.text(&format!("{} on docker {engine}", suite.name()));
    assert!(report.faults.is_empty(), "{text}without a reason:\n{}", report.faults);
    expect(&format!("{} on {engine}", suite.name()), &text);
}

#[test]
fn the_tests_of_docker_py_pass_as_without_the_broker() {
    compare(Suite::DockerPy);
}

#[test]
fn the_tests_of_aiodocker_pass_as_without_the_broker() {
    compare(Suite::Aiodocker);
}

#[test]
fn the_tests_of_bollard_pass_as_without_the_broker() {
    compare(Suite::Bollard);
}
