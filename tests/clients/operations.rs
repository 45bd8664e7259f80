//! The operations of each client: directly, and through the broker under several policies.

use std::fmt::Write as _;
use std::thread;

use crate::client::Client;
use crate::document::{expect, verdicts, verdicts_in};
use crate::host::{tag, text};
use crate::kit::Kit;
use crate::leftovers::Leftovers;
use crate::place::{Place, Seat};
use crate::registry::Registry;
use crate::result::{End, Ends, general};
use crate::tested_engine::TestedEngine;

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

/// The tables of all clients. `found` has the clients of each place.
fn tables(found: &[Vec<Ends>]) -> String {
    let titles = Place::ALL.map(Place::title).join(" | ");
    let rule = "|---".repeat(Place::ALL.len());
    let mut text = format!("\n| client | {titles} |\n|---{rule}|\n");
    for (number, client) in Client::ALL.into_iter().enumerate() {
        let of_client: Vec<&Ends> = found.iter().map(|place| &place[number]).collect();
        let counts = of_client.iter().map(|ends| ends.passed().to_string());
        let counts = counts.collect::<Vec<_>>().join(" | ");
        writeln!(text, "| {} {} | {counts} |", client.name(), of_client[0].version).unwrap();
    }
    for (number, client) in Client::ALL.into_iter().enumerate() {
        let of_client: Vec<&Ends> = found.iter().map(|place| &place[number]).collect();
        text.push_str(&table(client, &of_client));
    }
    text
}

/// The table of one client, with a row for each operation.
fn table(client: Client, places: &[&Ends]) -> String {
    let titles = Place::ALL.map(Place::title).join(" | ");
    let rule = "|---".repeat(Place::ALL.len());
    let mut text = format!(
        "\n### {} {}\n\n| operation | {titles} |\n|---{rule}|\n",
        client.name(),
        places[0].version
    );
    for operation in &places[0].operations {
        let cell = |ends: &&Ends| ends.of.get(operation).map_or("not tried".into(), End::cell);
        let cells: Vec<String> = places.iter().map(cell).collect();
        writeln!(text, "| {operation} | {} |", cells.join(" | ")).unwrap();
    }
    text
}

/// An operation that fails without the broker says nothing about the broker.
fn assert_works_directly(found: &[Ends]) {
    for (client, ends) in Client::ALL.into_iter().zip(found) {
        for (operation, end) in &ends.of {
            assert_eq!(*end, End::Passed, "{client:?}: {operation}, without the broker");
        }
    }
}

#[test]
fn each_client_does_what_the_document_says() {
    let _leftovers = Leftovers::begin();
    let kit = Kit::copy();
    let registry = Registry::start();
    let seats = Place::ALL.map(Seat::at);
    let found: Vec<Vec<Ends>> = thread::scope(|scope| {
        let (kit, registry) = (&kit, &registry);
        let running: Vec<_> =
            seats.iter().map(|seat| scope.spawn(move || measure(seat, kit, registry))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let tables = tables(&found);
    match TestedEngine::asked() {
        TestedEngine::Docker20 => expect("operations", &tables),
        // Errors have other words there, but the same operations work.
        TestedEngine::Docker28(_) => assert_eq!(verdicts_in(&tables), verdicts("operations")),
    }
    assert_works_directly(&found[0]);
}
