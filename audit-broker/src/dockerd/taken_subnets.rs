//! The addresses that the host and docker's networks use.
//!
//! A new network must not have them: the host would send its own traffic into the network. The broker
//! reads the routes and connections of its own network namespace, which usually is dockerd's too.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use audit_host::options::subnet::Subnet;
use serde::Deserialize;

use crate::api::network::NetworkCreate;
use crate::api::request::ApiVersion;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};

/// Longest table of the kernel that the broker reads, in bytes. On a host with a longer one, the
/// addresses in use are not known.
const TABLE_LIMIT_BYTES: u64 = 4 << 20;

/// The IPv4 routes of every table, with the host's addresses. `/proc/net/route` shows one table only.
///
/// # Source
/// `fib_trie_seq_show` in `net/ipv4/fib_trie.c` of Linux.
const ROUTES_V4: &str = "/proc/net/fib_trie";

/// The IPv6 routes of every table, with the host's addresses. A kernel without IPv6 has no such file.
///
/// # Source
/// `rt6_info_route` and `ipv6_route_seq_next_table` in `net/ipv6/` of Linux.
const ROUTES_V6: &str = "/proc/net/ipv6_route";

/// The connections of the host. The third column is the address at the other end.
///
/// # Source
/// `get_tcp4_sock` in `net/ipv4/tcp_ipv4.c`, `__ip6_dgram_sock_seq_show` in `net/ipv6/datagram.c` of Linux.
const CONNECTIONS: [&str; 4] =
    ["/proc/net/tcp", "/proc/net/udp", "/proc/net/tcp6", "/proc/net/udp6"];

/// The name servers of the host.
const NAME_SERVERS: &str = "/etc/resolv.conf";

/// The ranges of addresses that a new network must not have; `None` if they are not known. A network for
/// which docker chooses the addresses needs no answer: docker leaves out what the host has routes to.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn taken_subnets(
    network: &NetworkCreate,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Option<Vec<Subnet>>, Unreachable> {
    let chosen = network.ipam.iter().flat_map(|ipam| ipam.config.iter().flatten());
    if !chosen.into_iter().any(|config| config.subnet.as_ref().is_some_and(|text| !text.is_empty()))
    {
        return Ok(None);
    }
    let Some(of_networks) = of_networks(version, upstream).await? else { return Ok(None) };
    let of_host = tokio::task::spawn_blocking(of_host).await;
    Ok(of_host.ok().and_then(Result::ok).map(|of_host| [of_host, of_networks].concat()))
}

/// The subnets of docker's networks. Some are not among the routes of the host, such as those of
/// isolated networks. `None` if one cannot be read.
async fn of_networks(
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Option<Vec<Subnet>>, Unreachable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct NetworkRanges {
        #[serde(rename = "IPAM", default)]
        ipam: Addresses,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Addresses {
        config: Option<Vec<Range>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Range {
        #[serde(default)]
        subnet: String,
    }
    let Found::Yes(listed) =
        upstream.ask::<Vec<NetworkRanges>>(&format!("/v{version}/networks")).await?
    else {
        return Ok(None);
    };
    let ranges = listed.into_iter().flat_map(|network| network.ipam.config.unwrap_or_default());
    let texts = ranges.map(|range| range.subnet).filter(|text| !text.is_empty());
    Ok(texts.map(|text| Subnet::parse(&text)).collect())
}

/// The ranges to which the host has routes, its own addresses, and the addresses that it talks to.
fn of_host() -> io::Result<Vec<Subnet>> {
    let mut taken = routes_v4(&read(ROUTES_V4)?);
    taken.extend(routes_v6(&read_if_present(ROUTES_V6)?));
    for table in CONNECTIONS {
        taken.extend(peers(&read_if_present(table)?));
    }
    taken.extend(name_servers(&read_if_present(NAME_SERVERS)?));
    Ok(taken)
}

fn read(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(TABLE_LIMIT_BYTES + 1).read_to_string(&mut text)?;
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if length > TABLE_LIMIT_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

fn read_if_present(path: &str) -> io::Result<String> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => text,
    }
}

/// The routes in the kernel's tree: a line `|-- ADDRESS`, and below it a line `/LENGTH SCOPE TYPE` for
/// each route.
fn routes_v4(text: &str) -> Vec<Subnet> {
    let mut address = None;
    let mut routes = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if let Some(leaf) = line.strip_prefix("|-- ") {
            address = leaf.trim().parse::<Ipv4Addr>().ok();
        } else if let (Some(rest), Some(address)) = (line.strip_prefix('/'), address) {
            let length = rest.split_whitespace().next().and_then(|length| length.parse().ok());
            routes.extend(length.and_then(|length| Subnet::new(address.into(), length)));
        }
    }
    routes
}

