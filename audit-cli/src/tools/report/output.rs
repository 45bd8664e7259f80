//! Writes tables, as text or as JSON.

use audit_trail::Time;
use chrono::{DateTime, FixedOffset, Local, SecondsFormat};
use serde_json::{Map, Value};

use super::Answer;
use super::table::{Cell, Table};
use crate::report::visible;

/// The widest column that is padded, in characters. Wider cells push the rest of their row to the right.
const PADDED_LIMIT: usize = 60;

/// The answer for people. If the width is known, lines are cut to it.
pub(super) fn text(answer: &Answer, width: Option<usize>) -> String {
    let mut lines = Vec::new();
    for table in &answer.tables {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        add_table(table, &mut lines);
    }
    lines.iter().map(|line| cut(line.trim_end(), width) + "\n").collect()
}

fn add_table(table: &Table, lines: &mut Vec<String>) {
    lines.push(safe(&table.title));
    if table.rows.is_empty() {
        return;
    }
    let header = table.columns.iter().map(|name| (*name).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(header)
        .chain(table.rows.iter().map(|row| row.iter().map(shown).collect()))
        .collect();
    let widths: Vec<usize> = (0..table.columns.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widths = cells.map(|cell| cell.chars().count());
            widths.filter(|width| *width <= PADDED_LIMIT).max().unwrap_or(0)
        })
        .collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        lines.push(format!("  {}", cells.collect::<Vec<_>>().join("  ")));
    }
}

fn cut(line: &str, width: Option<usize>) -> String {
    match width.filter(|width| line.chars().count() > *width) {
        Some(width) => line.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        None => line.to_owned(),
    }
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => safe(text),
        Cell::Number(number) => number.to_string(),
        Cell::Time(time) => local(*time)
            .map_or_else(|| time.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string()),
        Cell::None => "-".to_owned(),
    }
}

/// The text with every character escaped that would control a terminal, or change the order in which the
/// letters of a line appear.
fn safe(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut safe = String::new();
    for letter in visible(text).chars() {
        if turns(letter) {
            safe.extend(letter.escape_unicode());
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// The time on this host's clock. Tests use UTC, so that they have the same result on every host.
pub(super) fn local(time: Time) -> Option<DateTime<FixedOffset>> {
    let milliseconds = i64::try_from(time.millis()).ok()?;
    let time = DateTime::from_timestamp_millis(milliseconds)?;
    Some(if cfg!(test) { time.fixed_offset() } else { time.with_timezone(&Local).fixed_offset() })
}

/// The answer as one JSON object. Each table is an array of objects, under the table's name. Times are in
/// RFC 3339.
///
/// # Errors
/// None is known.
pub(super) fn json(answer: &Answer) -> serde_json::Result<String> {
    let mut object = Map::new();
    for table in &answer.tables {
        let rows = table.rows.iter().map(|row| {
            let cells = table.columns.iter().zip(row);
            Value::Object(cells.map(|(name, cell)| (name.replace(' ', "_"), value(cell))).collect())
        });
        object.insert(table.name.to_owned(), rows.collect());
    }
    Ok(serde_json::to_string_pretty(&Value::Object(object))? + "\n")
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => text.as_str().into(),
        Cell::Number(number) => (*number).into(),
        Cell::Time(time) => local(*time)
            .map_or(Value::Null, |time| time.to_rfc3339_opts(SecondsFormat::Millis, false).into()),
        Cell::None => Value::Null,
    }
}
