//! The operations of each client: directly, and through the broker under several policies.

use std::fmt::Write as _;
use std::fs;
use std::thread;

use crate::client::Client;
use crate::document::{expect, note, section};
use crate::host::{tag, text};
use crate::kit::Kit;
use crate::leftovers::Leftovers;
use crate::place::{Place, Seat};
use crate::registry::Registry;
use crate::result::{Ends, general};
use crate::table::{differences, read, rows, tables, versions};
use crate::tested_engine::{Store, TestedEngine};

/// All clients in one place, one after the other.
fn measure(seat: &Seat, kit: &Kit, registry: &Registry) -> Vec<Ends> {
    let run = |client: Client| {
        let name = tag();
        let repository = format!("{}/{}", registry.address(), seat.place.repository());
        let output = seat.run(client, kit, &name, &repository);
        let said = general(&text(&output.stdout), &name, &repository);
        let ends = Ends::read(&said);
        let complete = output.status.success() && !ends.operations.is_empty();
        assert!(complete, "{client:?} {:?}: {said}\n{}", seat.place, text(&output.stderr));
        ends
    };
    Client::ALL.into_iter().map(run).collect()
}

/// All places: at the same time, except on containerd's store. There, steps of a build have no name, so
/// containerd removes them as garbage while another call removes images.
fn measure_all(seats: &[Seat], kit: &Kit, registry: &Registry) -> Vec<Vec<Ends>> {
    match TestedEngine::asked() {
        TestedEngine::Docker20 | TestedEngine::Docker28(Store::Overlay2) => {
            thread::scope(|scope| {
                let run = |seat| scope.spawn(move || measure(seat, kit, registry));
                let running: Vec<_> = seats.iter().map(run).collect();
                running.into_iter().map(|thread| thread.join().unwrap()).collect()
            })
        }
        TestedEngine::Docker28(Store::Containerd) => {
            seats.iter().map(|seat| measure(seat, kit, registry)).collect()
        }
    }
}

/// What failed in a place where it should work, and without a reason that we accept.
fn faults(found: &[Vec<Ends>]) -> String {
    let mut faults = String::new();
    for (place, of_place) in Place::ALL.into_iter().zip(found) {
        for (client, ends) in Client::ALL.into_iter().zip(of_place) {
            for (operation, end) in &ends.of {
                if let Some(error) = end.fault(place) {
                    writeln!(faults, "{}, {place:?}: {operation}: {error}", client.name()).unwrap();
                }
            }
        }
    }
    faults
}

#[test]
fn each_client_does_what_the_document_says() {
    let _leftovers = Leftovers::begin();
    let kit = Kit::copy();
    let registry = Registry::start();
    let seats = Place::ALL.map(Seat::at);
    let found = measure_all(&seats, &kit, &registry);
    let faults = faults(&found);
    assert!(faults.is_empty(), "without a reason:\n{faults}");
    let rows = rows(&found);
    match TestedEngine::asked() {
        TestedEngine::Docker20 => {
            note("versions", &versions(&found[0]));
            expect("operations", &tables(&rows));
        }
        TestedEngine::Docker28(store) => {
            let (name, images) = match store {
                Store::Overlay2 => ("operations on 28", "overlay2"),
                Store::Containerd => ("operations on 28-containerd", "containerd's store"),
            };
            let differences = differences(&rows, &read(&section("operations")));
            expect(name, &format!("\nWith images in {images}:\n{differences}"));
        }
    }
}

/// `a && b` ends no program if `a` fails, even with `set -e`, so the operation would pass.
#[test]
fn no_operation_hides_a_failure() {
    let programs = format!("{}/../tests/clients/programs", env!("CARGO_MANIFEST_DIR"));
    for entry in fs::read_dir(programs).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sh") {
            let program = fs::read_to_string(&path).unwrap();
            assert!(!program.contains("&&"), "{} contains &&", path.display());
        }
    }
}
