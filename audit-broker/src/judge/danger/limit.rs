//! Resource limits that the call removes, and the parent cgroup of a container.

use audit_host::options::device;
use audit_host::options::limit::{judge_processors, judge_ulimit};

use super::device::add_devices;
use super::{Danger, gathered::Gathered};
use crate::api::host_config::{Resources, Ulimit, UpdateConfig};
use crate::dockerd::object::Defaults;

/// The limits of a container that the call creates or starts. A limit that only restricts the
/// container is harmless.
pub(super) fn add_limits(gathered: &mut Gathered, place: &str, resources: &Resources<'_>) {
    if let Some(parent) = resources.cgroup_parent.filter(|parent| !parent.is_empty()) {
        gathered.add(Danger::HostCgroup, format_args!("{place}CgroupParent"), parent);
    }
    for (key, value, is_danger) in [
        ("CpuRealtimePeriod", resources.cpu_realtime_period, is_set as fn(i64) -> bool),
        ("CpuRealtimeRuntime", resources.cpu_realtime_runtime, is_set),
        ("PidsLimit", resources.pids_limit, i64::is_negative),
    ] {
        if let Some(value) = value.filter(|value| is_danger(*value)) {
            let part = format_args!("{place}{key}");
            gathered.add(Danger::HostResources, part, value.to_string());
        }
    }
    if resources.oom_kill_disable == Some(true) {
        gathered.add(Danger::HostResources, format_args!("{place}OomKillDisable"), "true");
    }
    for (key, list) in
        [("CpusetCpus", resources.cpuset_cpus), ("CpusetMems", resources.cpuset_mems)]
    {
        let list = list.unwrap_or_default();
        gathered.add_found(format_args!("{place}{key}"), judge_processors(list));
    }
    add_disks(gathered, place, resources);
    add_ulimits(gathered, place, resources.ulimits);
}

/// Unlimited swap. If the kernel cannot limit swap, docker itself sets this for every container with
/// limited memory, and `inspect` shows it. For an existing container it therefore tells nothing.
///
/// # Source
/// `verifyPlatformContainerResources` in `daemon/daemon_unix.go` of moby.
pub(super) fn add_swap(
    gathered: &mut Gathered,
    place: &str,
    swap: Option<i64>,
    defaults: Option<&Defaults>,
) {
    let is_limited = defaults.is_none_or(|defaults| defaults.swap_limit != Some(false));
    if let Some(swap) = swap.filter(|swap| is_limited && swap.is_negative()) {
        gathered.add(Danger::HostResources, format_args!("{place}MemorySwap"), swap.to_string());
    }
}

fn is_set(value: i64) -> bool {
    value != 0
}

/// Limits of each process in the container.
pub(super) fn add_ulimits(gathered: &mut Gathered, place: &str, ulimits: &[Ulimit]) {
    for (index, ulimit) in ulimits.iter().enumerate() {
        let name = ulimit.name.as_deref().unwrap_or_default();
        let (soft, hard) = (ulimit.soft.unwrap_or(0), ulimit.hard.unwrap_or(0));
        let part = format_args!("{place}Ulimits[{index}]");
        gathered.add_found(part, judge_ulimit(name, soft, hard));
    }
}

/// The disks of which the request limits the use.
fn add_disks(gathered: &mut Gathered, place: &str, resources: &Resources<'_>) {
    for (key, path) in resources.limited_disks() {
        gathered.add_found(format_args!("{place}{key}"), device::judge_limited_disk(path));
    }
}

/// A negative score makes the kernel kill other processes before those of the container.
pub(super) fn add_oom_score(gathered: &mut Gathered, place: &str, score: Option<i64>) {
    if let Some(score) = score.filter(|score| score.is_negative()) {
        let part = format_args!("{place}OomScoreAdj");
        gathered.add(Danger::HostResources, part, score.to_string());
    }
}

/// Changed limits. An update can remove a limit that the container was created with.
pub(super) fn add_update(gathered: &mut Gathered, update: &UpdateConfig) {
    let resources = update.resources();
    add_limits(gathered, "", &resources);
    add_swap(gathered, "", resources.memory_swap, None);
    if resources.pids_limit == Some(0) {
        gathered.add(Danger::HostResources, format_args!("PidsLimit"), "0");
    }
    add_devices(gathered, "", &resources);
}
