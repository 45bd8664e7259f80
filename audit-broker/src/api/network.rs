//! Networks, and the endpoint of a container in one.

use super::object::object;
use std::collections::BTreeMap;

object! {
    NetworkCreate {
        name "Name": String,
        check_duplicate "CheckDuplicate": bool,
        driver "Driver": String,
        scope "Scope": String,
        internal "Internal": bool,
        attachable "Attachable": bool,
        ingress "Ingress": bool,
        config_only "ConfigOnly": bool,
        config_from "ConfigFrom": ConfigReference,
        ipam "IPAM": Ipam,
        enable_ipv4 "EnableIPv4": bool,
        enable_ipv6 "EnableIPv6": bool,
        options "Options": BTreeMap<String, String>,
        labels "Labels": BTreeMap<String, String>,
    }
}

object! {
    /// Another network, whose configuration the new one takes over.
    ConfigReference {
        network "Network": String,
    }
}

object! {
    /// The address management of a network.
    Ipam {
        driver "Driver": String,
        config "Config": Vec<IpamConfig>,
        options "Options": BTreeMap<String, String>,
    }
}

object! {
    IpamConfig {
        subnet "Subnet": String,
        ip_range "IPRange": String,
        gateway "Gateway": String,
        auxiliary_addresses "AuxiliaryAddresses": BTreeMap<String, String>,
    }
}

object! {
    NetworkConnect {
        container "Container": String,
        endpoint_config "EndpointConfig": EndpointSettings,
    }
}

object! {
    NetworkDisconnect {
        container "Container": String,
        force "Force": bool,
    }
}

object! {
    /// The endpoint of a container in one network, as it is or as requested.
    ///
    /// # Source
    /// `EndpointSettings` in `api/types/network/endpoint.go` of moby.
    EndpointSettings {
        ipam_config "IPAMConfig": EndpointIpamConfig,
        links "Links": Vec<String>,
        aliases "Aliases": Vec<String>,
        mac_address "MacAddress": String,
        driver_opts "DriverOpts": BTreeMap<String, String>,
        gw_priority "GwPriority": i64,
        network_id "NetworkID": String,
        endpoint_id "EndpointID": String,
        gateway "Gateway": String,
        ip_address "IPAddress": String,
        ip_prefix_len "IPPrefixLen": i64,
        ipv6_gateway "IPv6Gateway": String,
        global_ipv6_address "GlobalIPv6Address": String,
        global_ipv6_prefix_len "GlobalIPv6PrefixLen": i64,
        dns_names "DNSNames": Vec<String>,
    }
}

object! {
    EndpointIpamConfig {
        ipv4_address "IPv4Address": String,
        ipv6_address "IPv6Address": String,
        link_local_ips "LinkLocalIPs": Vec<String>,
    }
}
