//! Kernel parameters of the host that dockerd turns on for a network and leaves on.

use std::fs;

/// Which of these parameters are already on. If all are, a new network changes nothing for the host.
/// The broker reads those of its own network namespace, which usually is dockerd's too.
///
/// # Source
/// `setup_ip_forwarding.go` and `setup_bridgenetfiltering.go` in `daemon/libnetwork/drivers/bridge` of
/// moby.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostSysctls {
    /// The host forwards IPv4 packets between its networks.
    pub(crate) forwards_ipv4: bool,
    /// The host forwards IPv6 packets between its networks.
    pub(crate) forwards_ipv6: bool,
    /// Packets within each bridge of the host, not only docker's, go through the host's firewall.
    pub(crate) filters_bridges: bool,
}

impl HostSysctls {
    /// A host on which a new network changes nothing.
    #[cfg(test)]
    pub(crate) const ON: Self =
        Self { forwards_ipv4: true, forwards_ipv6: true, filters_bridges: true };

    /// Reads the parameters. A parameter that the broker cannot read counts as off.
    pub(crate) fn read() -> Self {
        Self {
            forwards_ipv4: is_on("ipv4/ip_forward"),
            forwards_ipv6: is_on("ipv6/conf/all/forwarding")
                && is_on("ipv6/conf/default/forwarding"),
            filters_bridges: is_on("bridge/bridge-nf-call-iptables")
                && is_on("bridge/bridge-nf-call-ip6tables"),
        }
    }
}

fn is_on(switch: &str) -> bool {
    fs::read_to_string(format!("/proc/sys/net/{switch}")).is_ok_and(|value| value.trim() == "1")
}
