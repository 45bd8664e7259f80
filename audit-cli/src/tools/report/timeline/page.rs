//! Writes a page in HTML that loads nothing and runs nothing.

use std::fmt::Write;

use super::super::Answer;
use super::super::output::{safe, shown};
use super::super::table::{Cell, Table, Tone};

/// Most rows of a table in the page.
const ROW_LIMIT: usize = 5_000;

/// The policy is for the browser: no script runs, and nothing is loaded, whatever the page holds.
///
/// # Source
/// W3C, Content Security Policy Level 3, 3.3: the `meta` element.
const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Audit trail</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5em; color: #1b1b1b; background: #fff; }
h1 { font-size: 1.4em; } h2 { font-size: 1.05em; margin: 1.6em 0 .4em; }
.wide { overflow-x: auto; }
svg { width: 100%; min-width: 900px; height: auto; border: 1px solid #ccc; background: #fff; }
svg text { font: 10px system-ui, sans-serif; fill: #333; } .tick { stroke: #ddd; }
.gap { fill: #f3c6c6; } .deed { fill: #4a7ab5; } .access { fill: #d98200; }
.denied { fill: #b00020; } .unproven { fill: #000; }
.run { fill: #a9c4a4; } .open { fill: #5f9b56; }
.key span { display: inline-block; margin-right: 1.2em; }
.key i { display: inline-block; width: .8em; height: .8em; margin-right: .3em; }
table { border-collapse: collapse; width: 100%; min-width: 700px; }
th, td { text-align: left; vertical-align: top; padding: .2em .6em; border-bottom: 1px solid #ddd; }
td { overflow-wrap: anywhere; min-width: 6.5em; } th, td.time { white-space: nowrap; }
.warning { color: #8a5200; } .bad { color: #b00020; font-weight: 600; }
@media print {
  body { margin: 0; font-size: 10px; } svg, table { min-width: 0; }
  .wide { overflow: visible; } tr { break-inside: avoid; } h2 { break-after: avoid; }
  .key i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
</style>
</head>
<body>
";

const KEY: &str = "<p class=\"key\">\
<span><i style=\"background:#4a7ab5\"></i>deed</span>\
<span><i style=\"background:#d98200\"></i>access to the host</span>\
<span><i style=\"background:#b00020\"></i>denied</span>\
<span><i style=\"background:#000\"></i>not the broker's record</span>\
<span><i style=\"background:#a9c4a4\"></i>container ran</span>\
<span><i style=\"background:#5f9b56\"></i>no end on record</span>\
<span><i style=\"background:#f3c6c6\"></i>missing events</span></p>
";

/// The page: the chart, if there is one, and the tables.
pub(super) fn page(chart: Option<&str>, answer: &Answer, left_out: u64) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("<h1>Audit trail</h1>\n");
    if let Some(chart) = chart {
        page.push_str(KEY);
        page.extend(["<div class=\"wide\">\n", chart, "</div>\n"]);
    }
    if left_out > 0 {
        let _ = writeln!(page, "<p>Deeds that are not in the chart: {left_out}.</p>");
    }
    for table in &answer.tables {
        add(table, &mut page);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn add(table: &Table, page: &mut String) {
    page.extend(["<h2>", &escaped(&table.title), "</h2>\n"]);
    if table.rows.is_empty() {
        return;
    }
    page.push_str("<div class=\"wide\">\n<table>\n<tr>");
    for column in table.columns {
        page.extend(["<th>", &escaped(column), "</th>"]);
    }
    page.push_str("</tr>\n");
    for row in table.rows.iter().take(ROW_LIMIT) {
        page.push_str("<tr>");
        for cell in row {
            let (tone, text) = shown(cell);
            let class = match tone {
                Tone::Plain if matches!(cell, Cell::Time(_)) => " class=\"time\"",
                Tone::Plain | Tone::Heading => "",
                Tone::Warning => " class=\"warning\"",
                Tone::Bad => " class=\"bad\"",
            };
            page.extend(["<td", class, ">", &escaped(&text), "</td>"]);
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n</div>\n");
    if let Some(more) = table.rows.len().checked_sub(ROW_LIMIT).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p>Rows that are not shown: {more}.</p>");
    }
}

/// The text for the content of an element or the value of an attribute in double quotes.
///
/// # Source
/// WHATWG, HTML, 13.3: "escaping a string".
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in safe(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
