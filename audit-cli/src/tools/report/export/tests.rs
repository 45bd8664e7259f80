//! Compares the documents with extracts of the published schemas.

use std::io::Cursor;

use audit_trail::{BrokerUser, Trail};
use serde_json::Value;

use super::super::selection::Selection;
use super::super::tests::{hostile, log, options};
use super::*;

fn export(format: ExportFormat) -> String {
    export_of(log::log(), format)
}

fn export_of(log: String, format: ExportFormat) -> String {
    let mut trail = Trail::new();
    trail.add_stream("audit.log", Cursor::new(log));
    let source = Source::of(trail, BrokerUser::new("audit-broker", Some(999)));
    let selection = Selection::of(&options(), None).unwrap();
    let mut output = Vec::new();
    let error = run(format, source, &selection, Some("host1"), &mut output).unwrap_err();
    assert!(error.to_string().contains("could not be read: 1."), "{error}");
    String::from_utf8(output).unwrap()
}

fn documents(format: ExportFormat) -> Vec<Value> {
    export(format).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The attributes of an object or a class are known, have the right types and values, and none is missing.
fn check_ocsf(schema: &Value, attributes: &Value, object: &Value, profiles: &[&str], path: &str) {
    let entries = object.as_object().unwrap();
    for (name, attribute) in attributes.as_object().unwrap() {
        let is_mine = attribute["profile"].as_str().is_none_or(|it| profiles.contains(&it));
        if attribute["required"] == true && is_mine {
            assert!(entries.contains_key(name), "{path} has no {name}: {object}");
        }
    }
    for (name, value) in entries {
        let attribute = &attributes[name];
        assert!(attribute.is_object(), "{path}.{name} is not in the schema, or deprecated");
        if let Some(profile) = attribute["profile"].as_str() {
            assert!(profiles.contains(&profile), "{path}.{name} needs the profile {profile}");
        }
        assert_eq!(attribute["array"] == true, value.is_array(), "{path}.{name}");
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values {
            check_value(schema, attribute, &value, profiles, &format!("{path}.{name}"));
        }
        if let Some(names) = attribute["enum"].as_object() {
            let sibling = name.strip_suffix("_id").filter(|_| value != 99 && value != 0);
            let sibling = sibling.map(|it| if it == "activity" { "activity_name" } else { it });
            if let Some(caption) = sibling.and_then(|it| entries.get(it)) {
                assert_eq!(*caption, names[&value.to_string()], "{path}.{name}");
            }
        }
    }
}

fn check_value(schema: &Value, attribute: &Value, value: &Value, profiles: &[&str], path: &str) {
    let kind = attribute["type"].as_str().unwrap();
    let fits = match kind {
        "integer_t" | "long_t" | "timestamp_t" => value.is_i64() || value.is_u64(),
        "boolean_t" => value.is_boolean(),
        "string_t" => value.is_string(),
        _ => value.is_object(),
    };
    assert!(fits, "{path}: {value} is no {kind}");
    if let (Some(names), false) = (attribute["enum"].as_object(), path.ends_with("_uid")) {
        assert!(names.contains_key(&value.to_string()), "{path}: {value} is no known value");
    }
    if value.is_object() && kind != "object" {
        let object = &schema["objects"][kind];
        assert!(object.is_object(), "{path}: the extract has no object {kind}");
        check_ocsf(schema, &object["attributes"], value, profiles, path);
        if let Some(choices) = object["at_least_one"].as_array() {
            let has_one = choices.iter().any(|choice| !value[choice.as_str().unwrap()].is_null());
            assert!(has_one, "{path} has none of {choices:?}: {value}");
        }
    }
}

#[test]
fn documents_for_ocsf_follow_the_published_schema() {
    let schema = schema(include_str!("../../../../../tests/schemas/ocsf-1.9.json"));
    let mut classes = std::collections::BTreeSet::new();
    for document in documents(ExportFormat::Ocsf) {
        classes.insert(check_ocsf_document(&schema, &document));
    }
    assert_eq!(classes.into_iter().collect::<Vec<_>>(), [0, 1007, 6003]);
}

/// Returns the class.
fn check_ocsf_document(schema: &Value, document: &Value) -> u64 {
    let uid = document["class_uid"].as_u64().unwrap();
    let class = &schema["classes"][uid.to_string()];
    assert_eq!(document["category_uid"], class["category"]);
    let activity = document["activity_id"].as_u64().unwrap();
    assert_eq!(document["type_uid"], uid * 100 + activity);
    assert_eq!(document["metadata"]["version"], "1.9.0");
    let profiles = document["metadata"]["profiles"].as_array().unwrap();
    let profiles: Vec<&str> = profiles.iter().map(|it| it.as_str().unwrap()).collect();
    check_ocsf(schema, &class["attributes"], document, &profiles, "document");
    uid
}

#[test]
fn documents_for_ecs_follow_the_published_schema() {
    let schema = schema(include_str!("../../../../../tests/schemas/ecs-9.4.json"));
    for document in documents(ExportFormat::Ecs) {
        check_ecs_document(&schema, &document);
    }
}

fn check_ecs_document(schema: &Value, document: &Value) {
    for name in ["@timestamp", "ecs", "event"] {
        assert!(!document[name].is_null(), "{document}");
    }
    check_ecs(schema, document, "");
    for category in document["event"]["category"].as_array().unwrap() {
        let expected = &schema["allowed"]["event.category"][category.as_str().unwrap()];
        for kind in document["event"]["type"].as_array().unwrap() {
            assert!(expected.as_array().unwrap().contains(kind), "{category}: {kind}");
        }
    }
}

/// A hostile value in any field leaves the documents valid, and their number the same.
#[test]
fn documents_with_hostile_values_follow_the_published_schemas() {
    let ocsf = schema(include_str!("../../../../../tests/schemas/ocsf-1.9.json"));
    let ecs = schema(include_str!("../../../../../tests/schemas/ecs-9.4.json"));
    let mut known = std::collections::HashSet::new();
    for (_, log) in hostile::variants() {
        // One hostile field leaves most documents as they were.
        let mut new = |format| {
            let text = export_of(log.clone(), format);
            let count = text.lines().count();
            let is_new = |line: &&str| known.insert((*line).to_owned());
            let lines = text.lines().filter(is_new);
            let documents = lines.map(|line| serde_json::from_str(line).unwrap());
            (documents.collect::<Vec<Value>>(), count)
        };
        let (documents, count) = new(ExportFormat::Ocsf);
        for document in &documents {
            check_ocsf_document(&ocsf, document);
        }
        let (documents, ecs_count) = new(ExportFormat::Ecs);
        for document in &documents {
            check_ecs_document(&ecs, document);
        }
        assert_eq!(ecs_count, count);
        check_csv(&export_of(log, ExportFormat::Csv), count);
    }
}

fn check_ecs(schema: &Value, object: &Value, prefix: &str) {
    for (name, value) in object.as_object().unwrap() {
        let path = format!("{prefix}{name}");
        if path == "labels" {
            assert!(value.as_object().unwrap().values().all(Value::is_string), "{value}");
            continue;
        }
        if value.is_object() {
            check_ecs(schema, value, &format!("{path}."));
            continue;
        }
        let Some(kind) = schema["fields"][&path].as_str() else { panic!("{path} is no field") };
        assert_eq!(kind.ends_with(" array"), value.is_array(), "{path}");
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values {
            let fits = match kind.trim_end_matches(" array") {
                "long" => value.is_i64() || value.is_u64(),
                _ => value.is_string(),
            };
            assert!(fits, "{path}: {value} is no {kind}");
            if let Some(allowed) = schema["allowed"][&path].as_object() {
                assert!(allowed.contains_key(value.as_str().unwrap()), "{path}: {value}");
            }
        }
    }
}

/// No value ends a row, is a formula, or controls a terminal.
fn check_csv(csv: &str, count: usize) {
    assert_eq!(csv.split_terminator("\r\n").count(), count + 1);
    assert!(csv.lines().all(|line| !line.starts_with(['=', '+', '@'])));
    let is_control = |letter: char| letter.is_control() && letter != '\r' && letter != '\n';
    assert!(!csv.contains(is_control) && !csv.contains("\u{202e}"));
    for row in csv.split_terminator("\r\n") {
        let quoted = row.matches('"').count();
        assert_eq!(quoted % 2, 0, "{row}");
    }
}

/// Every format has the same deeds, and no hostile value ends a row or a document.
#[test]
fn each_deed_is_one_document() {
    let native = documents(ExportFormat::Json);
    let csv = export(ExportFormat::Csv);
    check_csv(&csv, native.len());
    for format in [ExportFormat::Ecs, ExportFormat::Ocsf] {
        assert_eq!(documents(format).len(), native.len());
    }
    let ids: std::collections::HashSet<String> =
        native.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), native.len());
}

