//! What the network commands, and the option `--network`, ask for.

use audit_host::danger::Danger;
use audit_host::finding::{Finding, Way};
use audit_host::host_access::RequestedAccess;
use audit_host::options::network;

use crate::docker::csv::{comma_separated, fields};
use crate::docker::flags::{Flag, Flags, pair, split_once, texts};

/// Adds what a new network asks for.
pub(super) fn add_network(access: &mut RequestedAccess, given: &[Flag<'_>]) {
    for flag in given {
        let text = flag.text();
        let host_network = |value: &str| Some(Finding::new(Danger::HostNetwork, value));
        let found = match flag.name {
            b"driver" => network::judge_driver(&text),
            b"opt" => network::judge_option(pair(&text).0, pair(&text).1),
            // For IPv6, dockerd turns on packet forwarding if the host does not forward yet. The
            // wrapper does not know whether it does.
            b"ingress" | b"ipv6" if flag.is_on() => host_network("true"),
            b"config-from" | b"subnet" => host_network(&text),
            b"ipam-driver" if text != "default" => host_network(&text),
            b"ipam-opt" => host_network(pair(&text).1),
            _ => None,
        };
        access.add_findings(found);
    }
}

/// Adds what it asks for to connect a container to a network.
pub(super) fn add_connection(access: &mut RequestedAccess, flags: &Flags<'_>) {
    if flags.operands.first().is_some_and(|network| *network == b"host") {
        access.add(Danger::HostNetwork, Way::Namespace("network"), b"host");
    }
    for option in texts(&flags.given, b"driver-opt") {
        let (name, value) = pair(&option);
        access.add_findings(network::judge_endpoint_option(name, value));
    }
}

/// The names and values of the driver options in the long form of `--network`.
pub(super) fn network_options(value: &[u8]) -> Vec<(String, String)> {
    let options = fields(value).into_iter().filter(|(key, _)| key == "driver-opt");
    options
        .map(|(_, option)| {
            let (name, value) = option.split_once('=').unwrap_or((&option, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// Whether the value of `--network` means the host's network: `host`, or `name=host,...` with Go's
/// rules for quotes.
///
/// # Source
/// `NetworkOpt.Set` in `opts/network.go` of docker/cli.
pub(super) fn is_host_network(value: &[u8]) -> bool {
    value == b"host"
        || comma_separated(value).iter().any(|field| {
            split_once(field, b'=').is_some_and(|(key, value)| {
                key.trim_ascii().eq_ignore_ascii_case(b"name")
                    && value.trim_ascii().eq_ignore_ascii_case(b"host")
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_network_has_a_long_form() {
        assert!(is_host_network(b"host"));
        assert!(is_host_network(b"name=host,alias=x"));
        assert!(is_host_network(b"name=HOST"));
        assert!(is_host_network(b"\r\nname=host"));
        assert!(!is_host_network(b"bridge"));
        assert!(!is_host_network(b"name=web,alias=host"));
    }
}
