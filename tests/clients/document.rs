//! docs/clients.md: its tables, between marks.

use std::fs;
use std::path::PathBuf;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md")
}

/// The text before the table, the table, and the text after it.
fn parts(section: &str) -> [String; 3] {
    let text = fs::read_to_string(path()).unwrap();
    let begin = format!("<!-- {section}: begin -->\n");
    let end = format!("<!-- {section}: end -->\n");
    let (before, rest) = text.split_once(&begin).expect("docs/clients.md has no such mark");
    let (table, after) = rest.split_once(&end).expect("docs/clients.md has no such mark");
    [format!("{before}{begin}"), table.to_owned(), format!("{end}{after}")]
}

/// Expects the section to be this text, or writes it with `SNAPSHOTS=overwrite`.
pub(crate) fn expect(section: &str, text: &str) {
    let [before, found, after] = parts(section);
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        fs::write(path(), format!("{before}{text}{after}")).unwrap();
        return;
    }
    let differences: Vec<String> = text
        .lines()
        .filter(|line| !found.lines().any(|other| other == *line))
        .map(|line| format!("measured: {line}"))
        .chain(
            found
                .lines()
                .filter(|line| !text.lines().any(|other| other == *line))
                .map(|line| format!("document: {line}")),
        )
        .collect();
    assert!(found == text, "docs/clients.md, {section}:\n{}", differences.join("\n"));
}

/// Whether each cell of the section passes, by the client with its version, the operation and the
/// column.
pub(crate) fn verdicts(section: &str) -> Vec<(String, String, Vec<bool>)> {
    let [_, table, _] = parts(section);
    verdicts_in(&table)
}

pub(crate) fn verdicts_in(table: &str) -> Vec<(String, String, Vec<bool>)> {
    let mut client = String::new();
    let mut found = Vec::new();
    for line in table.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            // Not the version, which differs between hosts.
            heading.rsplit_once(' ').map_or(heading, |(name, _)| name).clone_into(&mut client);
        } else if let Some(row) = line.strip_prefix("| ") {
            let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
            let verdicts = cells[1..].iter().map(|cell| *cell == "yes").collect();
            found.push((client.clone(), cells[0].to_owned(), verdicts));
        }
    }
    found
}
