//! The form of the project: which module may use which, and what it is built from.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files and rooms of each crate, from the lowest up. Each imports only itself and those before it.
const LAYERS: [(&str, &[&str]); 6] = [
    (
        "audit-core/src",
        &[
            "sys",
            "auditd",
            "encoding",
            "field",
            "record_type",
            "identity",
            "event_id",
            "error",
            "command_line",
            "proc_file",
            "terminal",
            "subject",
            "record",
            "text",
            "part",
            "netlink",
            "audit",
            "status",
            "rule",
            "receipt",
            "record_thread",
            "login",
            "fuzzing",
            "lib",
        ],
    ),
    (
        "audit-cli/src",
        &[
            "exit",
            "arguments",
            "report",
            "settings",
            "command",
            "docker",
            "record",
            "supervise",
            "wrapper",
            "tools",
            "main",
            "process",
        ],
    ),
    (
        "audit-broker/src",
        &[
            "sys",
            "refusal",
            "api",
            "settings",
            "net",
            "confine",
            "metrics",
            "owner",
            "policy",
            "dockerd",
            "who",
            "judge",
            "record",
            "call",
            "forward",
            "exchange",
            "daemon",
            "tools",
            "main",
            "own_process",
        ],
    ),
    (
        "audit-trail/src",
        &[
            "time",
            "record_type",
            "value",
            "field",
            "record",
            "lines",
            "source",
            "trail",
            "follow",
            "event",
            "gaps",
            "deed",
            "lib",
        ],
    ),
    ("audit-capi/src", &["sys", "pointer", "api", "dropin", "lib"]),
    (
        "audit-host/src",
        &[
            "root_file",
            "recording",
            "when",
            "credentials",
            "mask",
            "object_id",
            "ticket",
            "ticket_directory",
            "image_name",
            "cgroup",
            "audit_socket",
            "danger",
            "finding",
            "options",
            "host_access",
            "journal",
            "lib",
        ],
    ),
];

/// `process` holds C's main, so it calls up; any module may use its system calls. `own_process` is
/// for tests.
const EXEMPT: [&str; 2] = ["process", "own_process"];

