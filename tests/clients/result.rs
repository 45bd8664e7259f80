//! How an operation ended, as the programs print it and as a table shows it.

use std::collections::BTreeMap;

use crate::place::Place;
use crate::reason::Reason;

/// The most characters of an error that a failed test shows.
const SHOWN_LENGTH: usize = 600;

/// How the operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    /// The client's error, and the reason that it states.
    Failed(String, Option<Reason>),
}

impl End {
    pub(crate) fn failed(error: &str) -> Self {
        Self::Failed(shorten(error), Reason::of(error))
    }

    /// The cell of the table.
    pub(crate) fn cell(&self) -> String {
        match self {
            Self::Passed => "yes".to_owned(),
            Self::Failed(_, Some(reason)) => reason.to_string(),
            Self::Failed(error, None) => format!("**no**: {error}"),
        }
    }

    /// The error, if nothing may fail in this place with it.
    pub(crate) fn fault(&self, place: Place) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Failed(_, Some(reason)) if reason.may_occur(place) => None,
            Self::Failed(error, _) => Some(error),
        }
    }
}

/// One line, with no more of it than a table can hold.
pub(crate) fn shorten(error: &str) -> String {
    let line = error.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/");
    let line = line.replace(['`', '<', '>'], "'");
    match line.char_indices().nth(SHOWN_LENGTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What a client's program printed.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    pub(crate) version: String,
    /// The operations in their order.
    pub(crate) operations: Vec<String>,
    pub(crate) of: BTreeMap<String, End>,
}

impl Ends {
    /// Reads the lines `version TEXT`, `ok OPERATION` and `failed OPERATION: ERROR`.
    pub(crate) fn read(printed: &str) -> Self {
        let mut ends = Self::default();
        for line in printed.lines() {
            let (operation, end) = match line.split_once(' ') {
                Some(("version", version)) => {
                    version.clone_into(&mut ends.version);
                    continue;
                }
                Some(("ok", operation)) => (operation, End::Passed),
                Some(("failed", rest)) => {
                    let (operation, error) = rest.split_once(": ").unwrap_or((rest, "no error"));
                    (operation, End::failed(error))
                }
                _ => continue,
            };
            ends.operations.push(operation.to_owned());
            ends.of.insert(operation.to_owned(), end);
        }
        ends
    }
}

/// The text, with replacements for values that differ between runs.
pub(crate) fn general(text: &str, name: &str, registry: &str) -> String {
    let text = text.replace(name, "NAME").replace(registry, "REGISTRY");
    let mut general = String::new();
    let mut word = String::new();
    // An id, or a directory of a test.
    let end_word = |word: &mut String, general: &mut String| {
        let is_id = word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_directory = word.starts_with("tag") && word.bytes().any(|byte| byte == b'x');
        general.push_str(match () {
            () if is_id => "ID",
            () if is_directory && word.len() > 20 => "DIRECTORY",
            () => word,
        });
        word.clear();
    };
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
        } else {
            end_word(&mut word, &mut general);
            general.push(letter);
        }
    }
    end_word(&mut word, &mut general);
    general
}
