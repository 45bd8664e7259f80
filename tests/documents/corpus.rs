//! The corpus of known bypasses names tests that exist.

use std::fs;

use crate::commands::add_rust_files;
use crate::markdown::root;

/// What a row of the corpus can name: functions, and files or modules.
struct Known {
    functions: Vec<String>,
    modules: Vec<String>,
}

impl Known {
    fn all() -> Self {
        let mut files = Vec::new();
        for directory in
            ["tests", "audit-core", "audit-cli", "audit-host", "audit-capi", "audit-broker"]
        {
            add_rust_files(&root().join(directory), &mut files);
        }
        let mut known = Self { functions: Vec::new(), modules: Vec::new() };
        for file in files {
            let path = file.strip_prefix(root()).unwrap().with_extension("");
            known.modules.extend(path.iter().map(|part| part.to_string_lossy().into_owned()));
            let text = fs::read_to_string(&file).unwrap();
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            known.functions.extend(names.map(str::to_owned));
        }
        known.modules.sort();
        known.modules.dedup();
        known
    }

    /// Whether the last parts of a test's path are there.
    fn has(&self, name: &str) -> bool {
        let parts: Vec<&str> = name.split("::").collect();
        let (last, modules) = parts.split_last().unwrap();
        let are_modules = modules.iter().all(|part| self.is_module(part));
        let is_last = match last.strip_suffix('…') {
            Some(beginning) => self.functions.iter().any(|name| name.starts_with(beginning)),
            None => self.is_module(last) || self.functions.iter().any(|name| name == last),
        };
        are_modules && is_last
    }

    fn is_module(&self, name: &str) -> bool {
        name == "tests" || self.modules.iter().any(|module| module == name)
    }
}

#[test]
fn each_test_that_the_corpus_names_exists() {
    let corpus = fs::read_to_string(root().join("tests/broker/bypass/README.md")).unwrap();
    let known = Known::all();
    let mut missing = Vec::new();
    for row in corpus.lines().filter(|line| line.starts_with('|')) {
        let cell = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        let words = cell.split('`').skip(1).step_by(2);
        for name in words.filter(|name| name.contains("::")) {
            let is_path = name.chars().all(|c| c.is_ascii_alphanumeric() || "_:…".contains(c));
            if is_path && !known.has(name) {
                missing.push(name.to_owned());
            }
        }
    }
    assert_eq!(missing, [""; 0], "tests that the corpus names and nobody has");
}
