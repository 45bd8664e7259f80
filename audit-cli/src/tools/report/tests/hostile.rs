//! Puts a hostile value into each field of the trail, one field after the other.

use std::collections::BTreeSet;

use super::log::{HOSTILE, hex, log};
use super::{Drawn, answer_of, check_page, drawn, kinds, options, output};
use crate::tools::report::output::Style;

/// A value that a program wrote without quotes.
const BARE: &str = "<script>alert(1)</script>";

/// A value that is no number, and a number that is too large.
const NUMBERS: [&str; 2] = ["-", "99999999999999999999999"];

/// What begins each line. Without it, a line is no record.
const HEAD: [&str; 2] = ["type", "msg"];

/// The name of a field, if the word is one. The first field of a message follows a quote.
fn name_of(word: &str) -> Option<(&str, &str)> {
    let begin = word.find('\'').filter(|_| word.starts_with("msg='")).map_or(0, |at| at + 1);
    let (name, _) = word.get(begin..)?.split_once('=')?;
    let is_name =
        !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || it == '-' || it == '_');
    (is_name && !HEAD.contains(&name)).then(|| (&word[..begin], name))
}

/// The names of all fields of the trail.
fn names() -> BTreeSet<String> {
    let log = log();
    log.split([' ', '\n', '\u{1d}']).filter_map(name_of).map(|(_, name)| name.to_owned()).collect()
}

/// The trail with this value in each field of this name.
fn replaced(name: &str, value: &str) -> String {
    let word = |word: &str| match name_of(word) {
        Some((begin, it)) if it == name => {
            let end = if word.ends_with('\'') { "'" } else { "" };
            format!("{begin}{name}={value}{end}")
        }
        _ => word.to_owned(),
    };
    let part = |part: &str| part.split(' ').map(word).collect::<Vec<_>>().join(" ");
    let line =
        |line: &str| line.split('\u{1d}').map(part).collect::<Vec<_>>().join("\u{1d}") + "\n";
    log().lines().map(line).collect()
}

/// The trail, once for each field and each hostile value of it, and once from a host with a hostile name.
pub(in super::super) fn variants() -> Vec<(String, String)> {
    let hostile = hex(HOSTILE.as_bytes());
    let mut variants = Vec::new();
    for name in names() {
        for value in [hostile.as_str(), BARE].into_iter().chain(NUMBERS) {
            variants.push((format!("{name}={value}"), replaced(&name, value)));
        }
    }
    let node = format!("node={BARE} ");
    let node = log().lines().flat_map(|line| [&node, line, "\n"]).collect();
    variants.push((format!("node={BARE}"), node));
    variants
}

#[test]
fn the_fields_that_a_caller_chooses_are_in_the_trail() {
    let names = names();
    for name in ["vm", "sw", "cmd", "cwd", "path", "name", "new-disk", "exe", "comm", "key", "UID"]
    {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn no_value_of_any_field_controls_the_terminal_or_ends_a_string() {
    for (what, text) in variants() {
        for kind in kinds() {
            let answer = answer_of(text.clone(), kind.as_ref(), &options());
            let shown = output::text(&answer, Style::default());
            let is_control = |letter: char| letter.is_control() && letter != '\n';
            assert!(!shown.contains(is_control) && !shown.contains('\u{202e}'), "{what}: {shown}");
            let json = output::json(&answer).unwrap();
            serde_json::from_str::<serde_json::Value>(&json).unwrap();
        }
    }
}

#[test]
fn no_value_of_any_field_becomes_a_part_of_the_page() {
    for (_, text) in variants() {
        let Drawn { page, .. } = drawn(text);
        check_page(&page);
    }
}

/// A number that is missing may hide who did something, but not that it was done, and what is missing.
#[test]
fn no_value_of_any_field_hides_a_loss() {
    let complete = Some(super::ReportKind::Complete);
    for (what, text) in variants() {
        let answer = answer_of(text, complete.as_ref(), &options());
        assert!(answer.is_incomplete, "{what}");
        let shown = output::text(&answer, Style::default());
        assert!(shown.contains("no records with the numbers 43 to 82"), "{what}: {shown}");
    }
}
