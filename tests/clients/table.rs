//! The tables of the operations: a row for each operation of each client, a column for each place.

use std::fmt::Write as _;

use crate::client::Client;
use crate::place::Place;
use crate::result::{End, Ends};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    client: String,
    operation: String,
    cells: Vec<String>,
}

/// The rows of all clients. `found` has the clients of each place.
pub(crate) fn rows(found: &[Vec<Ends>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, client) in Client::ALL.into_iter().enumerate() {
        for operation in &found[0][number].operations {
            let cell = |place: &Vec<Ends>| {
                place[number].of.get(operation).map_or("not tried".into(), End::cell)
            };
            rows.push(Row {
                client: client.name().to_owned(),
                operation: operation.clone(),
                cells: found.iter().map(cell).collect(),
            });
        }
    }
    rows
}

fn head(first: &str) -> String {
    let titles = Place::ALL.map(Place::title).join(" | ");
    format!("| {first} | {titles} |\n|---{}|\n", "|---".repeat(Place::ALL.len()))
}

/// How many operations of each client work, and then the table of each client.
pub(crate) fn tables(rows: &[Row]) -> String {
    let of_client = |client: Client| rows.iter().filter(move |row| row.client == client.name());
    let mut text = format!("\n{}", head("client"));
    for client in Client::ALL {
        let count =
            |place: usize| of_client(client).filter(|row| row.cells[place] == "yes").count();
        let counts: Vec<String> =
            (0..Place::ALL.len()).map(|place| count(place).to_string()).collect();
        writeln!(text, "| {} | {} |", client.name(), counts.join(" | ")).unwrap();
    }
    for client in Client::ALL {
        write!(text, "\n### {}\n\n{}", client.name(), head("operation")).unwrap();
        for row in of_client(client) {
            writeln!(text, "| {} | {} |", row.operation, row.cells.join(" | ")).unwrap();
        }
    }
    text.push('\n');
    text
}

/// The rows of the tables that [`tables`] wrote.
pub(crate) fn read(tables: &str) -> Vec<Row> {
    let mut client = None;
    let mut rows = Vec::new();
    for line in tables.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            client = Some(heading.to_owned());
        } else if let (Some(client), Some(row)) = (&client, line.strip_prefix("| ")) {
            let mut cells = row.trim_end_matches(" |").split(" | ").map(str::to_owned);
            let operation = cells.next().unwrap();
            if operation != "operation" {
                rows.push(Row { client: client.clone(), operation, cells: cells.collect() });
            }
        }
    }
    rows
}

/// The table of the rows that are not in `other`.
pub(crate) fn differences(rows: &[Row], other: &[Row]) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|row| !other.contains(row)) {
        let Row { client, operation, cells } = row;
        writeln!(text, "| {client}: {operation} | {} |", cells.join(" | ")).unwrap();
    }
    if text.is_empty() {
        return "\nThe same operations work as on docker 20.10.\n\n".to_owned();
    }
    format!("\n{}{text}\n", head("operation"))
}

/// The versions of the clients, which differ between hosts.
pub(crate) fn versions(of: &[Ends]) -> String {
    let mut text = String::from("\n| client | version |\n|---|---|\n");
    for (client, ends) in Client::ALL.into_iter().zip(of) {
        writeln!(text, "| {} | {} |", client.name(), ends.version).unwrap();
    }
    text.push('\n');
    text
}

#[test]
fn the_tables_are_read_as_they_are_written() {
    let row = |client: Client, operation: &str, cell: &str| Row {
        client: client.name().to_owned(),
        operation: operation.to_owned(),
        cells: vec![cell.to_owned(); Place::ALL.len()],
    };
    let rows =
        [row(Client::DockerOfHost, "run", "yes"), row(Client::Curl, "build", "denied: devices")];
    assert_eq!(read(&tables(&rows)), rows);
    assert!(differences(&rows, &rows[..1]).contains("| curl: build | denied: devices |"));
    assert!(differences(&rows, &rows).contains("same operations"));
}
