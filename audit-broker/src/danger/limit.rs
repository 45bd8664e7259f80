//! Limits that are taken off, and places among the host's control groups.

use super::{Danger, device, gathered::Gathered};
use crate::api::host_config::{Resources, Ulimit, UpdateConfig};

/// Limits of a container that is made or started. Those that keep it within less than it has
/// without them harm nobody.
pub(super) fn add_limits(gathered: &mut Gathered, place: &str, resources: &Resources<'_>) {
    if let Some(parent) = resources.cgroup_parent.filter(|parent| !parent.is_empty()) {
        gathered.add(Danger::HostCgroup, format_args!("{place}CgroupParent"), parent);
    }
    for (key, value, is_too_much) in [
        ("CpuRealtimePeriod", resources.cpu_realtime_period, is_set as fn(i64) -> bool),
        ("CpuRealtimeRuntime", resources.cpu_realtime_runtime, is_set),
        ("MemorySwap", resources.memory_swap, i64::is_negative),
        ("PidsLimit", resources.pids_limit, i64::is_negative),
    ] {
        if let Some(value) = value.filter(|value| is_too_much(*value)) {
            let part = format_args!("{place}{key}");
            gathered.add(Danger::HostResources, part, value.to_string());
        }
    }
    if resources.oom_kill_disable == Some(true) {
        gathered.add(Danger::HostResources, format_args!("{place}OomKillDisable"), "true");
    }
    add_ulimits(gathered, place, resources.ulimits);
}

fn is_set(value: i64) -> bool {
    value != 0
}

/// Limits of each process that are taken off.
pub(super) fn add_ulimits(gathered: &mut Gathered, place: &str, ulimits: &[Ulimit]) {
    for (index, ulimit) in ulimits.iter().enumerate() {
        let limits = [ulimit.soft, ulimit.hard];
        if limits.into_iter().flatten().any(i64::is_negative) {
            let name = ulimit.name.as_deref().unwrap_or_default();
            gathered.add(Danger::HostResources, format_args!("{place}Ulimits[{index}]"), name);
        }
    }
}

/// How soon the kernel ends others in a container's place.
pub(super) fn add_oom_score(gathered: &mut Gathered, place: &str, score: Option<i64>) {
    if let Some(score) = score.filter(|score| score.is_negative()) {
        let part = format_args!("{place}OomScoreAdj");
        gathered.add(Danger::HostResources, part, score.to_string());
    }
}

/// Limits that are changed: those that a container was made with can be taken off.
pub(super) fn add_update(gathered: &mut Gathered, update: &UpdateConfig) {
    let resources = update.resources();
    add_limits(gathered, "", &resources);
    if resources.pids_limit == Some(0) {
        gathered.add(Danger::HostResources, format_args!("PidsLimit"), "0");
    }
    device::add_devices(gathered, "", &resources);
}
