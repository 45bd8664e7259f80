//! The part of Sigma that the rules use.
//!
//! # Source
//! The Sigma specification 2.1: rules, modifiers, and correlations of the type `event_count`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use audit_trail::{Record, Value};
use yaml_rust2::{Yaml, YamlLoader};

pub(crate) enum Rule {
    Detection { service: String, detection: Yaml },
    Count { rules: Vec<String>, group: Vec<String>, at_least: i64 },
}

/// All rules, by their name, or by the name of their file. A correlation has `_correlation` behind the name.
pub(crate) fn rules() -> BTreeMap<String, Rule> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples/sigma");
    let mut rules = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for document in YamlLoader::load_from_str(&fs::read_to_string(&path).unwrap()).unwrap() {
            assert!(
                ids.insert(document["id"].as_str().unwrap().to_owned()),
                "{file}: the id is not unique"
            );
            for key in ["title", "status", "description", "level"] {
                assert!(document[key].as_str().is_some(), "{file} has no {key}");
            }
            let name = document["name"].as_str().unwrap_or(&file).to_owned();
            let correlation = &document["correlation"];
            if correlation.is_badvalue() {
                assert_eq!(document["logsource"]["product"].as_str(), Some("linux"));
                let service = document["logsource"]["service"].as_str().unwrap().to_owned();
                let detection = document["detection"].clone();
                rules.insert(name, Rule::Detection { service, detection });
            } else {
                assert_eq!(correlation["type"].as_str(), Some("event_count"));
                let rule = Rule::Count {
                    rules: texts(&correlation["rules"]),
                    group: texts(&correlation["group-by"]),
                    at_least: correlation["condition"]["gte"].as_i64().unwrap(),
                };
                rules.insert(format!("{file}_correlation"), rule);
            }
        }
    }
    rules
}

impl Rule {
    /// Whether the rule fires on the lines, which are of one minute.
    pub(crate) fn fires(&self, all: &BTreeMap<String, Self>, lines: &[String]) -> bool {
        match self {
            Self::Detection { .. } => lines.iter().any(|line| self.matches(line)),
            Self::Count { rules, group, at_least } => {
                let mut counts: BTreeMap<Vec<Option<String>>, i64> = BTreeMap::new();
                for line in lines.iter().filter(|line| rules.iter().any(|it| all[it].matches(line)))
                {
                    let key = group.iter().map(|name| field(line, name)).collect();
                    *counts.entry(key).or_default() += 1;
                }
                counts.values().any(|count| count >= at_least)
            }
        }
    }

    fn matches(&self, line: &str) -> bool {
        let Self::Detection { service, detection } = self else {
            panic!("a correlation of a correlation")
        };
        let is_audit = line.starts_with("type=");
        is_audit == (service == "auditd") && condition(detection, line)
    }
}

/// `a`, `a and (b or c)`, `a and not b`.
fn condition(detection: &Yaml, line: &str) -> bool {
    let text = detection["condition"].as_str().unwrap();
    text.split(" and ").all(|part| {
        if let Some(name) = part.strip_prefix("not ") {
            return !selection(&detection[name], line);
        }
        let names = part.trim_matches(['(', ')']).split(" or ");
        names.into_iter().any(|name| selection(&detection[name], line))
    })
}

/// A map holds if all its fields do; a list, if a line has one of its words.
fn selection(selection: &Yaml, line: &str) -> bool {
    assert!(!selection.is_badvalue(), "the condition names a selection that is not there");
    if let Some(words) = selection.as_vec() {
        return words.iter().any(|word| line.contains(word.as_str().unwrap()));
    }
    selection.as_hash().unwrap().iter().all(|(key, wanted)| {
        let key = key.as_str().unwrap();
        let (name, modifier) = key.split_once('|').unwrap_or((key, ""));
        let Some(value) = field(line, name) else { return false };
        texts(wanted).iter().any(|wanted| match modifier {
            "" => value.eq_ignore_ascii_case(wanted),
            "endswith" => value.ends_with(wanted.as_str()),
            other => panic!("the modifier {other} is not in this test"),
        })
    })
}

/// A field of an audit record, as collectors name them. The kernel's fields come first.
fn field(line: &str, name: &str) -> Option<String> {
    let record = Record::parse(line.as_bytes()).unwrap();
    if name == "type" {
        return Some(String::from_utf8_lossy(record.type_name()).into_owned());
    }
    let value = record.kernel(name).or_else(|| record.user(name)).and_then(Value::to_bytes);
    value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn texts(yaml: &Yaml) -> Vec<String> {
    if let Some(values) = yaml.as_vec() {
        return values.iter().flat_map(texts).collect();
    }
    let number = yaml.as_i64().map(|number| number.to_string());
    vec![number.unwrap_or_else(|| yaml.as_str().unwrap().to_owned())]
}
