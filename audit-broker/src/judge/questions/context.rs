//! What a request says, in the terms of the policies.
//!
//! This file knows the values in effect: the image's command if the request has none, and root if neither
//! names a user. It must not know the objects of the call.

use std::collections::BTreeSet;

use audit_core::CommandLine;
use audit_host::image_name::full_name;
use serde_json::Value;

use crate::api::body::Body;
use crate::api::operation::{ImageOperation, Operation};
use crate::dockerd::object::{Exec, Image};
use crate::judge::action::Action;
use crate::judge::danger::Dangers;
use crate::judge::danger::common_ancestor::common_ancestors;
use crate::policy::CallFacts;

/// The facts about the request that policies see.
pub(super) fn call_of(action: &Action, dangers: &Dangers) -> CallFacts {
    let image = action.references.images.first();
    let user = match &action.body {
        Body::ContainerCreate(config) => config.user.clone(),
        Body::ExecCreate(exec) => exec.user.clone(),
        // The process of an exec starts as it was created.
        Body::ExecStart(_) => started(action).map(|exec| exec.user.clone()),
        Body::None
        | Body::Stream
        | Body::Auth(_)
        | Body::ContainerUpdate(_)
        | Body::Commit(_)
        | Body::VolumeCreate(_)
        | Body::VolumeUpdate(_)
        | Body::NetworkCreate(_)
        | Body::NetworkConnect(_)
        | Body::NetworkDisconnect(_)
        | Body::PluginPrivileges(_)
        | Body::PluginSet(_)
        | Body::SwarmInit(_)
        | Body::SwarmJoin(_)
        | Body::SwarmUpdate(_)
        | Body::SwarmUnlock(_)
        | Body::NodeUpdate(_)
        | Body::Service(_)
        | Body::Secret(_)
        | Body::Config(_) => None,
    };
    let of_image = || image.map(Image::user).unwrap_or_default().to_owned();
    let user = user.filter(|user| !user.is_empty()).unwrap_or_else(of_image);
    CallFacts {
        dangers: dangers.names(),
        options: options(action),
        command: line(&action.command()),
        is_as_root: may_be_root(&user) || may_become_root(action),
        user,
        host_paths: dangers.host_paths.clone(),
        host_paths_within: common_ancestors(&dangers.host_paths),
        name: name(action),
        ..CallFacts::default()
    }
}

fn line(words: &[String]) -> String {
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    String::from_utf8_lossy(CommandLine::new(&words).as_bytes()).into_owned()
}

/// Whether the user may be root in the container. Any name may be, since the image decides which uid a
/// name has.
fn may_be_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    name.parse::<u32>().map_or(true, |uid| uid == 0)
}

/// The process that the call starts in a container.
fn started(action: &Action) -> Option<&Exec> {
    action.object.process()
}

/// Whether a process that the call starts in a container may become root through a set-uid program,
/// whatever its user. It may in a container that the broker does not know.
fn may_become_root(action: &Action) -> bool {
    let container = match &action.body {
        Body::ExecCreate(_) => action.object.container(),
        Body::ExecStart(_) => started(action).map(|exec| &exec.container),
        // A new container has its user from its own request. The others start no process in a container.
        Body::ContainerCreate(_)
        | Body::None
        | Body::Stream
        | Body::Auth(_)
        | Body::ContainerUpdate(_)
        | Body::Commit(_)
        | Body::VolumeCreate(_)
        | Body::VolumeUpdate(_)
        | Body::NetworkCreate(_)
        | Body::NetworkConnect(_)
        | Body::NetworkDisconnect(_)
        | Body::PluginPrivileges(_)
        | Body::PluginSet(_)
        | Body::SwarmInit(_)
        | Body::SwarmJoin(_)
        | Body::SwarmUpdate(_)
        | Body::SwarmUnlock(_)
        | Body::NodeUpdate(_)
        | Body::Service(_)
        | Body::Secret(_)
        | Body::Config(_) => return false,
    };
    container
        .is_none_or(|container| !gains_no_privileges(container.host_config.security_opt.as_deref()))
}

/// Whether docker created a container with `no-new-privileges`. docker obeys the last such option.
///
/// # Source
/// `parseSecurityOpt` in `daemon/daemon_unix.go` of moby.
fn gains_no_privileges(options: Option<&[String]>) -> bool {
    let mut reversed = options.into_iter().flatten().rev();
    let last = reversed.find(|option| option.starts_with("no-new-privileges"));
    last.is_some_and(|option| {
        ["no-new-privileges", "no-new-privileges=true", "no-new-privileges:true"]
            .contains(&option.as_str())
    })
}

