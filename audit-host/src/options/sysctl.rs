//! Kernel parameters (sysctls).

use crate::finding::Finding;

/// Judges a kernel parameter. Those in `OF_NETWORK` belong to the container's own network namespace, if
/// it has one.
///
/// # Source
/// `sysctl` in `libcontainer/configs/validate/validator.go` of runc, which lets every `net.` pass.
#[must_use]
pub fn judge(name: &str, value: &str, has_own_network: bool) -> Option<Finding> {
    // runc reads a name with slashes in another way.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let is_known = OF_NETWORK.iter().any(|known| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == *known,
    });
    let is_own = has_own_network && is_known && name.bytes().all(is_plain);
    (!is_own).then(|| Finding::loosened("sysctl", value).with_allowed(ALLOWED))
}

const ALLOWED: &str = "parameters of the container's own network: net.ipv4.*, net.ipv6.*, net.mptcp.*, \
    net.core.somaxconn, net.unix.max_dgram_qlen and the timeouts of net.netfilter.nf_conntrack_*";

/// The parameters of which each network namespace has its own.
///
/// Other parameters below `net.` change the whole host: `net.netfilter.nf_hooks_lwtunnel`, which the
/// host cannot turn off again; `net.netfilter.nf_conntrack_max` before Linux 5.13 (CVE-2021-38209); and
/// `net.bridge.*` before Linux 5.3.
///
/// # Source
/// `nf_lwtunnel_sysctl_table` in `net/netfilter/nf_hooks_lwtunnel.c`, `nf_ct_sysctl_table` in
/// `net/netfilter/nf_conntrack_standalone.c` of Linux.
const OF_NETWORK: &[&str] = &[
    "net.ipv4.*",
    "net.ipv6.*",
    "net.mptcp.*",
    "net.core.somaxconn",
    "net.unix.max_dgram_qlen",
    "net.netfilter.nf_conntrack_generic_timeout",
    "net.netfilter.nf_conntrack_icmp_timeout",
    "net.netfilter.nf_conntrack_icmpv6_timeout",
    "net.netfilter.nf_conntrack_tcp_timeout_*",
    "net.netfilter.nf_conntrack_udp_timeout*",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o11_parameters_of_the_whole_host_do_not_belong_to_a_container() {
        for (name, is_own) in [
            ("net.ipv4.ip_unprivileged_port_start", true),
            ("net.ipv6.conf.all.disable_ipv6", true),
            ("net.core.somaxconn", true),
            ("net.netfilter.nf_conntrack_tcp_timeout_established", true),
            ("net.netfilter.nf_hooks_lwtunnel", false),
            ("net.netfilter.nf_conntrack_max", false),
            ("net.netfilter.nf_conntrack_buckets", false),
            ("net.bridge.bridge-nf-call-iptables", false),
            ("net.core.rmem_max", false),
            ("net.core.somaxconn.x", false),
            ("net.ipv4/../../kernel/core_pattern", false),
            ("net", false),
            ("kernel.core_pattern", false),
        ] {
            assert_eq!(judge(name, "1", true).is_none(), is_own, "{name}");
            assert!(judge(name, "1", false).is_some(), "{name}");
        }
    }
}
