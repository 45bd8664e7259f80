//! The documents hold: each block is run or checked by a test, each link leads somewhere, and each
//! table that repeats what the code says agrees with it.
//!
//! The word after a block's language is its claim. [`CLAIMS`] says which test checks it.

#![cfg(test)]

#[path = "documents/commands.rs"]
mod commands;
#[path = "documents/corpus.rs"]
mod corpus;
#[path = "documents/man.rs"]
mod man;
#[path = "documents/markdown.rs"]
mod markdown;
#[path = "documents/tables.rs"]
mod tables;

use std::fs;

use markdown::{all_blocks, anchors, documents, links, prose, root};

/// The language and the claim of a block, and the file whose tests check all blocks of that kind.
const CLAIMS: [(&str, &str, &str); 20] = [
    ("console", "wrapper", "tests/live/documents.rs"),
    ("console", "key", "tests/live/documents.rs"),
    ("sh", "install", "tests/broker/installation.rs"),
    ("console", "broker", "tests/broker/documents.rs"),
    ("console", "broker-admin", "tests/broker/documents.rs"),
    ("console", "recipe", "tests/broker/documents.rs"),
    ("cedar", "recipe", "tests/broker/documents.rs"),
    ("cedar", "policy", "tests/broker/documents.rs"),
    ("sh", "package", "tests/documents/commands.rs"),
    ("sh", "capi", "tests/capi/install.rs"),
    ("sh", "preload", "tests/documents/commands.rs"),
    ("sh", "static", "tests/documents/commands.rs"),
    ("sh", "test-run", "tests/documents/commands.rs"),
    ("text", "golden", "tests/documents/tables.rs"),
    ("text", "journal", "tests/documents/tables.rs"),
    ("text", "tree", "tests/documents/tables.rs"),
    ("http", "request", "tests/documents/tables.rs"),
    ("json", "daemon", "tests/documents/tables.rs"),
    ("mermaid", "rooms", "tests/documents/tables.rs"),
    ("rust,no_run", "doctest", "audit-core/src/lib.rs"),
];

#[test]
fn a_test_claims_each_block_of_each_document() {
    for block in all_blocks() {
        // A block may add a value of its own after `=`: `golden=FILE`.
        let claim = block.claim.split('=').next().unwrap_or_default();
        let is_claimed =
            CLAIMS.iter().any(|(language, word, _)| *language == block.language && *word == claim);
        assert!(
            is_claimed,
            "{}:{}: no test claims a block of `{} {claim}`; tests/documents.rs lists the claims",
            block.document, block.line, block.language
        );
    }
}

#[test]
fn the_test_that_claims_a_block_exists() {
    let used = all_blocks();
    for (language, claim, file) in CLAIMS {
        let of_kind = |block: &&markdown::Block| {
            block.language == language && block.claim.split('=').next() == Some(claim)
        };
        if used.iter().any(|block| of_kind(&block)) {
            let test = fs::read_to_string(root().join(file)).unwrap();
            assert!(
                test.contains(&format!("\"{claim}\""))
                    || test.contains(&format!("({claim})"))
                    || test.contains(&format!("`sh {claim}`")),
                "{file} does not know `{claim}`"
            );
        }
    }
}

/// An indented block has no language, so no test would find it.
#[test]
fn no_block_is_indented_instead_of_fenced() {
    for (document, text) in documents() {
        let mut is_after_blank = true;
        for (number, line) in prose(&text) {
            let is_code = is_after_blank && line.starts_with("    ");
            assert!(!is_code, "{document}:{number}: put the block between fences");
            is_after_blank = line.trim().is_empty();
        }
    }
}

#[test]
fn each_link_leads_somewhere() {
    for (document, text) in documents() {
        let directory = root().join(&document).parent().unwrap().to_owned();
        for (number, line) in prose(&text) {
            for link in links(line).into_iter().filter(|link| !link.contains("://")) {
                let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target =
                    if path.is_empty() { root().join(&document) } else { directory.join(path) };
                assert!(target.exists(), "{document}:{number}: {link}: there is no such file");
                if !anchor.is_empty() {
                    let headings = anchors(&fs::read_to_string(&target).unwrap());
                    assert!(
                        headings.contains(anchor),
                        "{document}:{number}: {link}: no such heading"
                    );
                }
            }
        }
    }
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 90, "README.md has {lines} lines");
}

/// Each document of docs/ is found from the README.
#[test]
fn the_readme_leads_to_every_document() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (document, _) in documents() {
        let is_page = document.starts_with("docs/") || !document.contains('/');
        let is_linked = readme.contains(&format!("({document})")) || document == "README.md";
        assert!(!is_page || is_linked, "README.md has no link to {document}");
    }
}
