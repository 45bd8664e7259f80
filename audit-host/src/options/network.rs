//! Network drivers and their options, for a network and for one container in it.

use crate::danger::Danger;
use crate::finding::Finding;

/// Judges a network driver. Every driver except bridge and overlay uses a part of the host's network.
#[must_use]
pub fn judge_driver(driver: &str) -> Option<Finding> {
    (!matches!(driver, "" | "bridge" | "overlay"))
        .then(|| Finding::new(Danger::HostNetwork, driver))
}

/// Judges an option of a network. The known options concern only the containers in the network. Other
/// options name an interface of the host, or change how the host forwards packets.
///
/// # Source
/// `labels.go` in `daemon/libnetwork/netlabel` and `daemon/libnetwork/drivers/bridge` of moby.
#[must_use]
pub fn judge_option(name: &str, value: &str) -> Option<Finding> {
    let is_harmless = match name {
        "com.docker.network.driver.mtu" => value.parse::<u16>().is_ok(),
        "com.docker.network.container_iface_prefix" => is_interface(value),
        "com.docker.network.bridge.enable_icc" | "encrypted" => true,
        // `isolated` takes the host's address out of the network, and `nat` is the default. The other
        // modes let hosts outside reach every port of the containers.
        "com.docker.network.bridge.gateway_mode_ipv4"
        | "com.docker.network.bridge.gateway_mode_ipv6" => matches!(value, "isolated" | "nat"),
        // The host gets no address in the network.
        "com.docker.network.bridge.inhibit_ipv4" => matches!(value, "true" | "false"),
        _ => false,
    };
    (!is_harmless).then(|| Finding::new(Danger::HostNetwork, value))
}

/// Judges a driver option for one container in a network. Such options can make a driver set kernel
/// parameters. Only the name of the interface concerns the container alone.
#[must_use]
pub fn judge_endpoint_option(name: &str, value: &str) -> Option<Finding> {
    let is_harmless = name == "com.docker.network.endpoint.ifname" && is_interface(value);
    (!is_harmless).then(|| {
        Finding::loosened("driver_option", value).with_allowed("com.docker.network.endpoint.ifname")
    })
}

/// Whether a text can be the name of an interface, or its beginning.
///
/// # Source
/// `dev_valid_name` in `net/core/dev.c` of Linux.
fn is_interface(name: &str) -> bool {
    const LIMIT_BYTES: usize = 15;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    name.len() <= LIMIT_BYTES && name.bytes().all(is_plain) && !matches!(name, "." | "..")
}
