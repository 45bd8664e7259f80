//! The addresses of a network that a caller chooses.
//!
//! The host routes traffic for these addresses into the network. So a caller who may choose any could
//! divert the host's own traffic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::danger::Danger;
use crate::finding::Finding;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The first address.
    address: IpAddr,
    /// How many bits all its addresses share.
    length: u8,
}

/// The ranges for private use, with the fewest bits that a caller may fix in each. docker itself takes
/// subnets of this size for the networks of callers who choose none.
///
/// # Source
/// RFC 1918, 3; RFC 4193, 3.1. `localScopeDefaultNetworks` in moby's `libnetwork/ipamutils`.
const PRIVATE: [(Subnet, u8); 4] = [
    (Subnet { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), length: 8 }, 16),
    (Subnet { address: IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), length: 12 }, 16),
    (Subnet { address: IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), length: 16 }, 16),
    (Subnet { address: IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), length: 7 }, 48),
];

/// What a caller may choose, for error messages.
const ALLOWED: &str = "a subnet of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 with a prefix of 16 or \
     more, or one of fc00::/7 with a prefix of 48 or more, that the host and other networks do not use";

impl Subnet {
    /// The range of addresses that begin as `address` does. `None` if there are not so many bits.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        (length <= bits).then(|| Self { address: masked(address, length), length })
    }

    /// The range of one address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let length = if address.is_ipv4() { 32 } else { 128 };
        Self { address, length }
    }

    /// Reads `ADDRESS/LENGTH`, in the one way to write it: Go's parsers differ about the others.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length_text) = text.split_once('/')?;
        let length = length_text.parse::<u8>().ok()?;
        let is_plain = length.to_string() == length_text;
        Self::new(address.parse().ok()?, length).filter(|_| is_plain)
    }

    /// Whether the range holds every address.
    #[must_use]
    pub const fn is_everything(self) -> bool {
        self.length == 0
    }

    /// Whether all addresses of the other range are in this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.address.is_ipv4() == other.address.is_ipv4()
            && self.length <= other.length
            && masked(other.address, self.length) == self.address
    }

    /// Whether an address is in both ranges.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }
}

/// The address with all bits after `length` cleared.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(length)));
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask.unwrap_or(0)))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(length)));
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask.unwrap_or(0)))
        }
    }
}

/// Judges a subnet for a network. `taken` are the ranges that the host and other networks use; `None` if
/// they are not known. The range of all addresses does not count among them: the default route of the
/// host is one.
#[must_use]
pub fn judge(text: &str, taken: Option<&[Subnet]>) -> Option<Finding> {
    let danger = Some(Finding::new(Danger::HostNetwork, text).with_allowed(ALLOWED));
    let (Some(subnet), Some(taken)) = (Subnet::parse(text), taken) else { return danger };
    let is_private =
        PRIVATE.iter().any(|(range, least)| range.contains(subnet) && subnet.length >= *least);
    let is_used = taken.iter().any(|used| !used.is_everything() && used.overlaps(subnet));
    if is_private && !is_used { None } else { danger }
}

/// Judges an address, or a range of addresses, that a caller chooses within the subnet of a network.
#[must_use]
pub fn judge_within(text: &str, subnet: &str) -> Option<Finding> {
    let chosen = Subnet::parse(text).or_else(|| text.parse().ok().map(Subnet::of));
    let is_within = match (chosen, Subnet::parse(subnet)) {
        (Some(chosen), Some(subnet)) => subnet.contains(chosen),
        _ => false,
    };
    (!is_within).then(|| {
        Finding::new(Danger::HostNetwork, text)
            .with_allowed("an address in the subnet of the network")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        Subnet::parse(text).unwrap()
    }

    #[test]
    fn ranges_overlap_if_one_is_in_the_other() {
        for (one, other, expected) in [
            ("10.1.0.0/16", "10.1.2.0/24", true),
            ("10.1.0.0/16", "10.2.0.0/16", false),
            ("10.1.2.3/16", "10.1.255.255/32", true),
            ("0.0.0.0/0", "10.0.0.0/16", true),
            ("::/0", "10.0.0.0/16", false),
            ("fd00::/8", "fd12:3456::/48", true),
            ("fd00::/16", "fd12:3456::/48", false),
        ] {
            assert_eq!(subnet(one).overlaps(subnet(other)), expected, "{one} {other}");
            assert_eq!(subnet(other).overlaps(subnet(one)), expected, "{other} {one}");
        }
    }

    #[test]
    fn k08_private_subnets_that_nothing_uses_are_no_danger() {
        let taken = ["0.0.0.0/0", "10.0.5.0/24", "172.17.0.0/16", "fd00:1::/64"].map(subnet);
        for (text, is_danger) in [
            ("10.213.0.0/24", false),
            ("10.213.7.9/24", false),
            ("172.20.0.0/16", false),
            ("192.168.0.0/16", false),
            ("fd12:3456:789a::/48", false),
            ("10.0.0.0/16", true),
            ("10.0.5.128/25", true),
            ("172.17.9.0/24", true),
            ("10.0.0.0/8", true),
            ("172.16.0.0/12", true),
            ("fd00:1::/80", true),
            ("fd00::/16", true),
            ("8.8.8.0/24", true),
            ("169.254.169.0/24", true),
            ("127.0.0.0/24", true),
            ("100.64.0.0/16", true),
            ("0.0.0.0/0", true),
            ("::ffff:10.213.0.0/112", true),
            ("10.213.0.0/024", true),
            ("10.213.0.0/+24", true),
            ("010.213.0.0/24", true),
            ("10.213.0.0", true),
            ("10.213.0.0/33", true),
            ("10.213.0.0/24 ", true),
            ("x", true),
            ("", true),
        ] {
            assert_eq!(judge(text, Some(&taken)).is_some(), is_danger, "{text}");
            assert!(judge(text, None).is_some(), "{text}");
        }
    }

    #[test]
    fn addresses_within_a_subnet_are_no_danger() {
        for (text, is_danger) in [
            ("10.1.0.1", false),
            ("10.1.3.0/24", false),
            ("10.2.0.1", true),
            ("10.0.0.0/8", true),
            ("fd00::1", true),
            ("x", true),
        ] {
            assert_eq!(judge_within(text, "10.1.0.0/16").is_some(), is_danger, "{text}");
        }
    }
}
