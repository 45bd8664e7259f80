//! The blocks, links and headings of the project's documents.
//!
//! This file knows as much of Markdown as the documents use. It runs nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A block of code between two fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The document, from the root of the project.
    pub(crate) document: String,
    /// The number of the line of the first fence, from 1.
    pub(crate) line: usize,
    /// The first word after the fence: `sh`, `console`.
    pub(crate) language: String,
    /// The second word, which says which test runs the block.
    pub(crate) claim: String,
    /// The words after that.
    pub(crate) options: Vec<String>,
    pub(crate) text: String,
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Every document of the project: its path from the root, and its text.
pub(crate) fn documents() -> Vec<(String, String)> {
    let mut found = Vec::new();
    add_documents(&root(), &mut found);
    found.sort();
    found
}

fn add_documents(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && name != "target" && !name.starts_with('.') {
            add_documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let shown = path.strip_prefix(root()).unwrap().display().to_string();
            found.push((shown, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The blocks of all documents.
pub(crate) fn all_blocks() -> Vec<Block> {
    documents().iter().flat_map(|(document, text)| blocks(document, text)).collect()
}

/// The blocks of a document. A block in a list is indented; its lines are given without that.
pub(crate) fn blocks(document: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut indent = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        match indent {
            None => {
                let Some(info) = trimmed.strip_prefix("```") else { continue };
                let mut words = info.split_whitespace().map(str::to_owned);
                blocks.push(Block {
                    document: document.to_owned(),
                    line: index + 1,
                    language: words.next().unwrap_or_default(),
                    claim: words.next().unwrap_or_default(),
                    options: words.collect(),
                    text: String::new(),
                });
                indent = Some(line.len() - trimmed.len());
            }
            Some(_) if trimmed == "```" => indent = None,
            Some(width) => {
                let block = blocks.last_mut().unwrap();
                block.text += line.get(width..).unwrap_or_default();
                block.text += "\n";
            }
        }
    }
    assert_eq!(indent, None, "{document}: a block has no end");
    blocks
}

/// The lines of a document outside of its blocks, with their numbers from 1.
pub(crate) fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut is_in_block = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_in_block = !is_in_block;
        } else if !is_in_block {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// The targets of the links in a line.
pub(crate) fn links(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1);
    targets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// The anchors of a document's headings, as forges make them.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter().filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
        })
        .collect()
}