/// The routes in the kernel's list: each line begins with the address and its length, in hexadecimal
/// digits.
fn routes_v6(text: &str) -> impl Iterator<Item = Subnet> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = u128::from_str_radix(words.next()?, 16).ok()?;
        let length = u8::from_str_radix(words.next()?, 16).ok()?;
        Subnet::new(Ipv6Addr::from_bits(address).into(), length)
    })
}

/// The addresses at the other end of connections. The kernel writes each word of 32 bits in its own order
/// of bytes.
fn peers(text: &str) -> impl Iterator<Item = Subnet> {
    text.lines().skip(1).filter_map(|line| {
        let (digits, _port) = line.split_whitespace().nth(2)?.split_once(':')?;
        let words: Option<Vec<[u8; 4]>> = (0..digits.len() / 8)
            .map(|place| digits.get(place * 8..(place + 1) * 8))
            .map(|word| u32::from_str_radix(word?, 16).ok().map(u32::to_ne_bytes))
            .collect();
        let bytes = words?.concat();
        let address = match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(bytes) => IpAddr::from(bytes),
            Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?).to_canonical(),
        };
        (!address.is_unspecified()).then(|| Subnet::of(address))
    })
}

fn name_servers(text: &str) -> impl Iterator<Item = Subnet> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        let address = address.split('%').next()?.parse::<IpAddr>().ok()?;
        Some(Subnet::of(address.to_canonical()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnets(texts: &[&str]) -> Vec<Subnet> {
        texts.iter().map(|text| Subnet::parse(text).unwrap()).collect()
    }

    #[test]
    fn k08_routes_of_each_table_are_read() {
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     \
                    +-- 10.0.0.0/23 2 0 2\n        |-- 10.0.0.0\n           /24 link UNICAST\n           \
                    /8 universe UNREACHABLE\nId 52:\n     |-- 192.168.7.1\n        /32 host LOCAL\n";
        let expected = subnets(&["0.0.0.0/0", "10.0.0.0/24", "10.0.0.0/8", "192.168.7.1/32"]);
        assert_eq!(routes_v4(text), expected);
        let text = "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 \
                    00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n";
        assert_eq!(routes_v6(text).collect::<Vec<_>>(), subnets(&["fd00::/64"]));
    }

    #[test]
    fn k08_peers_and_name_servers_are_read() {
        let of_word = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let v4 = of_word([10, 1, 2, 3]);
        let mapped = format!("{0}{0}{1}{2}", of_word([0; 4]), of_word([0, 0, 255, 255]), v4);
        let v6 =
            format!("{}{1}{1}{2}", of_word([253, 0, 0, 0]), of_word([0; 4]), of_word([0, 0, 0, 9]));
        for (peer, expected) in [
            (v4.as_str(), &["10.1.2.3/32"][..]),
            (&mapped, &["10.1.2.3/32"]),
            (&v6, &["fd00::9/128"]),
            ("00000000", &[]),
            ("x", &[]),
        ] {
            let text =
                format!("  sl  local_address rem_address\n   0: 0100007F:1F90 {peer}:0016 01\n");
            assert_eq!(peers(&text).collect::<Vec<_>>(), subnets(expected), "{peer}");
        }
        let text =
            "# nameserver 10.0.0.1\nsearch x\nnameserver 10.2.0.1\nnameserver fe80::1%eth0\n";
        let expected = subnets(&["10.2.0.1/32", "fe80::1/128"]);
        assert_eq!(name_servers(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_tables_of_this_host_are_read() {
        let loopback = Subnet::parse("127.0.0.1/32").unwrap();
        assert!(of_host().unwrap().iter().any(|taken| taken.overlaps(loopback)));
    }
}
