//! Tables and shown texts that repeat what the code says.

use std::collections::BTreeMap;
use std::fs;

use audit_host::danger::Danger;

use crate::commands::add_rust_files;
use crate::markdown::{Block, all_blocks, root};

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn blocks_of(claim: &str) -> Vec<Block> {
    all_blocks().into_iter().filter(|block| block.claim.split('=').next() == Some(claim)).collect()
}

/// The rows of the tables of a document: the cells of each, without their marks.
fn rows(path: &str) -> Vec<Vec<String>> {
    let text = read(path);
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.map(|row| {
        let cells = row.trim_matches(['|', ' ']).split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    })
    .collect()
}

#[test]
fn a_golden_block_is_its_file() {
    for block in blocks_of("golden") {
        let (_, file) = block.claim.split_once('=').unwrap();
        assert_eq!(block.text, read(file), "{}:{}", block.document, block.line);
    }
}

/// A golden file shows what the broker answers to the request, so the test of the file has it.
#[test]
fn a_request_is_one_that_a_golden_test_makes() {
    let mut files = Vec::new();
    add_rust_files(&root().join("audit-broker/src"), &mut files);
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for block in blocks_of("request") {
        let is_made = texts.iter().any(|text| text.contains(&block.text));
        assert!(is_made, "{}:{}", block.document, block.line);
    }
}

/// The line has the form of [`audit_host::journal`], for the command that README.md shows.
#[test]
fn the_journal_line_is_of_the_command_in_the_readme() {
    let readme = read("README.md");
    let (_, command) = readme.split_once("$ audit-cli docker ").unwrap();
    let (arguments, _) = command.split_once('\n').unwrap();
    let line = format!(
        "audit-cli[2601]: {:>8} : TTY=pts/3 ; PWD=/home/dwalsh/docker ; USER=dwalsh ; \
         COMMAND=/usr/bin/docker {arguments}\n",
        "dwalsh"
    );
    for block in blocks_of("journal") {
        assert_eq!(block.text, line);
    }
}

/// The keys of docker's settings that the programs look at, or that a document explains.
#[test]
fn settings_of_dockerd_are_json_with_known_keys() {
    for block in blocks_of("daemon") {
        let settings: serde_json::Value = serde_json::from_str(&block.text).unwrap();
        for key in settings.as_object().unwrap().keys() {
            let is_known = ["seccomp-profile", "userns-remap", "icc"].contains(&key.as_str());
            assert!(is_known, "{}:{}: {key}", block.document, block.line);
        }
    }
}

/// A diagram of the broker's rooms shows each once, and no other.
#[test]
fn diagrams_show_the_rooms_that_are_there() {
    let mut rooms: Vec<String> = fs::read_dir(root().join("audit-broker/src"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| format!("{}/", entry.file_name().to_string_lossy()))
        .collect();
    rooms.sort();
    for block in blocks_of("tree").into_iter().chain(blocks_of("rooms")) {
        let words = block
            .text
            .split(|letter: char| !(letter.is_ascii_lowercase() || "/_".contains(letter)));
        let shown = words.filter(|word| word.ends_with('/') && word.len() > 1);
        let mut shown: Vec<String> = shown.map(str::to_owned).collect();
        shown.sort();
        shown.dedup();
        assert_eq!(shown, rooms, "{}:{}", block.document, block.line);
    }
}

#[test]
fn every_setting_of_the_broker_stands_with_its_default() {
    let rows = rows("docs/operations.md");
    let example = read("examples/audit-broker.toml");
    let (settings, levels) = example.split_once("#[levels]").unwrap();
    let lines = settings.lines().filter_map(|line| line.strip_prefix('#'));
    let mut count = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(" = ")) {
        if name.contains(' ') || name.is_empty() {
            continue;
        }
        count += 1;
        let row = [format!("`{name}`"), format!("`{value}`")];
        let is_there = rows.iter().any(|cells| cells.len() == 3 && cells[..2] == row);
        assert!(is_there, "docs/operations.md has no row {row:?}");
    }
    assert!(count >= 19, "{count}");
    for (class, level) in
        levels.lines().filter_map(|line| line.strip_prefix('#')?.split_once(" = "))
    {
        let is_there = rows.iter().any(|cells| {
            cells.len() == 2
                && cells[0] == format!("`{level}`")
                && cells[1].split(", ").any(|name| name == format!("`{class}`"))
        });
        assert!(is_there, "docs/operations.md does not say {class} = {level}");
    }
}

#[test]
fn every_setting_of_the_wrapper_stands_in_its_table() {
    let source = read("audit-cli/src/settings.rs");
    let (_, fields) = source.split_once("pub(crate) struct Settings {").unwrap();
    let (fields, _) = fields.split_once("\n}").unwrap();
    let rows = rows("docs/operations.md");
    for field in fields.split("pub(crate) ").skip(1) {
        let name = format!("`{}`", field.split(':').next().unwrap());
        assert!(rows.iter().any(|cells| cells[0] == name), "docs/operations.md has no row {name}");
    }
    let (_, words) = source.split_once("SECRET_NAMES: ").unwrap();
    let (_, words) = words.split_once("= [").unwrap();
    let (words, _) = words.split_once(']').unwrap();
    let words: Vec<&str> =
        words.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let default = format!("`[{}]`", words.join(", "));
    assert!(rows.iter().any(|cells| cells.get(1) == Some(&default)), "no row has {default}");
}

#[test]
fn every_danger_stands_in_the_table_of_policies() {
    let rows: BTreeMap<String, Vec<String>> =
        rows("docs/policies.md").into_iter().map(|cells| (cells[0].clone(), cells)).collect();
    for danger in Danger::ALL {
        let name = format!("`{}`", danger.name());
        let row = rows.get(&name).unwrap_or_else(|| panic!("docs/policies.md has no row {name}"));
        let word = if danger.gives_host_access() { "host" } else { "ordinary" };
        assert_eq!(row[2].split(';').next(), Some(word), "{name}");
    }
}

/// A path of a file is one of the project, or of the broker's source.
#[test]
fn files_that_the_life_of_a_request_names_exist() {
    let text = read("docs/life-of-a-request.md");
    let files = text.split('`').skip(1).step_by(2).filter_map(|word| word.strip_suffix(".rs"));
    for file in files {
        let is_there = [root().join("audit-broker/src"), root()]
            .iter()
            .any(|directory| directory.join(format!("{file}.rs")).exists());
        assert!(is_there, "docs/life-of-a-request.md: there is no {file}.rs");
    }
}
