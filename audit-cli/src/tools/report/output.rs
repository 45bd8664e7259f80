//! Writes tables, as text or as JSON.

use audit_trail::Time;
use chrono::{DateTime, FixedOffset, Local, SecondsFormat};
use serde_json::{Map, Value};

use super::Answer;
use super::table::{Cell, Table, Tone};
use crate::report::visible;

/// The widest column that is padded, in characters. Wider cells push the rest of their row to the right.
const PADDED_LIMIT: usize = 60;

/// How lines look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// Lines are cut to this width, in columns.
    pub(super) width: Option<usize>,
    pub(super) has_colour: bool,
}

/// A text of one tone, without control characters.
pub(super) type Span = (Tone, String);

/// The answer for people.
pub(super) fn text(answer: &Answer, style: Style) -> String {
    let mut lines: Vec<Vec<Span>> = Vec::new();
    for table in &answer.tables {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        add_table(table, &mut lines);
    }
    lines.into_iter().map(|line| painted(cut(line, style.width), style) + "\n").collect()
}

fn add_table(table: &Table, lines: &mut Vec<Vec<Span>>) {
    lines.push(vec![(Tone::Heading, safe(&table.title))]);
    if table.rows.is_empty() {
        return;
    }
    let header = table.columns.iter().map(|name| (Tone::Heading, (*name).to_owned())).collect();
    let rows: Vec<Vec<Span>> = std::iter::once(header)
        .chain(table.rows.iter().map(|row| row.iter().map(shown).collect()))
        .collect();
    let widths: Vec<usize> = (0..table.columns.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widths = cells.map(|(_, cell)| cell.chars().count());
            widths.filter(|width| *width <= PADDED_LIMIT).max().unwrap_or(0)
        })
        .collect();
    for row in rows {
        let cells = row.into_iter().zip(&widths);
        let line = cells.map(|((tone, cell), width)| (tone, format!("  {cell:<width$}")));
        lines.push(line.collect());
    }
}

/// The line without spaces at its end, cut to the width.
fn cut(mut line: Vec<Span>, width: Option<usize>) -> Vec<Span> {
    while let Some((_, last)) = line.last_mut() {
        last.truncate(last.trim_end().len());
        if !last.is_empty() {
            break;
        }
        line.pop();
    }
    let length: usize = line.iter().map(|(_, span)| span.chars().count()).sum();
    let Some(width) = width.filter(|width| length > *width) else { return line };
    let mut left = width.saturating_sub(1);
    for (_, span) in &mut line {
        *span = span.chars().take(left).collect();
        left -= span.chars().count();
    }
    line.push((Tone::Plain, "…".to_owned()));
    line
}

/// # Source
/// `console_codes(4)`, ECMA-48 SGR: 1 is bold, 31 red, 33 brown or yellow, 0 ends all.
fn painted(line: Vec<Span>, style: Style) -> String {
    let mut painted = String::new();
    for (tone, span) in line {
        let code = match tone {
            _ if !style.has_colour || span.trim().is_empty() => "",
            Tone::Plain => "",
            Tone::Heading => "1",
            Tone::Warning => "33",
            Tone::Bad => "1;31",
        };
        if code.is_empty() {
            painted.push_str(&span);
        } else {
            painted.extend(["\u{1b}[", code, "m", &span, "\u{1b}[0m"]);
        }
    }
    painted
}

/// The text of a cell, without control characters.
pub(super) fn shown(cell: &Cell) -> Span {
    match cell {
        Cell::Text(tone, text) => (*tone, safe(text)),
        Cell::Number(number) => (Tone::Plain, number.to_string()),
        Cell::Time(time) => (Tone::Plain, minute_and_second(*time)),
        Cell::None => (Tone::Plain, "-".to_owned()),
    }
}

/// The time on this host's clock, to the second.
pub(super) fn minute_and_second(time: Time) -> String {
    local(time)
        .map_or_else(|| time.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// The text with every character escaped that would control a terminal, or change the order in which the
/// letters of a line appear.
pub(super) fn safe(text: &str) -> String {
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
        Cell::Text(_, text) => text.as_str().into(),
        Cell::Number(number) => (*number).into(),
        Cell::Time(time) => local(*time)
            .map_or(Value::Null, |time| time.to_rfc3339_opts(SecondsFormat::Millis, false).into()),
        Cell::None => Value::Null,
    }
}
