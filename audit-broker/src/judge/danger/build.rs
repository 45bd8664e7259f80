//! Builds, and BuildKit's own protocol.

use audit_host::finding::{Finding, Way};
use audit_host::options::address::judge_remote;
use audit_host::options::limit::{judge_processors, judge_ulimit};

use serde::Deserialize;

use super::{Danger, gathered::Gathered, namespace};
use crate::api::request::Query;
use crate::judge::build_cache;

/// The dangers in the query of a build. `extrahosts` and limits that only restrict the steps affect
/// nothing but the build.
pub(super) fn add_build(gathered: &mut Gathered, query: &Query) {
    // docker gives each step CAP_AUDIT_WRITE, so every caller who may build can forge records.
    // Policies can name this danger, but it does not make the build a privileged action.
    let forging =
        Finding::new(Danger::EvidenceForging, "CAP_AUDIT_WRITE").recorded_as(Way::Unrecorded);
    gathered.add_found(format_args!("steps"), [forging]);
    if let Some(network) = query.text("networkmode") {
        namespace::add_network(gathered, format_args!("query networkmode"), network);
    }
    if let Some(parent) = query.text("cgroupparent").filter(|parent| !parent.is_empty()) {
        gathered.add(Danger::HostCgroup, format_args!("query cgroupparent"), parent);
    }
    if query.text("memswap").is_some_and(|limit| limit.starts_with('-')) {
        gathered.add(Danger::HostResources, format_args!("query memswap"), "-1");
    }
    for key in ["cpusetcpus", "cpusetmems"] {
        let list = query.text(key).unwrap_or_default();
        gathered.add_found(format_args!("query {key}"), judge_processors(list));
    }
    if let Some(ulimits) = query.text("ulimits").filter(|ulimits| !ulimits_are_allowed(ulimits)) {
        gathered.add(Danger::HostResources, format_args!("query ulimits"), ulimits);
    }
    // The archive may come with the request, or from the client through its session.
    let remote = query.text("remote").filter(|remote| !matches!(*remote, "" | "client-session"));
    if let Some(remote) = remote {
        gathered.add_found(format_args!("query remote"), judge_remote(remote));
    }
    if let Some(version) = query.text("version").filter(|version| !matches!(*version, "" | "1")) {
        add_buildkit(gathered, query, version);
    }
}

/// A build by BuildKit. Without a session, dockerd itself writes the request to BuildKit from the keys
/// of the query, and asks for no entitlement except the network of the host, for `networkmode=host`.
///
/// # Source
/// `Build` in `builder/builder-next/builder.go` of moby v28.5.2.
fn add_buildkit(gathered: &mut Gathered, query: &Query, version: &str) {
    if !build_cache::is_plain_buildkit(query) {
        return add_builder(gathered, "query version", version);
    }
    // docker's `seccomp-profile` does not apply to the steps, so nothing keeps them from writing
    // records.
    let forging = Finding::new(Danger::EvidenceForging, version).recorded_as(Way::Plain);
    gathered.add_found(format_args!("query version"), [forging]);
}

/// Whether all limits of processes are allowed. dockerd accepts keys in upper or lower case; the broker
/// accepts only docker's own spelling.
fn ulimits_are_allowed(ulimits: &str) -> bool {
    let Ok(ulimits) = serde_json::from_str::<Vec<BuildUlimit>>(ulimits) else { return false };
    ulimits
        .iter()
        .all(|BuildUlimit { name, soft, hard }| judge_ulimit(name, *soft, *hard).is_none())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildUlimit {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Soft")]
    soft: i64,
    #[serde(rename = "Hard")]
    hard: i64,
}

/// BuildKit, whose protocol the broker cannot read. By default it gives a build the host's network and
/// devices on request.
///
/// # Source
/// `getEntitlements` in `daemon/internal/builder-next/controller.go` of moby.
pub(super) fn add_builder(gathered: &mut Gathered, part: &str, value: &str) {
    gathered.add(Danger::HostNetwork, format_args!("{part}"), value);
    let devices = Finding::new(Danger::Devices, value).recorded_as(Way::Plain);
    gathered.add_found(format_args!("{part}"), [devices]);
}
