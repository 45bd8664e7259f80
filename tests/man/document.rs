//! Manual pages of files and of policies, written from documents in Markdown.
//!
//! This file knows as much of Markdown as the documents use.

pub(crate) mod mdoc;

use mdoc::{inline, literal, paragraph, terms};

/// The text of a document from the heading on, without the heading, up to the next one of its level.
pub(crate) fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let level = heading.split(' ').next().unwrap();
    let start = text.find(&format!("\n{heading}\n")).unwrap() + heading.len() + 2;
    let end = text[start..].find(&format!("\n{level} ")).map_or(text.len(), |end| start + end + 1);
    &text[start..end]
}

/// The document in mdoc. Its title is left out.
pub(crate) fn rendered(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("<!--")).collect();
    blocks(&lines)
}

fn blocks(lines: &[&str]) -> String {
    let mut page = String::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let count = length(&lines[at..]);
        let block = &lines[at..at + count];
        let text = one_block(line, block);
        // A request at the beginning of a section needs no space before it.
        let is_after_heading = page.lines().last().is_none_or(|line| line.starts_with(".S"));
        let is_heading = text.starts_with(".S");
        let is_list = text.starts_with(".Bl") || text.starts_with(".Bd");
        if !text.is_empty() && !is_heading && !is_after_heading && !is_list {
            page += ".Pp\n";
        }
        page += &text;
        at += count;
    }
    page
}

fn one_block(line: &str, block: &[&str]) -> String {
    if line.trim().is_empty() || line.starts_with("# ") {
        String::new()
    } else if let Some(title) = line.strip_prefix("### ") {
        format!(".Ss {}\n", inline(title))
    } else if let Some(title) = line.strip_prefix("## ") {
        format!(".Sh {}\n", inline(&title.to_uppercase()))
    } else if line.starts_with("```") {
        literal(&block[1..block.len() - 1])
    } else if line.starts_with('|') {
        table(block)
    } else if line.starts_with("> ") {
        let lines: Vec<&str> = block.iter().map(|line| line.trim_start_matches("> ")).collect();
        format!(".Bd -filled -offset indent\n{}.Ed\n", paragraph(&lines.join(" ")))
    } else if marker(line).is_some() {
        list(block)
    } else {
        paragraph(&block.join(" "))
    }
}

/// How many lines the block has that begins with the first.
fn length(lines: &[&str]) -> usize {
    let line = lines[0];
    let is_same = |ahead: &&str, test: &dyn Fn(&str) -> bool| test(ahead);
    let count = |test: &dyn Fn(&str) -> bool| {
        1 + lines[1..].iter().take_while(|ahead| is_same(ahead, test)).count()
    };
    if line.trim().is_empty() || line.starts_with('#') {
        1
    } else if line.starts_with("```") {
        count(&|ahead| ahead != "```") + 1
    } else if line.starts_with('|') || line.starts_with("> ") {
        count(&|ahead| ahead.starts_with(&line[..1]))
    } else if marker(line).is_some() {
        let mut is_inside = 1;
        for (index, ahead) in lines.iter().enumerate().skip(1) {
            let goes_on = ahead.starts_with("  ") || marker(ahead).is_some();
            if goes_on {
                is_inside = index + 1;
            } else if !ahead.trim().is_empty() {
                break;
            }
        }
        is_inside
    } else {
        count(&|ahead| {
            !ahead.trim().is_empty() && !ahead.starts_with("```") && marker(ahead).is_none()
        })
    }
}

/// The width of the mark of a list item: `- ` or `1. `.
fn marker(line: &str) -> Option<usize> {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    if line.starts_with("- ") {
        Some(2)
    } else if digits > 0 && line[digits..].starts_with(". ") {
        Some(digits + 2)
    } else {
        None
    }
}

fn list(block: &[&str]) -> String {
    // A list of links to the headings of the document is of no use in a page.
    if block.iter().all(|line| line.starts_with("- [") && line.contains("](#")) {
        return String::new();
    }
    let kind = if block[0].starts_with("- ") { "-bullet" } else { "-enum" };
    let mut items = String::new();
    let mut at = 0;
    while at < block.len() {
        let width = marker(block[at]).unwrap();
        let more = block[at + 1..].iter().take_while(|line| marker(line).is_none()).count();
        let own = &block[at..=at + more];
        let own: Vec<&str> = own.iter().map(|line| line.get(width..).unwrap_or_default()).collect();
        items += ".It\n";
        items += &blocks(&own);
        at += more + 1;
    }
    format!(".Bl {kind} -width Ds\n{items}.El\n")
}

fn cells(row: &str) -> Vec<String> {
    let inside = row.trim().trim_start_matches('|').trim_end_matches('|');
    inside.split(" | ").map(|cell| cell.trim().to_owned()).collect()
}

/// Two to four columns become a list of terms, more of them stay a table.
fn table(block: &[&str]) -> String {
    let titles = cells(block[0]);
    let rows: Vec<Vec<String>> = block[2..].iter().map(|row| cells(row)).collect();
    if titles.len() > 4 {
        return wide_table(&titles, &rows);
    }
    let entries: Vec<(String, String)> = rows
        .iter()
        .map(|row| {
            let text: Vec<String> = titles.iter().zip(row).skip(1).map(described).collect();
            (inline(&row[0]), text.join(".br\n"))
        })
        .collect();
    terms(&entries)
}

/// A cell below its title. The last column of most tables explains the first, and needs no title.
fn described((title, cell): (&String, &String)) -> String {
    let is_plain = ["", "meaning", "when", "answer"].contains(&title.as_str());
    let shown =
        if is_plain { cell.clone() } else { format!("{title}: {cell}.").replace("..", ".") };
    paragraph(&shown)
}

fn wide_table(titles: &[String], rows: &[Vec<String>]) -> String {
    let all: Vec<&[String]> =
        std::iter::once(titles).chain(rows.iter().map(Vec::as_slice)).collect();
    let width = |column: usize| all.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let lines: Vec<String> = all
        .iter()
        .map(|row| {
            let cells = row.iter().enumerate();
            let cells = cells.map(|(at, cell)| format!("{cell:<0$}", width(at).unwrap_or(0)));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    literal(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}
