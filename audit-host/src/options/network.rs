//! Options of network drivers, for a network and for one container in it.

use crate::danger::Danger;
use crate::finding::Finding;

/// What a driver of networks asks for. Any but a plain bridge or overlay is a part of the host's
/// network.
#[must_use]
pub fn judge_driver(driver: &str) -> Option<Finding> {
    (!matches!(driver, "" | "bridge" | "overlay"))
        .then(|| Finding::new(Danger::HostNetwork, driver))
}

/// What an option of a network asks for. Those that are known concern the containers in the network
/// only. Others name an interface of the host, or say how it passes packets on.
///
/// # Source
/// `labels.go` in `daemon/libnetwork/netlabel` and `daemon/libnetwork/drivers/bridge` of moby.
#[must_use]
pub fn judge_option(name: &str, value: &str) -> Option<Finding> {
    let is_harmless = match name {
        "com.docker.network.driver.mtu" => value.parse::<u16>().is_ok(),
        "com.docker.network.container_iface_prefix" => is_interface(value),
        "com.docker.network.bridge.enable_icc" | "encrypted" => true,
        _ => false,
    };
    (!is_harmless).then(|| Finding::new(Danger::HostNetwork, value))
}

/// What an option of a network's driver for one container asks for. Drivers can be told there to set
/// switches of the kernel. Only the name of the interface concerns the container alone.
#[must_use]
pub fn judge_endpoint_option(name: &str, value: &str) -> Option<Finding> {
    let is_harmless = name == "com.docker.network.endpoint.ifname" && is_interface(value);
    (!is_harmless).then(|| {
        Finding::loosened("driver_option", value).instead("com.docker.network.endpoint.ifname")
    })
}

/// Whether a text may be the name of an interface, or the beginning of one.
///
/// # Source
/// `dev_valid_name` in `net/core/dev.c` of Linux.
fn is_interface(name: &str) -> bool {
    const LIMIT_BYTES: usize = 15;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    name.len() <= LIMIT_BYTES && name.bytes().all(is_plain) && !matches!(name, "." | "..")
}
