//! The clients' own test suites: each test that passes at dockerd passes through the broker under a policy
//! that permits everything. For an ordinary user, each that fails has a reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use crate::document::{expect_list, expect_row};
use crate::host::shell;
use crate::kit::Kit;
use crate::leftovers::Leftovers;
use crate::place::{Place, Seat};
use crate::registry::Registry;
use crate::result::End;
use crate::suite::Suite;
use crate::suite_report::Tests;
use crate::tested_engine::TestedEngine;

/// The places behind the broker in which the suites run.
const THROUGH: [Place; 2] = [Place::Permitted, Place::User];

/// How often a test may fail before it counts. Some measure time, or read all of `/tmp`.
const ATTEMPTS: usize = 3;

/// The suites use the same names of images, and count objects of the host.
static ALONE: Mutex<()> = Mutex::new(());

/// Makes the images that the suite uses.
fn make_images(suite: Suite, kit: &Kit, registry: &Registry) {
    shell(&format!(
        "{}/../tests/clients/images.sh {} {} {}",
        env!("CARGO_MANIFEST_DIR"),
        suite.name(),
        kit.program("suites").display(),
        registry.address()
    ));
}

fn passed(tests: &Tests) -> Vec<String> {
    let passed = tests.iter().filter(|(_, end)| **end == End::Passed);
    passed.map(|(name, _)| name.clone()).collect()
}

/// The tests of `names` that pass in the place in none of the attempts.
fn failed(suite: Suite, names: &[String], place: Place, kit: &Kit, registry: &Registry) -> Tests {
    let mut failed: Tests =
        names.iter().map(|name| (name.clone(), End::failed("not run"))).collect();
    for attempt in 0..ATTEMPTS {
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

/// What a suite did on this engine.
struct Report {
    suite: Suite,
    engine: TestedEngine,
    /// How many tests pass: in all, directly, and in each place.
    counts: Vec<usize>,
    /// How many tests fail in each place, for each reason.
    reasons: Vec<String>,
    /// The failed tests, a line each.
    list: String,
    /// Tests that fail without a reason that we accept.
    faults: String,
}

impl Report {
    fn measure(suite: Suite, kit: &Kit, registry: &Registry) -> Self {
        let direct = {
            let _leftovers = Leftovers::begin();
            suite.run(&Seat::at(Place::Direct), kit, registry, &[])
        };
        let names = passed(&direct);
        assert!(names.len() * 2 > direct.len(), "too few pass without the broker: {direct:#?}");
        let mut report = Self {
            suite,
            engine: TestedEngine::asked(),
            counts: vec![direct.len(), names.len()],
            reasons: vec![],
            list: String::new(),
            faults: String::new(),
        };
        for place in THROUGH {
            let failed = failed(suite, &names, place, kit, registry);
            report.counts.push(names.len() - failed.len());
            report.add(place, &failed);
        }
        report
    }

    fn add(&mut self, place: Place, failed: &Tests) {
        let mut reasons = BTreeMap::<String, usize>::new();
        for (name, end) in failed {
            let cell = end.cell();
            // Shown if this test fails.
            println!("{:?}, {place:?}: {name}: {end:?}", self.suite);
            writeln!(self.list, "{} | {cell} | {name}", place.title()).unwrap();
            *reasons.entry(cell).or_default() += 1;
            if let Some(error) = end.fault(place) {
                writeln!(self.faults, "{:?}, {place:?}: {name}: {error}", self.suite).unwrap();
            }
        }
        let of_place: Vec<String> =
            reasons.iter().map(|(cell, count)| format!("{cell} ({count})")).collect();
        if !of_place.is_empty() {
            self.reasons.push(format!("**{}** {}", place.title(), of_place.join(", ")));
        }
    }

    /// The first cells of the row in the document.
    fn start(&self) -> String {
        format!("| {} | {} |", self.suite.title(), self.engine.name())
    }

    fn row(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(usize::to_string).collect();
        format!("{} {} | {} |", self.start(), counts.join(" | "), self.reasons.join("; "))
    }

    fn file(&self) -> String {
        format!("{}-{}.txt", self.suite.name(), self.engine.name())
    }
}

/// Runs one suite, and expects what the document and the list of its failed tests say.
fn compare(suite: Suite) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _leftovers = Leftovers::begin();
    let kit = Kit::with_suites();
    let registry = Registry::start();
    make_images(suite, &kit, &registry);
    let report = Report::measure(suite, &kit, &registry);
    let list = &report.list;
    assert!(report.faults.is_empty(), "{list}without a reason:\n{}", report.faults);
    expect_list(&report.file(), list);
    expect_row("suites", &report.start(), &report.row());
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

#[test]
fn the_tests_of_dockerode_pass_as_without_the_broker() {
    compare(Suite::Dockerode);
}

#[test]
fn the_tests_of_testcontainers_for_python_pass_as_without_the_broker() {
    compare(Suite::TestcontainersPython);
}

#[test]
fn the_tests_of_testcontainers_for_node_pass_as_without_the_broker() {
    compare(Suite::TestcontainersNode);
}
