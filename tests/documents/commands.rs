//! Lines of shell that the live tests do not run: what they name exists.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::markdown::{Block, all_blocks, root};

fn blocks_of(claim: &str) -> Vec<Block> {
    let blocks: Vec<Block> = all_blocks()
        .into_iter()
        .filter(|block| block.language == "sh" && block.claim == claim)
        .collect();
    assert!(!blocks.is_empty(), "no document has a block of `sh {claim}`");
    blocks
}

fn lines(block: &Block) -> Vec<String> {
    let text = block.text.replace("\\\n", " ");
    let lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn shell_in_documents_has_no_mistake_of_form() {
    for block in all_blocks().iter().filter(|block| block.language == "sh") {
        let output = Command::new("bash").args(["-n", "-c", &block.text]).output().unwrap();
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:{}: {problem}", block.document, block.line);
    }
}

/// `test-run`: `tests/run.sh` runs each of these lines itself.
#[test]
fn lines_of_the_checks_are_those_of_the_script() {
    let script = fs::read_to_string(root().join("tests/run.sh")).unwrap();
    let script = script.replace(" --quiet", "");
    for block in blocks_of("test-run") {
        for line in lines(&block) {
            let is_run = script.contains(&line.replace(" --quiet", ""));
            assert!(
                is_run,
                "{}:{}: tests/run.sh does not run `{line}`",
                block.document, block.line
            );
        }
    }
}

/// `preload`: tests/parity/programs.rs runs each of these programs with the library in place of libaudit.
#[test]
fn programs_with_the_library_preloaded_are_those_of_the_parity_tests() {
    let programs = fs::read_to_string(root().join("tests/parity/programs.rs")).unwrap();
    for block in blocks_of("preload") {
        for line in lines(&block) {
            let program = line.split(' ').find(|word| !word.contains('=')).unwrap_or_default();
            let is_run = programs.contains(&format!("case(&[\"{program}\""));
            assert!(is_run, "{}:{}: no test runs `{line}`", block.document, block.line);
        }
    }
}

/// `package`: the packages that these lines install are built, and `audit-docker` knows its commands.
#[test]
fn lines_about_packages_name_packages_and_commands_that_exist() {
    let script = fs::read_to_string(root().join("packaging/audit-docker")).unwrap();
    for block in blocks_of("package") {
        for line in lines(&block) {
            let words: Vec<&str> =
                line.split_whitespace().skip_while(|word| *word == "sudo").collect();
            let is_there = match words[0] {
                "audit-docker" => script.contains(&format!("\n{}) ", words[1])),
                "apt" | "dnf" => {
                    let file = words[2].trim_start_matches("./");
                    let name = file.split("_*").next().unwrap().split("-*").next().unwrap();
                    let control = format!("packaging/debian/{name}.control");
                    words[1] == "install" && root().join(control).exists()
                }
                _ => false,
            };
            assert!(is_there, "{}:{}: `{line}`", block.document, block.line);
        }
    }
}

/// `static`: commands that only a tier of their own can run, since they run or measure the whole project.
/// The programs, scripts, packages, tests, benches and features that they name exist.
#[test]
fn what_other_lines_name_exists() {
    for block in blocks_of("static") {
        for line in lines(&block) {
            if let Err(problem) = check(&line) {
                panic!("{}:{}: `{line}`: {problem}", block.document, block.line);
            }
        }
    }
}

fn check(line: &str) -> Result<(), String> {
    let words = line.split_whitespace().skip_while(|word| *word == "sudo" || word.contains('='));
    let words: Vec<&str> = words.collect();
    match words[0] {
        "cargo" => check_cargo(&words[1..]),
        program if program.contains('/') => check_script(program, &words[1..]),
        program => Err(format!("nobody checks what `{program}` does")),
    }
}

fn check_cargo(words: &[&str]) -> Result<(), String> {
    let package = words.iter().position(|word| ["-p", "--package"].contains(word));
    let manifest = package.map(|place| words[place + 1]).unwrap_or_default();
    let manifest = fs::read_to_string(root().join(manifest).join("Cargo.toml"))
        .map_err(|_| format!("there is no package `{manifest}`"))?;
    for pair in words.windows(2) {
        let is_there = match pair[0] {
            "--test" | "--bench" | "--example" => {
                manifest.contains(&format!("name = \"{}\"", pair[1]))
                    || root()
                        .join(words[package.unwrap_or(0) + 1])
                        .join("tests")
                        .join(format!("{}.rs", pair[1]))
                        .exists()
            }
            "--features" => manifest.contains(&format!("\n{} = [", pair[1])),
            _ => true,
        };
        if !is_there {
            return Err(format!("there is no {} {}", pair[0], pair[1]));
        }
    }
    Ok(())
}

/// An argument is a number, a path, or a word that the script or the name of a test contains. Brackets
/// enclose an argument that may be left out.
fn check_script(program: &str, words: &[&str]) -> Result<(), String> {
    let text =
        fs::read_to_string(root().join(program)).map_err(|_| format!("there is no `{program}`"))?;
    for word in words.iter().map(|word| word.trim_matches(['[', ']', '.'])) {
        let is_number = word.chars().all(|letter| letter.is_ascii_digit());
        let is_path = word.contains('/');
        if !is_number && !is_path && !text.contains(word) && !names_a_test(word) {
            return Err(format!("`{program}` does not know `{word}`"));
        }
    }
    Ok(())
}

fn names_a_test(word: &str) -> bool {
    let mut files = Vec::new();
    add_rust_files(&root().join("tests"), &mut files);
    files.iter().any(|file| {
        let text = fs::read_to_string(file).unwrap();
        text.lines().any(|line| line.trim_start().starts_with("fn ") && line.contains(word))
    })
}

pub(crate) fn add_rust_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                add_rust_files(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
