//! Networks that reach the host's network, and the endpoints of containers in a network.

use std::fmt::Arguments;

use audit_host::finding::Finding;
use audit_host::options::network as options;
use audit_host::options::subnet::{self, Subnet};

use super::{Danger, gathered::Gathered};
use crate::api::network::{EndpointSettings, Ipam, IpamConfig, NetworkConnect, NetworkCreate};
use crate::api::request::parse_bool;
use crate::dockerd::host_sysctl::HostSysctls;
use crate::dockerd::object::Object;
use crate::dockerd::references::References;

/// A network that the call creates.
pub(super) fn add_created(
    gathered: &mut Gathered,
    network: &NetworkCreate,
    references: &References,
) {
    let driver = network.driver.as_deref().unwrap_or_default();
    gathered.add_found(format_args!("Driver"), options::judge_driver(driver));
    for (name, value) in network.options.iter().flatten() {
        gathered.add_found(format_args!("Options.{name}"), options::judge_option(name, value));
    }
    if network.ingress == Some(true) {
        gathered.add(Danger::HostNetwork, format_args!("Ingress"), "true");
    }
    // The configuration comes from another network, so this request does not show it.
    let from = network.config_from.as_ref().and_then(|from| from.network.as_deref());
    if let Some(from) = from.filter(|from| !from.is_empty()) {
        gathered.add(Danger::HostNetwork, format_args!("ConfigFrom.Network"), from);
    }
    if let Some(ipam) = &network.ipam {
        add_ipam(gathered, ipam, references.taken_subnets.as_deref());
    }
    add_host_sysctls(gathered, network, references.host_sysctls);
}

/// Kernel parameters of the whole host that dockerd would turn on. They stay on after the network is
/// removed.
fn add_host_sysctls(gathered: &mut Gathered, network: &NetworkCreate, host_sysctls: HostSysctls) {
    const ICC: &str = "com.docker.network.bridge.enable_icc";
    let mut turn_on = |part: Arguments<'_>, value: &str, allowed| {
        gathered.add_found(part, [Finding::new(Danger::HostNetwork, value).with_allowed(allowed)]);
    };
    if network.enable_ipv6 == Some(true) && !host_sysctls.forwards_ipv6 {
        let allowed = "a network without IPv6, or a host on which root sets \
                       net.ipv6.conf.all.forwarding and net.ipv6.conf.default.forwarding to 1";
        turn_on(format_args!("EnableIPv6"), "true", allowed);
    }
    if network.enable_ipv4 != Some(false) && !host_sysctls.forwards_ipv4 {
        let allowed = "a host on which root sets net.ipv4.ip_forward to 1";
        turn_on(format_args!("EnableIPv4"), "true", allowed);
    }
    let icc = network.options.as_ref().and_then(|options| options.get(ICC));
    if let Some(icc) =
        icc.filter(|icc| parse_bool(icc) != Some(true) && !host_sysctls.filters_bridges)
    {
        let allowed = "a network that leaves it on, or a host on which root loads br_netfilter and sets \
                       net.bridge.bridge-nf-call-iptables and -ip6tables to 1";
        turn_on(format_args!("Options.{ICC}"), icc, allowed);
    }
}

/// The addresses of a network, which must be free. `taken` are those in use.
fn add_ipam(gathered: &mut Gathered, ipam: &Ipam, taken: Option<&[Subnet]>) {
    let driver = ipam.driver.as_deref().unwrap_or_default();
    if !matches!(driver, "" | "default") {
        gathered.add(Danger::HostNetwork, format_args!("IPAM.Driver"), driver);
    }
    for (name, value) in ipam.options.iter().flatten() {
        gathered.add(Danger::HostNetwork, format_args!("IPAM.Options.{name}"), value);
    }
    for (index, config) in ipam.config.iter().flatten().enumerate() {
        let part = format_args!("IPAM.Config[{index}]");
        if let Some(subnet) = config.subnet.as_deref().filter(|subnet| !subnet.is_empty()) {
            gathered.add_found(format_args!("{part}.Subnet"), subnet::judge(subnet, taken));
            add_within(gathered, part, config, subnet);
        }
    }
}

/// The addresses that a network takes in its own subnet.
fn add_within(gathered: &mut Gathered, part: Arguments<'_>, config: &IpamConfig, subnet: &str) {
    let auxiliary = config.auxiliary_addresses.iter().flatten();
    let auxiliary = auxiliary.map(|(_, address)| ("AuxiliaryAddresses", Some(address.as_str())));
    let others = [("Gateway", config.gateway.as_deref()), ("IPRange", config.ip_range.as_deref())];
    for (key, address) in others.into_iter().chain(auxiliary) {
        if let Some(address) = address.filter(|address| !address.is_empty()) {
            gathered.add_found(format_args!("{part}.{key}"), subnet::judge_within(address, subnet));
        }
    }
}

/// A container that the call connects to a network.
pub(super) fn add_connected(gathered: &mut Gathered, network: &Object, connect: &NetworkConnect) {
    match network {
        Object::Network(network) if network.name == "host" => {
            gathered.add_namespace(Danger::HostNetwork, format_args!("path"), "network");
        }
        Object::None
        | Object::Container(_)
        | Object::Exec(_)
        | Object::Network(_)
        | Object::Image(_)
        | Object::Volume(_)
        | Object::Named(_) => {}
    }
    add_member(gathered, connect.container.as_deref());
    if let Some(endpoint) = &connect.endpoint_config {
        add_endpoint(gathered, format_args!("EndpointConfig"), endpoint);
    }
}

/// The container that the call connects to a network or disconnects from it.
pub(super) fn add_member(gathered: &mut Gathered, container: Option<&str>) {
    let container = container.unwrap_or_default();
    gathered.add_container(format_args!("Container"), container);
}

/// The endpoint of a container in a network.
pub(super) fn add_endpoint(
    gathered: &mut Gathered,
    part: Arguments<'_>,
    endpoint: &EndpointSettings,
) {
    for (index, link) in endpoint.links.iter().flatten().enumerate() {
        add_link(gathered, format_args!("{part}.Links[{index}]"), link);
    }
    for (name, value) in endpoint.driver_opts.iter().flatten() {
        add_driver_option(gathered, part, name, value);
    }
}

/// An option of the network driver for one endpoint.
pub(super) fn add_driver_option(
    gathered: &mut Gathered,
    part: Arguments<'_>,
    name: &str,
    value: &str,
) {
    let part = format_args!("{part}.DriverOpts.{name}");
    gathered.add_found(part, options::judge_endpoint_option(name, value));
}

/// A link to another container: `other` or `other:alias`. docker shows the container its addresses and,
/// in the old form, its environment.
pub(super) fn add_link(gathered: &mut Gathered, part: Arguments<'_>, link: &str) {
    let name = link.split(':').next().unwrap_or_default();
    gathered.add_container(part, name);
}
