//! What the options of a container, a service or a build ask for of the host.
//!
//! Each value is judged by the lists that the broker judges requests by.

use audit_host::danger::Danger;
use audit_host::finding::{Finding, Way};
use audit_host::host_access::Asked;
use audit_host::options::{
    bind, capability, device, limit, log, network, runtime, security, sysctl, target, timeout,
    tmpfs, volume,
};

use super::flags::Flag;
use super::mount::{Mount, fields, is_host_network, network_options, volume_source};

/// Everything that the options ask for.
pub(super) fn add_options(asked: &mut Asked, given: &[Flag<'_>]) {
    add_privileged(asked, given);
    let has_own_network = !given.iter().any(|flag| {
        matches!(plain_name(flag), b"net" | b"network")
            && (is_host_network(flag.value) || flag.value.starts_with(b"container:"))
    });
    let last = |name: &[u8]| given.iter().rfind(|flag| flag.name == name).map(Flag::text);
    let log_driver = last(b"log-driver").unwrap_or_default();
    for flag in given {
        let text = flag.text();
        add_mounted(asked, flag, &text);
        add_shared(asked, flag, &text);
        add_resources(asked, flag, &text);
        match plain_name(flag) {
            b"log-driver" => asked.add_findings(log::judge_driver(&text)),
            b"log-opt" => {
                let (name, value) = pair(&text);
                asked.add_findings(log::judge_option(&log_driver, name, value));
            }
            b"sysctl" => {
                let (name, value) = pair(&text);
                asked.add_findings(sysctl::judge(name, value, has_own_network));
            }
            b"runtime" => asked.add_findings(runtime::judge(&text)),
            b"annotation" => asked.add_findings([Finding::new(Danger::Runtime, pair(&text).1)]),
            b"cap-add" => asked.add_findings(capability::judge(&text)),
            b"security-opt" => asked.add_findings(security::judge(&text)),
            b"workdir" => asked.add_findings(target::judge_working_directory(&text)),
            b"allow" => add_entitlements(asked, &text),
            _ => {}
        }
    }
}

/// Every capability and device. Of several options, docker takes the last.
pub(super) fn add_privileged(asked: &mut Asked, given: &[Flag<'_>]) {
    let privileged = given.iter().rfind(|flag| flag.name == b"privileged");
    if privileged.is_some_and(Flag::is_on) {
        asked.add(Danger::HostRoot, Way::Privileged, b"");
    }
}

/// The name of an option. `docker service update` adds with one that ends so.
fn plain_name<'a>(flag: &Flag<'a>) -> &'a [u8] {
    match flag.name {
        b"cap-add" => flag.name,
        name => name.strip_suffix(b"-add").unwrap_or(name),
    }
}

/// Files, disks and devices.
fn add_mounted(asked: &mut Asked, flag: &Flag<'_>, text: &str) {
    match plain_name(flag) {
        b"volume" => {
            if let Some(source) = volume_source(flag.value) {
                asked.add(Danger::HostFiles, Way::Mount, source);
            }
            let mut parts = text.splitn(3, ':');
            let (first, target, options) = (parts.next(), parts.next(), parts.next());
            asked.add_findings(target.or(first).and_then(target::judge_mount));
            if volume_source(flag.value).is_some() {
                let options = options.unwrap_or_default().split(',');
                asked.add_findings(options.filter_map(bind::judge_option));
            }
        }
        b"mount" => Mount::read(flag.value).add_to(asked),
        b"tmpfs" => {
            let (target, options) = text.split_once(':').unwrap_or((text, ""));
            asked.add_findings(tmpfs::judge(options));
            asked.add_findings(target::judge_mount(target));
        }
        b"use-api-socket" if flag.is_on() => {
            asked.add(Danger::HostFiles, Way::Mount, b"/var/run/docker.sock");
        }
        b"volume-driver" => asked.add_findings(volume::judge_driver(text)),
        b"storage-opt" if pair(text).0 != "size" => {
            asked.add_findings([Finding::new(Danger::StorageDriver, pair(text).1)]);
        }
        b"device" | b"device-cgroup-rule" => asked.add(Danger::Devices, Way::Device, flag.value),
        b"gpus" => asked.add_findings([Finding::new(Danger::Devices, graphics_cards(text))]),
        b"generic-resource" => asked.add_findings([Finding::new(Danger::Devices, pair(text).0)]),
        _ => {}
    }
}

