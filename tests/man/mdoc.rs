//! Text in the language of manual pages, mdoc(7).
//!
//! This file knows the language. It does not know what a page is made from.

use std::fs;
use std::path::Path;

/// The date of the pages. Change it with their text.
const DATE: &str = "November 30, 2026";

/// The longest line of a text before its marks and escapes, which make it longer. `mandoc -T lint`
/// permits 80.
const WIDTH: usize = 64;

/// The beginning of a page, up to its first section.
pub(crate) fn head(name: &str, section: u8, description: &str) -> String {
    format!(
        ".\\\" A test writes this page from the help texts and documents: tests/man.\n\
         .Dd {DATE}\n.Dt {} {section}\n.Os\n.Sh NAME\n.Nm {name}\n.Nd {}\n",
        name.to_uppercase(),
        inline(&first_lower(description.trim_end_matches('.'))),
    )
}

fn first_lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().collect::<String>() + letters.as_str()
    })
}

/// A paragraph: one line for each sentence, broken where it is long.
pub(crate) fn paragraph(text: &str) -> String {
    let words = text.split_whitespace();
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words {
        if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
        if word.trim_end_matches(['`', '*', ')']).ends_with(['.', '?', '!', ':'])
            && !word.ends_with("...")
        {
            lines.push(std::mem::take(&mut line));
        }
    }
    lines.push(line);
    // Fonts of a span reach over its lines, so the whole is rendered at once.
    let rendered = inline(&lines.join("\n"));
    let lines = rendered.lines().filter(|line| !line.is_empty());
    lines.map(|line| protected(line) + "\n").collect()
}

/// Lines that stay as they are.
pub(crate) fn literal(lines: &[&str]) -> String {
    let shown = lines.iter().map(|line| protected(&code(line)) + "\n");
    format!(".Bd -literal -offset indent\n{}.Ed\n", shown.collect::<String>())
}

/// A list of terms, each with the text that explains it.
pub(crate) fn terms(entries: &[(String, String)]) -> String {
    let entries = entries.iter().map(|(term, text)| format!(".It {}\n{text}", term.trim()));
    format!(".Bl -tag -width Ds\n{}.El\n", entries.collect::<String>())
}

/// Text with the marks of Markdown: code, bold and links.
pub(crate) fn inline(text: &str) -> String {
    let mut rendered = String::new();
    for (index, part) in without_links(text).split('`').enumerate() {
        if index % 2 == 1 {
            rendered += "\\fB";
            rendered += &code(part);
            rendered += "\\fP";
        } else {
            rendered += &plain(part);
        }
    }
    rendered
}

/// Text between spans of code.
fn plain(text: &str) -> String {
    let mut rendered = String::new();
    for (index, part) in escaped(text).split("**").enumerate() {
        rendered += if index % 2 == 1 { "\\fB" } else { "" };
        rendered += part;
        rendered += if index % 2 == 1 { "\\fP" } else { "" };
    }
    rendered
}

/// The words of each link, with the address if that is on the web.
fn without_links(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(middle) = text.find("](") {
        let (Some(start), Some(end)) = (text[..middle].rfind('['), text[middle..].find(')')) else {
            break;
        };
        let target = &text[middle + 2..middle + end];
        let address = if target.contains("://") { format!(" ({target})") } else { String::new() };
        let words = &text[start + 1..middle];
        text = format!("{}{words}{address}{}", &text[..start], &text[middle + end + 1..]);
    }
    text
}

/// Text that a reader copies: a dash stays a dash.
fn code(text: &str) -> String {
    escaped(text).replace('-', "\\-")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\\' => escaped += "\\e",
            '\'' => escaped += "\\(aq",
            '^' => escaped += "\\(ha",
            '~' => escaped += "\\(ti",
            '´' => escaped += "\\(aa",
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A line that begins with a dot would be a request.
fn protected(line: &str) -> String {
    if line.starts_with('.') { format!("\\&{line}") } else { line.to_owned() }
}

/// Compares the page with its file, or writes the file if `SNAPSHOTS=overwrite`.
pub(crate) fn check(file: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/man").join(file);
    if std::env::var("SNAPSHOTS").is_ok_and(|mode| mode == "overwrite") {
        fs::write(&path, page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "packaging/man/{file} is not what the help and the documents say; run the test with \
         SNAPSHOTS=overwrite"
    );
}