/// The name that the call gives to an object, or that it pulls or pushes.
fn name(action: &Action) -> String {
    let query = &action.head.query;
    let of_body = match &action.body {
        Body::VolumeCreate(volume) => volume.name.clone(),
        Body::NetworkCreate(network) => network.name.clone(),
        Body::None
        | Body::Stream
        | Body::Auth(_)
        | Body::ContainerCreate(_)
        | Body::ContainerUpdate(_)
        | Body::Commit(_)
        | Body::ExecCreate(_)
        | Body::ExecStart(_)
        | Body::VolumeUpdate(_)
        | Body::NetworkConnect(_)
        | Body::NetworkDisconnect(_)
        | Body::PluginPrivileges(_)
        | Body::PluginSet(_)
        | Body::SwarmInit(_)
        | Body::SwarmJoin(_)
        | Body::SwarmUpdate(_)
        | Body::SwarmUnlock(_)
        | Body::NodeUpdate(_)
        | Body::Service(_)
        | Body::Secret(_)
        | Body::Config(_) => None,
    };
    let pushed = action
        .head
        .object
        .as_deref()
        .filter(|_| action.head.route.operation == Operation::Image(ImageOperation::Push));
    let image = query.text("repo").or_else(|| query.text("fromImage")).or(pushed);
    let image = image.map(|image| match query.text("tag") {
        Some(tag) if tag.contains(':') => full_name(&format!("{image}@{tag}")),
        Some(tag) => full_name(&format!("{image}:{tag}")),
        None => full_name(image),
    });
    of_body.or(image).or_else(|| query.text("name").map(str::to_owned)).unwrap_or_default()
}

/// The options of a new container or exec process that differ from docker's defaults. Fields that
/// policies see under another name are left out.
fn options(action: &Action) -> BTreeSet<String> {
    const SEEN_OTHERWISE: [&str; 5] = ["Image", "Cmd", "Entrypoint", "User", "Container"];
    let body = &action.body;
    if !matches!(body, Body::ContainerCreate(_) | Body::ExecCreate(_) | Body::ContainerUpdate(_)) {
        return BTreeSet::new();
    }
    let document = body.to_json().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    let Some(Value::Object(keys)) = document else { return BTreeSet::new() };
    // The platform is in the query, not in the body.
    let platform = action.head.query.text("platform").filter(|platform| !platform.is_empty());
    let mut options: BTreeSet<String> =
        platform.map(|_| "Platform".to_owned()).into_iter().collect();
    for (key, value) in keys {
        if let "HostConfig" | "NetworkingConfig" = key.as_str()
            && let Value::Object(inner) = value
        {
            let set = inner.into_iter().filter(|(key, value)| !is_default(key, value));
            options.extend(set.map(|(inner, _)| format!("{key}.{inner}")));
        } else if !is_default(&key, &value) && !SEEN_OTHERWISE.contains(&key.as_str()) {
            options.insert(key);
        }
    }
    options
}

/// Whether a value means the same as its absence. This includes the values that docker's own client
/// sends with each container.
///
/// # Source
/// `parse` in `cli/command/container/opts.go` of docker/cli. The tests of `decision` contain the bodies
/// that 20.10 and 28.2 send.
fn is_default(key: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => match key {
            "MemorySwappiness" => number.as_i64() == Some(-1),
            // Zero means: kill at once.
            "StopTimeout" => false,
            _ => number.as_i64() == Some(0),
        },
        Value::String(text) => match key {
            "NetworkMode" => matches!(text.as_str(), "" | "default" | "bridge"),
            "IpcMode" | "CgroupnsMode" => matches!(text.as_str(), "" | "private"),
            "Type" => matches!(text.as_str(), "" | "json-file"),
            "Name" => matches!(text.as_str(), "" | "no"),
            _ => text.is_empty(),
        },
        Value::Array(values) => match key {
            "ConsoleSize" => true,
            // An empty list masks nothing.
            "MaskedPaths" | "ReadonlyPaths" => false,
            _ => values.is_empty(),
        },
        Value::Object(inner) => match key {
            "LogConfig" | "RestartPolicy" | "IPAMConfig" | "default" | "bridge" => {
                inner.iter().all(|(inner, value)| is_default(inner, value))
            }
            // The endpoint of docker's own network, with defaults only.
            "EndpointsConfig" => inner.iter().all(|(inner, value)| {
                DEFAULT_ENDPOINTS.contains(&&**inner) && is_default(inner, value)
            }),
            // Labels, volumes, ports and so on: an entry is never a default.
            _ => inner.is_empty(),
        },
    }
}

/// The names of docker's default network: in docker's client, and at dockerd.
const DEFAULT_ENDPOINTS: [&str; 2] = ["default", "bridge"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::judge::danger::tests::action;

    #[test]
    fn s06_a_process_in_a_container_that_the_broker_does_not_know_may_become_root() {
        let create = action("POST", "/containers/c/exec", &json!({"User": "1001", "Cmd": ["id"]}));
        assert!(create.object.container().is_none() && may_become_root(&create));
        let start = action("POST", "/exec/e/start", &json!({"Detach": true}));
        assert!(start.object.process().is_none() && may_become_root(&start));
        let other = action("POST", "/containers/c/start", &Value::Null);
        assert!(!may_become_root(&other));
    }

    #[test]
    fn s06_the_last_no_new_privileges_option_counts() {
        for (options, expected) in [
            (&["no-new-privileges"][..], true),
            (&["label=disable", "no-new-privileges=true"], true),
            (&["no-new-privileges=false", "no-new-privileges"], true),
            (&["no-new-privileges", "no-new-privileges=false"], false),
            (&["no-new-privileges=0"], false),
            (&[], false),
        ] {
            let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
            assert_eq!(gains_no_privileges(Some(&options)), expected, "{options:?}");
        }
    }
}
