//! What a volume, a network, a container that exists, a plugin or a cluster asks for of the host.

use audit_host::danger::Danger;
use audit_host::finding::{Finding, Way};
use audit_host::host_access::Asked;
use audit_host::options::{network, ps, volume};

use super::container::pair;
use super::flags::{Flag, Flags};

/// A volume that is made.
pub(super) fn add_volume(asked: &mut Asked, given: &[Flag<'_>]) {
    let options: Vec<String> = texts(given, b"opt");
    for driver in texts(given, b"driver") {
        asked.add_findings(volume::judge_driver(&driver));
    }
    asked.add_findings(volume::judge_options(options.iter().map(|option| pair(option))));
}

/// A network that is made.
pub(super) fn add_network(asked: &mut Asked, given: &[Flag<'_>]) {
    for flag in given {
        let text = flag.text();
        let host_network = |value: &str| Some(Finding::new(Danger::HostNetwork, value));
        let found = match flag.name {
            b"driver" => network::judge_driver(&text),
            b"opt" => network::judge_option(pair(&text).0, pair(&text).1),
            // For IPv6, dockerd turns on forwarding if the host does not forward yet. The wrapper does not
            // know whether it does.
            b"ingress" | b"ipv6" if flag.is_on() => host_network("true"),
            b"config-from" | b"subnet" => host_network(&text),
            b"ipam-driver" if text != "default" => host_network(&text),
            b"ipam-opt" => host_network(pair(&text).1),
            _ => None,
        };
        asked.add_findings(found);
    }
}

/// A builder of buildx. The driver that docker takes by itself, and any that is not known here, runs
/// BuildKit in a privileged container of this host.
///
/// # Source
/// `create` in `driver/docker-container/driver.go` of docker/buildx.
pub(super) fn add_builder(asked: &mut Asked, given: &[Flag<'_>]) {
    let driver = texts(given, b"driver").pop();
    let is_elsewhere = |driver: &str| matches!(driver, "docker" | "remote" | "kubernetes");
    if !driver.as_deref().is_some_and(is_elsewhere) {
        asked.add(Danger::HostRoot, Way::Privileged, b"");
    }
}

/// A container that is connected to a network.
pub(super) fn add_connection(asked: &mut Asked, flags: &Flags<'_>) {
    if flags.operands.first().is_some_and(|network| *network == b"host") {
        asked.add(Danger::HostNetwork, Way::Namespace("network"), b"host");
    }
    for option in texts(&flags.given, b"driver-opt") {
        let (name, value) = pair(&option);
        asked.add_findings(network::judge_endpoint_option(name, value));
    }
}

/// The processes of a container. docker joins the words for `ps` with blanks.
pub(super) fn add_processes(asked: &mut Asked, flags: &Flags<'_>) {
    let words = flags.operands.iter().skip(1).map(|word| String::from_utf8_lossy(word));
    let arguments = words.collect::<Vec<_>>().join(" ");
    asked.add_findings(ps::judge(&arguments));
}

/// Something that yields this, whatever its options: a plugin, a part of a cluster, or a container whose
/// files dockerd walks from outside.
pub(super) fn add_named(asked: &mut Asked, danger: Danger, flags: &Flags<'_>) {
    let name = flags.operands.first().copied().unwrap_or_default();
    asked.add(danger, Way::Plain, name);
}

fn texts(given: &[Flag<'_>], name: &[u8]) -> Vec<String> {
    given.iter().filter(|flag| flag.name == name).map(|flag| flag.text().into_owned()).collect()
}
