//! Compares the routes and bodies with docker's own description of its API: the broker must know
//! everything in it.

use super::body::parse_body;
use super::route::{self, BodyKind, Route};
use crate::api::request::{ApiVersion, parse_head};
use serde_json::{Map, Value, json};
use std::path::Path;
use yaml_rust2::{Yaml, YamlLoader};

/// The description, which lies beside the checkout. Only outside of CI may it be missing.
fn description() -> Option<Yaml> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/docker-api-1.56.swagger.yaml");
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "missing {}", path.display());
        println!("skipped: no description of the docker API at {}", path.display());
        return None;
    };
    YamlLoader::load_from_str(&indent_closing(&text)).unwrap().into_iter().next()
}

/// Indents closing braces. Some examples have theirs in the column of the key, which the YAML parser
/// rejects.
fn indent_closing(text: &str) -> String {
    let is_closing = |line: &str| matches!(line.trim().trim_end_matches(','), "}" | "]" | "}]");
    let lines = text
        .lines()
        .map(|line| if is_closing(line) { format!("  {line}\n") } else { format!("{line}\n") });
    lines.collect()
}

struct DescribedOperation<'yaml> {
    route: &'static Route,
    parameters: Vec<&'yaml Yaml>,
}

/// Every operation of the description, with its route in the broker.
fn operations(description: &Yaml) -> Vec<DescribedOperation<'_>> {
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_hash().unwrap() {
        for (method, operation) in methods.as_hash().unwrap() {
            let (path, method) = (path.as_str().unwrap(), method.as_str().unwrap());
            let method = method.to_uppercase();
            let route = route::all()
                .find(|route| route.method.name() == method && route.path == path)
                .unwrap_or_else(|| panic!("no route for {method} {path}"));
            let parameters = operation["parameters"].as_vec();
            let parameters = parameters.map(|list| list.iter().collect()).unwrap_or_default();
            operations.push(DescribedOperation { route, parameters });
        }
    }
    operations
}

#[test]
fn every_operation_and_query_key_is_known() {
    let Some(description) = description() else { return };
    let operations = operations(&description);
    assert!(operations.len() > 100, "{}", operations.len());
    for DescribedOperation { route, parameters } in operations {
        for parameter in parameters.iter().filter(|p| p["in"].as_str() == Some("query")) {
            let name = parameter["name"].as_str().unwrap();
            assert!(route.parameter(name).is_some(), "{} {name}", route.path);
        }
        // The type of a build context is described as a header.
        for parameter in parameters.iter().filter(|p| p["in"].as_str() == Some("header")) {
            let name = parameter["name"].as_str().unwrap().to_lowercase();
            let mut headers = hyper::HeaderMap::new();
            let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, hyper::header::HeaderValue::from_static("application/x-tar"));
            let target = route.path.replace("{name}", "a").replace("{id}", "a").parse().unwrap();
            let method = hyper::Method::from_bytes(route.method.name().as_bytes()).unwrap();
            let version = hyper::Version::HTTP_11;
            parse_head(&method, &target, version, &headers, ApiVersion::NEWEST).unwrap();
        }
    }
}

#[test]
fn every_key_of_every_body_is_known() {
    let Some(description) = description() else { return };
    let mut bodies = 0;
    for DescribedOperation { route, parameters } in operations(&description) {
        let body = parameters.iter().find(|p| p["in"].as_str() == Some("body"));
        match body {
            None => {
                assert!(matches!(route.body, BodyKind::None | BodyKind::Stream), "{}", route.path);
            }
            Some(_) if route.body == BodyKind::Stream => {}
            Some(body) => {
                bodies += 1;
                let sample = sample(&description, &body["schema"]);
                let text = sample.to_string();
                let read = parse_body(route.body, text.as_bytes()).unwrap_or_else(|refusal| {
                    panic!("{}: {}\n{text}", route.path, refusal.message)
                });
                let written = read.to_json().unwrap();
                let written: Value = serde_json::from_slice(&written).unwrap();
                assert_eq!(written, sample, "{}", route.path);
            }
        }
    }
    assert!(bodies > 20, "{bodies}");
}

/// A value of the schema with every key.
fn sample(description: &Yaml, schema: &Yaml) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.strip_prefix("#/definitions/").unwrap();
        return sample(description, &description["definitions"][name]);
    }
    if let Some(parts) = schema["allOf"].as_vec() {
        let parts = parts.iter().map(|part| sample(description, part));
        return parts
            .reduce(|left, right| match (left, right) {
                (Value::Object(mut left), Value::Object(right)) => {
                    left.extend(right);
                    Value::Object(left)
                }
                // A referenced type, with a text that only describes it.
                (left, _) => left,
            })
            .unwrap();
    }
    match schema["type"].as_str() {
        Some("string") => json!("x"),
        Some("boolean") => json!(true),
        Some("integer") => json!(7),
        Some("number") => json!(0.5),
        Some("array") => {
            let item = sample(description, &schema["items"]);
            let length = schema["minItems"].as_i64().unwrap_or(1);
            (0..length).map(|_| item.clone()).collect()
        }
        Some("object") | None => {
            let mut object = Map::new();
            for (key, schema) in schema["properties"].as_hash().into_iter().flatten() {
                object.insert(key.as_str().unwrap().to_owned(), sample(description, schema));
            }
            // A port is a valid key of every map.
            if schema["additionalProperties"].as_hash().is_some() {
                let value = sample(description, &schema["additionalProperties"]);
                object.insert("80/tcp".to_owned(), value);
            }
            Value::Object(object)
        }
        Some(other) => panic!("a type `{other}`"),
    }
}
