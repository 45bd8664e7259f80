//! What the options of a container, a service or a build ask for.
//!
//! The allow-lists of [`audit_host::options`] judge each value. The broker uses the same lists.

use audit_host::danger::Danger;
use audit_host::finding::{Finding, Way};
use audit_host::host_access::RequestedAccess;
use audit_host::options::{
    bind, capability, device, limit, log, network, ps, runtime, security, sysctl, target, timeout,
    tmpfs, volume,
};

use super::build::add_entitlements;
use super::mount::{Mount, volume_source};
use super::network::{is_host_network, network_options};
use crate::docker::csv::fields;
use crate::docker::flags::{Flag, Flags, pair};

/// Adds everything that the options ask for.
pub(super) fn add_options(access: &mut RequestedAccess, given: &[Flag<'_>]) {
    add_privileged(access, given);
    let has_own_network = !given.iter().any(|flag| {
        matches!(plain_name(flag), b"net" | b"network")
            && (is_host_network(flag.value) || flag.value.starts_with(b"container:"))
    });
    let last = |name: &[u8]| given.iter().rfind(|flag| flag.name == name).map(Flag::text);
    let log_driver = last(b"log-driver").unwrap_or_default();
    for flag in given {
        let text = flag.text();
        add_mounted(access, flag, &text);
        add_shared(access, flag, &text);
        add_resources(access, flag, &text);
        match plain_name(flag) {
            b"log-driver" => access.add_findings(log::judge_driver(&text)),
            b"log-opt" => {
                let (name, value) = pair(&text);
                access.add_findings(log::judge_option(&log_driver, name, value));
            }
            b"sysctl" => {
                let (name, value) = pair(&text);
                access.add_findings(sysctl::judge(name, value, has_own_network));
            }
            b"runtime" => access.add_findings(runtime::judge(&text)),
            b"annotation" => access.add_findings([Finding::new(Danger::Runtime, pair(&text).1)]),
            b"cap-add" => access.add_findings(capability::judge(&text)),
            b"security-opt" => access.add_findings(security::judge(&text)),
            b"workdir" => access.add_findings(target::judge_working_directory(&text)),
            b"allow" => add_entitlements(access, &text),
            _ => {}
        }
    }
}

/// Adds `--privileged`: every capability and device. If the option is repeated, the last one counts.
pub(super) fn add_privileged(access: &mut RequestedAccess, given: &[Flag<'_>]) {
    let privileged = given.iter().rfind(|flag| flag.name == b"privileged");
    if privileged.is_some_and(Flag::is_on) {
        access.add(Danger::HostRoot, Way::Privileged, b"");
    }
}

/// The name of an option without `-add`, with which `docker service update` ends its own names.
fn plain_name<'a>(flag: &Flag<'a>) -> &'a [u8] {
    match flag.name {
        b"cap-add" => flag.name,
        name => name.strip_suffix(b"-add").unwrap_or(name),
    }
}

/// Adds files, disks and devices of the host.
fn add_mounted(access: &mut RequestedAccess, flag: &Flag<'_>, text: &str) {
    match plain_name(flag) {
        b"volume" => {
            if let Some(source) = volume_source(flag.value) {
                access.add(Danger::HostFiles, Way::Mount, source);
            }
            let mut parts = text.splitn(3, ':');
            let (first, target, options) = (parts.next(), parts.next(), parts.next());
            access.add_findings(target.or(first).and_then(target::judge_mount));
            if volume_source(flag.value).is_some() {
                let options = options.unwrap_or_default().split(',');
                access.add_findings(options.filter_map(bind::judge_option));
            }
        }
        b"mount" => Mount::read(flag.value).add_to(access),
        b"tmpfs" => {
            let (target, options) = text.split_once(':').unwrap_or((text, ""));
            access.add_findings(tmpfs::judge(options));
            access.add_findings(target::judge_mount(target));
        }
        b"use-api-socket" if flag.is_on() => {
            access.add(Danger::HostFiles, Way::Mount, b"/var/run/docker.sock");
        }
        b"volume-driver" => access.add_findings(volume::judge_driver(text)),
        b"storage-opt" if pair(text).0 != "size" => {
            access.add_findings([Finding::new(Danger::StorageDriver, pair(text).1)]);
        }
        b"device" | b"device-cgroup-rule" => access.add(Danger::Devices, Way::Device, flag.value),
        b"gpus" => access.add_findings([Finding::new(Danger::Devices, graphics_cards(text))]),
        b"generic-resource" => access.add_findings([Finding::new(Danger::Devices, pair(text).0)]),
        _ => {}
    }
}