/// The licences that deny.toml allows.
fn allowed_licences() -> Vec<String> {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    let (_, allowed) = text.split_once("\nallow = [\n").unwrap();
    let (allowed, _) = allowed.split_once("\n]").unwrap();
    let lines = allowed.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.map(|line| line.trim_matches(['"', ',']).to_owned()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn is_test(inside: &Path) -> bool {
    inside.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// The text of a file without comments and tests.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

#[test]
fn imports_point_downward() {
    for (directory, layers) in LAYERS {
        let directory = root().join(directory);
        let mut files = Vec::new();
        rust_files(&directory, &mut files);
        for file in files {
            let inside = file.strip_prefix(&directory).unwrap();
            let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
            let Some(layer) = layers.iter().position(|name| *name == module) else {
                panic!("{module} has no layer; give it one in tests/structure.rs")
            };
            let is_test = is_test(inside);
            let code = code_of(&file);
            for used in code.split("crate::").skip(1) {
                let end = used.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let used = used.split_at(end.unwrap_or(used.len())).0;
                let is_exempt = EXEMPT.contains(&used) || EXEMPT.contains(&module);
                if is_test || is_exempt {
                    continue;
                }
                let Some(used_layer) = layers.iter().position(|name| *name == used) else {
                    panic!("{} uses crate::{used}; name the module", file.display())
                };
                assert!(used_layer <= layer, "{} uses {used}", file.display());
            }
        }
    }
}

/// The search leaves out the face of each room: the face uses its files, and they may use it.
#[test]
fn no_two_files_of_a_room_use_each_other() {
    for (directory, _) in LAYERS {
        let directory = root().join(directory);
        let mut files = Vec::new();
        rust_files(&directory, &mut files);
        let mut graph: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
        for file in files {
            let module = file.strip_prefix(&directory).unwrap().with_extension("");
            if is_test(module.as_path()) {
                continue;
            }
            let code = code_of(&file);
            // A file counts for each room that it is in, however deep.
            for room in module.ancestors().skip(1) {
                let depth = module.components().count() - room.components().count();
                let sibling: PathBuf = module.iter().take(room.components().count() + 1).collect();
                let used = names_after(&code, &path_to(room, depth));
                let used = used.into_iter().map(|name| room.join(name));
                let used = used.filter(|used| *used != sibling);
                graph.entry(sibling.clone()).or_default().extend(used);
            }
        }
        for module in graph.keys() {
            let mut ahead: Vec<&PathBuf> = graph[module].iter().collect();
            let mut reached = BTreeSet::new();
            while let Some(used) = ahead.pop() {
                assert_ne!(used, module, "{} reaches itself through {reached:?}", module.display());
                if used.parent() == module.parent() && reached.insert(used) {
                    ahead.extend(graph.get(used).into_iter().flatten());
                }
            }
        }
    }
}

/// The beginnings of paths to the modules of a room, from a file so many folders below it.
fn path_to(room: &Path, depth: usize) -> [String; 2] {
    let names: Vec<_> = room.iter().map(|name| name.to_str().unwrap()).collect();
    let from_root = names.iter().fold("crate::".to_owned(), |path, name| path + name + "::");
    [from_root, "super::".repeat(depth)]
}

/// The names that follow one of these beginnings of a path: `a` and `b` in `super::{a, b::C}`.
fn names_after(code: &str, beginnings: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for beginning in beginnings {
        for (place, _) in code.match_indices(beginning.as_str()) {
            let is_whole = !code[..place].ends_with(|c: char| c.is_alphanumeric() || c == ':');
            if is_whole {
                names.extend(first_names(&code[place + beginning.len()..]));
            }
        }
    }
    names
}

/// The first name of each path in a use tree.
fn first_names(tree: &str) -> Vec<String> {
    let name = |path: &str| {
        let is_letter = |c: char| c.is_alphanumeric() || c == '_';
        path.trim_start().split(|c: char| !is_letter(c)).next().unwrap_or_default().to_owned()
    };
    let Some(group) = tree.strip_prefix('{') else { return vec![name(tree)] };
    let (mut depth, mut names, mut begin) = (0, Vec::new(), 0);
    for (place, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                names.push(name(&group[begin..place]));
                begin = place + 1;
                if letter == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

#[test]
fn no_file_holds_more_than_one_idea() {
    for directory in [
        "audit-core",
        "audit-trail",
        "audit-cli",
        "audit-capi",
        "audit-host",
        "audit-broker",
        "tests",
        "benches",
        "examples",
    ] {
        let mut files = Vec::new();
        rust_files(&root().join(directory), &mut files);
        for file in files {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 500, "{} has {lines} lines", file.display());
        }
    }
}

#[test]
fn no_function_has_more_than_60_lines() {
    let mut files = Vec::new();
    for directory in SOURCES.iter().chain(&["tests", "benches", "examples"]) {
        rust_files(&root().join(directory), &mut files);
    }
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (name, lines) in functions(&text) {
            assert!(lines <= 60, "{name} in {} has {lines} lines", file.display());
        }
    }
}

/// The functions of a file that rustfmt wrote, each with its number of lines.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_item = ["fn ", "pub", "async ", "const fn ", "unsafe ", "extern "]
            .iter()
            .any(|beginning| code.starts_with(beginning));
        let Some((_, signature)) = line.split_once("fn ").filter(|_| is_item) else { continue };
        let name = signature.split(['(', '<']).next().unwrap();
        let end = format!("{}}}", " ".repeat(line.len() - code.len()));
        let rest = &lines[start..];
        // A signature without a body, or a function of one line, has no block that ends later.
        let signature_end = rest.iter().find(|line| line.ends_with(['{', '}', ';']));
        let length = if signature_end.is_some_and(|line| line.ends_with('{')) {
            rest.iter().position(|line| **line == end).map_or(1, |last| last + 1)
        } else {
            1
        };
        functions.push((name, length));
    }
    functions
}

#[test]
fn the_check_of_functions_counts_their_lines() {
    let text = "fn one() {}\n\npub(crate) fn three(\n) {\n}\n    const fn two() {\n    }\n    \
        fn in_trait(\n    );\n";
    assert_eq!(functions(text), [("one", 1), ("three", 3), ("two", 2), ("in_trait", 1)]);
}

/// The source directory of each crate.
const SOURCES: [&str; 6] = [
    "audit-core/src",
    "audit-trail/src",
    "audit-host/src",
    "audit-cli/src",
    "audit-capi/src",
    "audit-broker/src",
];

#[test]
fn no_type_name_stands_for_two_things_in_a_crate() {
    for directory in SOURCES {
        let mut files = Vec::new();
        rust_files(&root().join(directory), &mut files);
        let mut defined: BTreeMap<String, PathBuf> = BTreeMap::new();
        for file in files {
            let names: BTreeSet<String> = code_of(&file).lines().filter_map(type_defined).collect();
            for name in names {
                if let Some(other) = defined.insert(name.clone(), file.clone()) {
                    panic!("{} and {} both define {name}", other.display(), file.display());
                }
            }
        }
    }
}

/// The name of the type that a line of code defines. An associated type is part of its trait.
fn type_defined(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    let name = match words.next()? {
        "struct" | "enum" | "union" | "trait" => words.next()?,
        "type" if !line.starts_with(' ') => words.next()?,
        _ => return None,
    };
    let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let name = name.split_at(end.unwrap_or(name.len())).0;
    // A macro writes `$name`.
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

#[test]
fn the_checks_of_type_names_see_a_definition() {
    for line in ["pub(crate) struct Log<'a> {", "    struct Log;", "enum Log {", "type Log = u8;"] {
        assert_eq!(type_defined(line).as_deref(), Some("Log"), "{line}");
    }
    for line in ["    type Item = u8;", "let log = Log {", "use super::Log;"] {
        assert_eq!(type_defined(line), None, "{line}");
    }
}

#[test]
fn dependencies_have_allowed_licences_and_support_our_rust_version() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &serde_json::Value, key: &str| package[key].as_str().map(str::to_owned);
    let oldest_of = |name: &str| {
        let own = packages.iter().find(|package| package["name"] == name).unwrap();
        version(&of(own, "rust_version").unwrap())
    };
    // The policy language needs a newer one, and is in the broker only.
    let (oldest, oldest_of_broker) = (oldest_of("audit-core"), oldest_of("audit-broker"));
    let without_broker = reached_without_broker(&metadata);
    let licences = allowed_licences();
    let mut faults = BTreeSet::new();
    for package in packages {
        let name = of(package, "name").unwrap();
        let licence = of(package, "license").unwrap_or_default().replace('/', " OR ");
        let is_free = licence.trim_matches(['(', ')']).split(" OR ").any(|choice| {
            choice.trim_matches(['(', ')']).split(" AND ").all(|part| {
                licences.iter().any(|allowed| allowed == part.trim_matches(['(', ')', ' ']))
            })
        });
        if !is_free {
            faults.insert(format!("{name}: licence {licence}"));
        }
        let needs = of(package, "rust_version").map(|text| version(&text));
        let id = of(package, "id").unwrap();
        let oldest = if without_broker.contains(&id) { oldest } else { oldest_of_broker };
        if needs.is_some_and(|needs| needs > oldest) {
            faults.insert(format!("{name}: needs Rust {}", of(package, "rust_version").unwrap()));
        }
    }
    assert_eq!(faults, BTreeSet::new());
}

/// The ids of the packages that the crates other than the broker depend on.
fn reached_without_broker(metadata: &serde_json::Value) -> BTreeSet<String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let members = metadata["workspace_members"].as_array().unwrap().iter().map(text);
    let mut ahead: Vec<String> = members.filter(|id| !id.contains("audit-broker")).collect();
    let nodes = metadata["resolve"].get("nodes").unwrap().as_array().unwrap();
    let mut reached = BTreeSet::new();
    while let Some(id) = ahead.pop() {
        let node = nodes.iter().find(|node| node["id"] == id.as_str()).unwrap();
        if reached.insert(id) {
            ahead.extend(node["dependencies"].as_array().unwrap().iter().map(text));
        }
    }
    reached
}

fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap_or(0))
}
