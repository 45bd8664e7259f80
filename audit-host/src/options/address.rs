//! Addresses to which dockerd or the kernel connects, as root and from inside the host's network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::danger::Danger;
use crate::finding::Finding;

/// Judges an address from which dockerd fetches the context of a build, or an image. Only a plain web or
/// git address of another host is harmless. These ask for the host's network: services of the host
/// itself, metadata services, ssh remotes with root's keys, and every form that is not understood.
///
/// The text alone does not show what a name resolves to, where a server redirects, or which submodules a
/// repository has.
#[must_use]
pub fn judge_remote(remote: &str) -> Vec<Finding> {
    let outbound = Finding::new(Danger::Outbound, remote).without_credentials();
    if is_elsewhere(remote) {
        return vec![outbound];
    }
    let inside = Finding::new(Danger::HostNetwork, outbound.value.clone());
    let inside = inside.with_allowed("http:// or https:// and the full name of another host");
    vec![outbound, inside]
}

const SCHEMES: [&str; 3] = ["https://", "http://", "git://"];

/// The beginning of a GitHub address without a scheme, as dockerd recognizes it.
///
/// # Source
/// `IsGitURL` in `pkg/urlutil/urlutil.go` of moby 20.10.
const GITHUB: &str = "github.com/";

fn is_elsewhere(remote: &str) -> bool {
    if remote.starts_with(GITHUB) {
        return true;
    }
    let rest = SCHEMES.iter().find_map(|scheme| remote.strip_prefix(scheme));
    rest.and_then(host_of).is_some_and(is_another_host)
}

/// Judges the server of a network share. The kernel connects to it from a privileged port, which other
/// hosts trust as root's. A short name is allowed, because people use short names for servers in their
/// own network; the name is not resolved here.
#[must_use]
pub fn judge_server(server: &str) -> Option<Finding> {
    let literal = server.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = literal.unwrap_or(server);
    let is_elsewhere = match address_of(host) {
        Some(address) => is_outside(address),
        None => is_name(host),
    };
    (!is_elsewhere).then(|| {
        Finding::new(Danger::HostNetwork, server)
            .with_allowed("the name or address of another host")
    })
}

fn is_another_host(host: &str) -> bool {
    match address_of(host) {
        Some(address) => is_outside(address),
        None => is_full_name(host),
    }
}

/// Whether a text is the name of a host, full or short. A number in another notation is no name, and
/// names that mean the local host do not count.
fn is_name(host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let last = last.to_ascii_lowercase();
    host.bytes().all(is_plain)
        && last.starts_with(|first: char| first.is_ascii_lowercase())
        && !matches!(last.as_str(), "localhost" | "localdomain")
}

/// The host in the text after `SCHEME://`, without a user. `None` if user or host has unusual
/// characters, because then parsers disagree about where the host begins.
fn host_of(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, authority) = authority.split_once('@').unwrap_or(("", authority));
    let is_plain =
        |more: &'static [u8]| move |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
    if authority.is_empty()
        || !user.bytes().all(is_plain(b"-._~%+=:"))
        || !authority.bytes().all(is_plain(b"-._:[]"))
    {
        return None;
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(literal) => {
            let (host, port) = literal.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, port.strip_prefix(':').or((port.is_empty()).then_some("0"))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "0")),
    };
    port.parse::<u16>().ok().map(|_| host)
}

fn address_of(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

/// Whether a name is a full domain name that does not mean the local host, and no number in another
/// notation. Below `internal` are the metadata services of clouds.
fn is_full_name(host: &str) -> bool {
    const OF_HOST: [&str; 4] = ["localhost", "localdomain", "internal", "local"];
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let Some((first, last)) = name.rsplit_once('.') else { return false };
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-');
    let is_top = last.starts_with(|first: char| first.is_ascii_lowercase());
    is_top && first.split('.').all(is_label) && !OF_HOST.contains(&last)
}

/// Whether an address belongs to another host and is not that of a metadata service.
fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_outside_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_outside_v4(inner),
            None => is_outside_v6(address),
        },
    }
}

fn is_outside_v4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    !(first == 0
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || first >= 240)
}

/// True for global addresses (`2000::/3`) and those of a private site (`fc00::/7`), except the metadata
/// service of Amazon there.
fn is_outside_v6(address: Ipv6Addr) -> bool {
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let [first, ..] = address.octets();
    address != METADATA && (first >> 5 == 1 || first & 0xfe == 0xfc)
}

/// The IPv4 address inside an IPv6 address: mapped, compatible, translated (RFC 6052) or 6to4 (RFC
/// 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([first, second], [third, fourth]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(first, second, third, fourth)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(v4(high, low))
        }
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_host(remote: &str) -> bool {
        judge_remote(remote).iter().any(|found| found.danger == Danger::HostNetwork)
    }

    #[test]
    fn s05_addresses_of_other_hosts_are_only_outbound() {
        for remote in [
            "http://10.0.0.1/x",
            "https://example.com/context.tar.gz",
            "https://example.com:8443/a.git#main:dir",
            "https://EXAMPLE.com./x?y=http://127.0.0.1",
            "git://git.example.org/x.git",
            "github.com/moby/moby",
            "https://x-access-token:abc_1%20@example.com/a.git",
            "https://127.0.0.1@example.com/a.git",
            "http://192.168.1.1:80/x",
            "http://[2001:db8::1]:80/x",
            "http://[fd12::1]/x",
        ] {
            assert!(!is_host(remote), "{remote}");
        }
    }

    #[test]
    fn s05_what_the_host_serves_is_its_network() {
        for remote in [
            "http://127.0.0.1:8888/secret",
            "http://127.1/x",
            "http://2130706433/x",
            "http://0x7f000001/x",
            "http://0x7f.0.0.1/x",
            "http://0177.0.0.1/x",
            "http://017700000001/x",
            "http://127.0.0.1./x",
            "http://0/x",
            "http://0.0.0.0/x",
            "http://[::1]/x",
            "http://[::]/x",
            "http://[::ffff:127.0.0.1]/x",
            "http://[::ffff:7f00:1]:80/x",
            "http://[::127.0.0.1]/x",
            "http://[64:ff9b::7f00:1]/x",
            "http://[2002:7f00:1::]/x",
            "http://[fe80::1%25eth0]/x",
            "http://[fe80::1]/x",
            "http://169.254.169.254/latest",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://metadata.google.internal/",
            "http://localhost/x",
            "http://LOCALHOST:80/x",
            "http://localhost./x",
            "http://a.localhost/x",
            "http://localhost.localdomain/x",
            "http://myhost/x",
            "http://myhost.local/x",
            "http://example.com@127.0.0.1/x",
            "http://example.com:80@127.0.0.1/x",
            "http://a@example.com@127.0.0.1/x",
            "http://127.0.0.1\\@example.com/x",
            "http://exa%6dple.com/x",
            "http://example.com:x/",
            "http://example.com:99999/",
            "http:///x",
            "http://",
            "HTTP://example.com/x",
            "git@example.com:x.git",
            "ssh://git@example.com/x.git",
            "git+ssh://example.com/x.git",
            "ext::sh -c id",
            "file:///etc",
            "/etc",
            "ftp://example.com/x",
            "http://１２７.0.0.1/x",
            "http://127。0。0。1/x",
        ] {
            assert!(is_host(remote), "{remote}");
        }
    }
}