/// Adds namespaces and control groups that the container shares with the host.
fn add_shared(access: &mut RequestedAccess, flag: &Flag<'_>, text: &str) {
    match plain_name(flag) {
        b"net" | b"network" => {
            if is_host_network(flag.value) {
                access.add(Danger::HostNetwork, Way::Namespace("network"), flag.value);
            }
            for (name, value) in network_options(flag.value) {
                access.add_findings(network::judge_endpoint_option(&name, &value));
            }
        }
        b"cgroup-parent" if !text.is_empty() => {
            access.add_findings([Finding::new(Danger::HostCgroup, text)]);
        }
        name if text == "host" => {
            let namespace = NAMESPACES.iter().find(|(option, ..)| *option == name);
            if let Some((_, danger, word)) = namespace {
                access.add(*danger, Way::Namespace(word), flag.value);
            }
        }
        _ => {}
    }
}

/// The options that give a container a namespace of the host, and the word for it in records.
const NAMESPACES: &[(&[u8], Danger, &str)] = &[
    (b"pid", Danger::HostPid, "pid"),
    (b"ipc", Danger::HostIpc, "ipc"),
    (b"uts", Danger::HostUts, "uts"),
    (b"userns", Danger::HostUser, "user"),
    (b"cgroupns", Danger::HostCgroup, "cgroup"),
];

/// Adds limits under which a container can take more than the host can spare.
fn add_resources(access: &mut RequestedAccess, flag: &Flag<'_>, text: &str) {
    let number = || text.parse::<i64>().unwrap_or_default();
    let is_too_much = match plain_name(flag) {
        b"memory-swap" | b"pids-limit" | b"oom-score-adj" => number() < 0,
        b"cpu-rt-period" | b"cpu-rt-runtime" => number() != 0,
        b"oom-kill-disable" => flag.is_on(),
        b"ulimit" => return access.add_findings(judge_process_limit(text)),
        b"cpuset-cpus" | b"cpuset-mems" => {
            return access.add_findings(limit::judge_processors(text));
        }
        b"stop-timeout" => return access.add_findings(timeout::judge_stop(number())),
        b"device-read-bps"
        | b"device-write-bps"
        | b"device-read-iops"
        | b"device-write-iops"
        | b"blkio-weight-device" => {
            let path = text.rsplit_once(':').map_or(text, |(path, _)| path);
            return access.add_findings(device::judge_limited_disk(path));
        }
        _ => false,
    };
    if is_too_much {
        access.add_findings([Finding::new(Danger::HostResources, text)]);
    }
}

/// Judges `nofile=1024:2048`. A single number is both the soft and the hard limit.
fn judge_process_limit(text: &str) -> Option<Finding> {
    let (name, limits) = pair(text);
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let number = |text: &str| text.parse::<i64>().unwrap_or(-1);
    limit::judge_ulimit(name, number(soft), number(hard))
}

/// The graphics cards, in the words of the broker's records: the driver, and which cards or how
/// many.
///
/// # Source
/// `GpuOpts.Set` in `opts/gpus.go` of docker/cli.
fn graphics_cards(value: &str) -> String {
    let fields = fields(value.as_bytes());
    let named = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let driver = named("driver").filter(|driver| !driver.is_empty());
    let bare = fields.iter().find(|(key, value)| value.is_empty() && key != "all");
    let count = named("count").or(bare.map(|(count, _)| count)).map(String::as_str);
    let count = count.map_or("-1", |count| if count == "all" { "-1" } else { count });
    let which = named("device").map_or(count, String::as_str);
    format!("{}:{which}", driver.map_or("any", String::as_str))
}

/// Adds what `docker top` asks for. Docker joins the words for `ps` with blanks.
pub(super) fn add_processes(access: &mut RequestedAccess, flags: &Flags<'_>) {
    let words = flags.operands.iter().skip(1).map(|word| String::from_utf8_lossy(word));
    let arguments = words.collect::<Vec<_>>().join(" ");
    access.add_findings(ps::judge(&arguments));
}