#[test]
fn a_document_has_who_what_and_how() {
    let find = |documents: Vec<Value>, word: &str, name: &str| {
        let is_it = |document: &Value| {
            let text = document.to_string();
            text.contains(&format!("\"{word}\"")) && text.contains(&format!("\"{name}\""))
        };
        documents.into_iter().find(is_it).unwrap()
    };
    let native = find(documents(ExportFormat::Json), "create", "web");
    assert_eq!((&native["who"], &native["outcome"]), (&"alice".into(), &"success".into()));
    assert_eq!(native["access"][0], "host-mount /srv");
    assert_eq!(native["wrapper_command"], "docker run -d --name web -v /srv:/srv fedora sleep 60");
    let ecs = find(documents(ExportFormat::Ecs), "create", "web");
    assert_eq!((&ecs["user"]["name"], &ecs["container"]["name"]), (&"alice".into(), &"web".into()));
    let ocsf = find(documents(ExportFormat::Ocsf), "create", "web");
    assert_eq!((&ocsf["severity"], &ocsf["action"]), (&"High".into(), &"Allowed".into()));
    let denied = find(documents(ExportFormat::Ocsf), "no-host", "bob");
    assert_eq!((&denied["status"], &denied["disposition"]), (&"Failure".into(), &"Blocked".into()));
}