/// Namespaces and control groups that are shared with the host.
fn add_shared(asked: &mut Asked, flag: &Flag<'_>, text: &str) {
    match plain_name(flag) {
        b"net" | b"network" => {
            if is_host_network(flag.value) {
                asked.add(Danger::HostNetwork, Way::Namespace("network"), flag.value);
            }
            for (name, value) in network_options(flag.value) {
                asked.add_findings(network::judge_endpoint_option(&name, &value));
            }
        }
        b"cgroup-parent" if !text.is_empty() => {
            asked.add_findings([Finding::new(Danger::HostCgroup, text)]);
        }
        name if text == "host" => {
            let namespace = NAMESPACES.iter().find(|(option, ..)| *option == name);
            if let Some((_, danger, word)) = namespace {
                asked.add(*danger, Way::Namespace(word), flag.value);
            }
        }
        _ => {}
    }
}

/// The options that give a container a namespace of the host, and what the records call it.
const NAMESPACES: &[(&[u8], Danger, &str)] = &[
    (b"pid", Danger::HostPid, "pid"),
    (b"ipc", Danger::HostIpc, "ipc"),
    (b"uts", Danger::HostUts, "uts"),
    (b"userns", Danger::HostUser, "user"),
    (b"cgroupns", Danger::HostCgroup, "cgroup"),
];

/// Limits: more than the host can spare.
fn add_resources(asked: &mut Asked, flag: &Flag<'_>, text: &str) {
    let number = || text.parse::<i64>().unwrap_or_default();
    let is_too_much = match plain_name(flag) {
        b"memory-swap" | b"pids-limit" | b"oom-score-adj" => number() < 0,
        b"cpu-rt-period" | b"cpu-rt-runtime" => number() != 0,
        b"oom-kill-disable" => flag.is_on(),
        b"ulimit" => return asked.add_findings(limit_of_process(text)),
        b"cpuset-cpus" | b"cpuset-mems" => {
            return asked.add_findings(limit::judge_processors(text));
        }
        b"stop-timeout" => return asked.add_findings(timeout::judge_stop(number())),
        b"device-read-bps"
        | b"device-write-bps"
        | b"device-read-iops"
        | b"device-write-iops"
        | b"blkio-weight-device" => {
            let path = text.rsplit_once(':').map_or(text, |(path, _)| path);
            return asked.add_findings(device::judge_limited_disk(path));
        }
        _ => false,
    };
    if is_too_much {
        asked.add_findings([Finding::new(Danger::HostResources, text)]);
    }
}

/// `nofile=1024:2048`; without a second number, the first is both.
fn limit_of_process(text: &str) -> Option<Finding> {
    let (name, limits) = pair(text);
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let number = |text: &str| text.parse::<i64>().unwrap_or(-1);
    limit::judge_ulimit(name, number(soft), number(hard))
}

/// The cards that are asked for, as the broker says it: the driver, and which ones or how many.
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

/// What BuildKit is allowed to give the steps of a build.
///
/// # Source
/// `Entitlement` in `util/entitlements/entitlements.go` of buildkit.
fn add_entitlements(asked: &mut Asked, value: &str) {
    for entitlement in value.split(',') {
        match entitlement.split('=').next().unwrap_or_default() {
            "security.insecure" => asked.add(Danger::HostRoot, Way::Privileged, b""),
            "network.host" => {
                asked.add(Danger::HostNetwork, Way::Namespace("network"), b"host");
            }
            "device" => asked.add(Danger::Devices, Way::Device, entitlement.as_bytes()),
            _ => {}
        }
    }
}

/// `NAME=VALUE`.
pub(super) fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}
