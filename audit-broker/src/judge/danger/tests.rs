//! Tests of the dangers, and the calls that they are found in.

mod container;
mod daemon;
mod fields;
mod object;
mod options;
mod records;

use std::rc::Rc;

use serde_json::{Value, json};

use super::dangers;
use crate::api::body::{Body, parse_body};
use crate::api::request::tests::head;
use crate::dockerd::host_sysctl::HostSysctls;
use crate::dockerd::object::{Container, Object};
use crate::dockerd::references::References;
use crate::judge::action::Action;
use crate::owner::Owner;
use crate::who::subject::Subject;

/// A call with this body and without an object.
pub(crate) fn action(method: &str, target: &str, document: &Value) -> Action {
    let head = head(&format!("{method} {target}")).unwrap();
    let text = document.to_string();
    let parse = || parse_body(head.route.body, text.as_bytes()).unwrap();
    let body = if document.is_null() { Body::None } else { parse() };
    Action {
        subject: Rc::new(Subject::unknown(1, 1000)),
        owner: Owner::login(1000),
        head,
        body,
        object: Object::None,
        references: References { host_sysctls: HostSysctls::ON, ..References::default() },
    }
}

/// A container as the object of a call.
pub(crate) fn container(name: &str, host_config: &Value, is_running: bool) -> Object {
    Object::Container(container_named(name, host_config, is_running))
}

fn container_named(name: &str, host_config: &Value, is_running: bool) -> Container {
    let document = json!({
        "Id": "a".repeat(64),
        "Name": format!("/{name}"),
        "Driver": "overlay2",
        "Config": {"Image": "fedora"},
        "HostConfig": host_config,
        "State": {"Pid": if is_running { 7 } else { 0 }},
    });
    serde_json::from_value(document).unwrap()
}

fn of_create(host_config: &Value) -> Action {
    let document = json!({"Image": "fedora", "HostConfig": host_config});
    action("POST", "/containers/create", &document)
}

/// Each finding as `danger part value`.
pub(super) fn found(action: &Action) -> Vec<String> {
    let found = dangers(action);
    let is_on_record = !found.ways.is_empty();
    assert_eq!(found.gives_host_access(), is_on_record, "{found:?}");
    found
        .findings
        .iter()
        .map(|found| format!("{} {} {}", found.danger.name(), found.part, found.value))
        .collect()
}

/// Asserts the findings of a new container's `HostConfig`. The expected parts omit `HostConfig.`.
fn assert_create(host_config: &Value, expected: &[&str]) {
    let found: Vec<String> = found(&of_create(host_config))
        .iter()
        .map(|line| line.replacen("HostConfig.", "", 1))
        .collect();
    assert_eq!(found, expected, "{host_config}");
}
