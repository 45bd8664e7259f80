//! Switches of the host's kernel that dockerd turns on for a network and leaves on.

use std::fs;

/// Which of them are on already, so that a new network changes nothing for the host. The broker sees
/// those of its own network namespace, where dockerd usually is, too.
///
/// # Source
/// `setup_ip_forwarding.go` and `setup_bridgenetfiltering.go` in `daemon/libnetwork/drivers/bridge` of
/// moby.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostSwitches {
    /// The host passes on packets of IPv4 between its networks.
    pub(crate) forwards_ipv4: bool,
    /// The same of IPv6.
    pub(crate) forwards_ipv6: bool,
    /// Packets within each bridge of the host, not only docker's, go through its firewall.
    pub(crate) filters_bridges: bool,
}

impl HostSwitches {
    /// A host on which a new network changes nothing.
    #[cfg(test)]
    pub(crate) const ON: Self =
        Self { forwards_ipv4: true, forwards_ipv6: true, filters_bridges: true };

    /// Reads them. One that cannot be read counts as off.
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
