//! docs/clients.md: its tables between marks. The lists of the suites' failed tests
//! are in `tests/golden/suites`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// The lines of a table before its rows: an empty line, the titles and a rule.
const HEAD_LINES: usize = 3;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md")
}

/// The text before the section, the section, and the text after it.
fn parts(section: &str) -> [String; 3] {
    let text = fs::read_to_string(path()).unwrap();
    let begin = format!("<!-- {section}: begin -->\n");
    let end = format!("<!-- {section}: end -->\n");
    let (before, rest) = text.split_once(&begin).expect("docs/clients.md has no such mark");
    let (table, after) = rest.split_once(&end).expect("docs/clients.md has no such mark");
    [format!("{before}{begin}"), table.to_owned(), format!("{end}{after}")]
}

/// The text of a section.
pub(crate) fn section(name: &str) -> String {
    let [_, text, _] = parts(name);
    text
}

pub(crate) fn is_written() -> bool {
    std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite")
}

/// Writes the section with `SNAPSHOTS=overwrite`. Otherwise it stays: its facts differ between hosts.
pub(crate) fn note(section: &str, text: &str) {
    if is_written() {
        let [before, _, after] = parts(section);
        fs::write(path(), format!("{before}{text}{after}")).unwrap();
    }
}

/// Expects the section to be this text, or writes it with `SNAPSHOTS=overwrite`.
pub(crate) fn expect(section: &str, text: &str) {
    note(section, text);
    let [_, found, _] = parts(section);
    let differences =
        [missing(text, &found, "measured"), missing(&found, text, "document")].concat();
    assert!(found == text, "docs/clients.md, {section}:\n{differences}");
}

/// Expects the row of the section that starts so, or writes it with `SNAPSHOTS=overwrite`. The rows are sorted.
pub(crate) fn expect_row(section: &str, start: &str, row: &str) {
    let [_, table, _] = parts(section);
    let lines: Vec<&str> = table.lines().collect();
    if !is_written() {
        let found = lines.iter().find(|line| line.starts_with(start));
        assert_eq!(found, Some(&row), "docs/clients.md");
        return;
    }
    let (head, rows) = lines.split_at(HEAD_LINES);
    let mut rows: Vec<&str> =
        rows.iter().copied().filter(|line| !line.is_empty() && !line.starts_with(start)).collect();
    rows.push(row);
    rows.sort_unstable();
    note(section, &format!("{}\n{}\n\n", head.join("\n"), rows.join("\n")));
}

/// Expects the lines of a list, or writes it with `SNAPSHOTS=overwrite`.
pub(crate) fn expect_list(name: &str, list: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/suites").join(name);
    if is_written() {
        fs::write(&path, list).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differences = [missing(list, &found, "measured"), missing(&found, list, "list")].concat();
    assert!(differences.is_empty(), "{}:\n{differences}", path.display());
}

/// The lines that are not in `other`, each after `who`.
fn missing(lines: &str, other: &str, who: &str) -> String {
    let mut missing = String::new();
    for line in lines.lines().filter(|line| !other.lines().any(|known| known == *line)) {
        writeln!(missing, "{who}: {line}").unwrap();
    }
    missing
}
