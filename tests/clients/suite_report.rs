//! How each test of a suite ended, from what the suite's own runner reports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::host::text;
use crate::result::End;

/// How each test ended. Tests that the suite itself skips are not in it.
pub(crate) type Tests = BTreeMap<String, End>;

/// Adds a test. Of several with one name, the one that failed stays.
fn add(tests: &mut Tests, name: String, end: End) {
    match end {
        End::Passed => _ = tests.entry(name).or_insert(End::Passed),
        End::Failed(..) => _ = tests.insert(name, end),
    }
}

/// The tests, if there are any.
fn not_empty(tests: Tests, output: &Output) -> Tests {
    assert!(!tests.is_empty(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    tests
}

/// What pytest prints with `-rA`, without the prefix of the names.
pub(crate) fn pytest(output: &Output, prefix: &str) -> Tests {
    let mut tests = Tests::new();
    for line in text(&output.stdout).lines() {
        let Some((word, rest)) = line.split_once(' ') else { continue };
        let (name, error) = rest.split_once(" - ").unwrap_or((rest, "no error"));
        let Some(name) = name.strip_prefix(prefix) else { continue };
        match word {
            // A test can pass, and an error follow when its objects are removed.
            "PASSED" => add(&mut tests, name.to_owned(), End::Passed),
            "FAILED" | "ERROR" => add(&mut tests, name.to_owned(), End::failed(error)),
            _ => (),
        }
    }
    not_empty(tests, output)
}

/// What the test programs of Rust print.
pub(crate) fn rust(output: &Output) -> Tests {
    let printed = text(&output.stdout);
    let mut tests = Tests::new();
    for line in printed.lines() {
        let Some(test) = line.strip_prefix("test ") else { continue };
        let Some((name, end)) = test.split_once(" ... ") else { continue };
        match end {
            "ok" => add(&mut tests, name.to_owned(), End::Passed),
            "FAILED" => add(&mut tests, name.to_owned(), End::failed(&said(&printed, name))),
            _ => (),
        }
    }
    not_empty(tests, output)
}

/// The error of a failed test of Rust, from the end of the output. It ends where the next test begins.
fn said(printed: &str, name: &str) -> String {
    let Some((_, rest)) = printed.split_once(&format!("---- {name} stdout ----\n")) else {
        return "no error".to_owned();
    };
    let is_of_test = |line: &&str| {
        !(line.starts_with("---- ") && line.ends_with(" stdout ----")) && *line != "failures:"
    };
    let lines = rest.lines().take_while(is_of_test).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

fn json(file: &Path, output: &Output) -> Value {
    let report = fs::read(file).unwrap_or_default();
    serde_json::from_slice(&report).unwrap_or_else(|error| {
        panic!("{error}: {}\n{}", text(&output.stdout), text(&output.stderr))
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The report that mocha writes into a file.
pub(crate) fn mocha(output: &Output, file: &Path) -> Tests {
    let report = json(file, output);
    let mut tests = Tests::new();
    for test in list(&report["passes"]) {
        add(&mut tests, word(&test["fullTitle"]), End::Passed);
    }
    for test in list(&report["failures"]) {
        add(&mut tests, word(&test["fullTitle"]), End::failed(&word(&test["err"]["message"])));
    }
    not_empty(tests, output)
}

/// The report that vitest writes into a file. A name is the file in `directory` and the title.
pub(crate) fn vitest(output: &Output, file: &Path, directory: &str) -> Tests {
    let report = json(file, output);
    let mut tests = Tests::new();
    for file in list(&report["testResults"]) {
        let path = word(&file["name"]);
        let name = path.split_once(&format!("{directory}/")).map_or(&*path, |(_, name)| name);
        for test in list(&file["assertionResults"]) {
            let title = format!("{name} > {}", word(&test["fullName"]));
            match test["status"].as_str() {
                Some("passed") => add(&mut tests, title, End::Passed),
                Some("failed") => {
                    let errors = list(&test["failureMessages"]);
                    let error = errors.iter().map(word).collect::<Vec<_>>().join(" ");
                    add(&mut tests, title, End::failed(&error));
                }
                _ => (),
            }
        }
    }
    not_empty(tests, output)
}

#[test]
fn the_error_of_a_test_ends_where_the_next_begins() {
    let printed = "test a ... FAILED\ntest b ... ok\n\nfailures:\n\n---- a stdout ----\n\nfirst\n\n\
        ---- c stdout ----\nsecond\n\n\nfailures:\n    a\n    c\n";
    assert_eq!((said(printed, "a"), said(printed, "c")), ("first".into(), "second".into()));
}
