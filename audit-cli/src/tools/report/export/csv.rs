//! A table for spreadsheets.

use serde_json::Value;

use super::super::output::safe;
use super::Subject;
use super::native;

/// The columns: keys of the documents in JSON.
const COLUMNS: [&str; 39] = [
    "time",
    "ended",
    "host",
    "who",
    "words",
    "outcome",
    "reason",
    "access",
    "action",
    "recorder",
    "exit",
    "automatic",
    "permitted_by",
    "would_deny",
    "kind",
    "user",
    "auid",
    "uid",
    "session",
    "pid",
    "exe",
    "terminal",
    "cgroup",
    "caller_container",
    "caller_image",
    "container",
    "container_id",
    "container_pid",
    "image",
    "volume",
    "network",
    "command",
    "directory",
    "path",
    "account",
    "name",
    "calls",
    "given",
    "wrapper_command",
];

pub(super) fn header() -> String {
    COLUMNS.join(",") + "\r\n"
}

/// # Source
/// RFC 4180.
pub(super) fn row(subject: &Subject<'_>) -> String {
    let document = native::document(subject);
    let cells = COLUMNS.map(|column| cell(&plain(document.get(column))));
    cells.join(",") + "\r\n"
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null | Value::Object(_)) => String::new(),
        Some(Value::Bool(it)) => it.to_string(),
        Some(Value::Number(it)) => it.to_string(),
        Some(Value::String(it)) => it.clone(),
        Some(Value::Array(values)) => {
            let values: Vec<String> = values.iter().map(|value| plain(Some(value))).collect();
            values.join("; ")
        }
    }
}

/// A cell. Control characters are escaped, so that each row is one line.
///
/// A spreadsheet runs a cell that begins like a formula. It shows an apostrophe at the beginning as text.
///
/// # Source
/// OWASP, "CSV Injection".
fn cell(text: &str) -> String {
    let text = safe(text);
    let is_number = text.parse::<i64>().is_ok();
    let is_formula = text.starts_with(['=', '+', '-', '@']) && !is_number;
    let text = if is_formula { format!("'{text}") } else { text };
    if text.contains([',', '"', '\'', '\r', '\n', ' ']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_runs_or_ends_early() {
        for (text, expected) in [
            ("web", "web"),
            ("-3", "-3"),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-v /:/host", "\"'-v /:/host\""),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
