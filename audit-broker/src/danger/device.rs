//! Devices of the host that a container is given.

use std::fmt::Arguments;

use super::path;
use super::{Danger, gathered::Gathered};
use crate::api::host_config::{DeviceRequest, Resources};

/// Devices by path, by number and by what a driver calls them.
pub(super) fn add_devices(gathered: &mut Gathered, place: &str, resources: &Resources<'_>) {
    for (index, device) in resources.devices.iter().enumerate() {
        let path = device.path_on_host.as_deref().unwrap_or_default();
        gathered.asked.add_device(path.as_bytes());
        let part = format_args!("{place}Devices[{index}]");
        add_device(gathered, part, path);
    }
    for (index, rule) in resources.device_cgroup_rules.iter().enumerate() {
        gathered.asked.add_device(rule.as_bytes());
        // Every container may make the node of a device, and with such a rule use it.
        let part = format_args!("{place}DeviceCgroupRules[{index}]");
        gathered.add(Danger::Devices, part, rule);
        gathered.add(Danger::HostRoot, part, rule);
    }
    for (index, request) in resources.device_requests.iter().enumerate() {
        let request = requested(request);
        gathered.asked.add_device(request.as_bytes());
        gathered.add(Danger::Devices, format_args!("{place}DeviceRequests[{index}]"), request);
    }
}

fn add_device(gathered: &mut Gathered, part: Arguments<'_>, path: &str) {
    gathered.add(Danger::Devices, part, path);
    let is_contained = path::normalised(path).is_some_and(|path| is_contained(&path));
    if !is_contained {
        gathered.add(Danger::HostRoot, part, path);
    }
}

/// Devices with which a program does not get at the memory, the disks or the keyboards of the host.
/// A number may follow the name, as may a slash with more: `/dev/video0`, `/dev/dri/card0`.
const CONTAINED: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/fuse",
    "/dev/kvm",
    "/dev/net/tun",
    "/dev/dri",
    "/dev/kfd",
    "/dev/nvidia",
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
    "/dev/nvidia-modeset",
    "/dev/nvidia-caps",
    "/dev/snd",
    "/dev/video",
    "/dev/media",
    "/dev/dvb",
    "/dev/ttyUSB",
    "/dev/ttyACM",
];

fn is_contained(path: &str) -> bool {
    CONTAINED
        .iter()
        .filter_map(|known| path.strip_prefix(known))
        .any(|rest| rest.starts_with('/') || rest.bytes().all(|digit| digit.is_ascii_digit()))
}

/// A request in one word: the driver, and which devices or how many.
fn requested(request: &DeviceRequest) -> String {
    let driver = request.driver.as_deref().filter(|driver| !driver.is_empty()).unwrap_or("any");
    match &request.device_ids {
        Some(ids) if !ids.is_empty() => format!("{driver}:{}", ids.join(",")),
        _ => format!("{driver}:{}", request.count.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_devices_are_contained() {
        for path in ["/dev/video0", "/dev/dri", "/dev/dri/card1", "/dev/ttyUSB12", "/dev/nvidia0"] {
            assert!(is_contained(path), "{path}");
        }
        for path in ["/dev/sda", "/dev/mem", "/dev/nullx", "/dev/zfs", "/dev", "/srv/sda"] {
            assert!(!is_contained(path), "{path}");
        }
    }
}
