//! Devices of the host that a container gets.

use audit_host::options::device;

use super::{Danger, gathered::Gathered};
use crate::api::host_config::{DeviceRequest, Resources};

/// Devices by path, by number and by the name that a driver has for them.
pub(super) fn add_devices(gathered: &mut Gathered, place: &str, resources: &Resources<'_>) {
    for (index, mapping) in resources.devices.iter().enumerate() {
        let path = mapping.path_on_host.as_deref().unwrap_or_default();
        gathered.add_found(format_args!("{place}Devices[{index}]"), device::judge(path));
    }
    for (index, rule) in resources.device_cgroup_rules.iter().enumerate() {
        let part = format_args!("{place}DeviceCgroupRules[{index}]");
        gathered.add_found(part, device::judge_rule(rule));
    }
    for (index, request) in resources.device_requests.iter().enumerate() {
        let request = requested(request);
        gathered.add(Danger::Devices, format_args!("{place}DeviceRequests[{index}]"), request);
    }
}

/// A device request in one word: the driver, and the devices or their number.
fn requested(request: &DeviceRequest) -> String {
    let driver = request.driver.as_deref().filter(|driver| !driver.is_empty()).unwrap_or("any");
    match &request.device_ids {
        Some(ids) if !ids.is_empty() => format!("{driver}:{}", ids.join(",")),
        _ => format!("{driver}:{}", request.count.unwrap_or(0)),
    }
}
