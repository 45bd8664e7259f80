//! Known bypasses through images, volumes and networks, each by its id.

use audit_host::options::subnet::Subnet;
use serde_json::{Value, json};

use super::{action, found};
use crate::dockerd::host_sysctl::HostSysctls;

const NOTHING: [&str; 0] = [];

/// The finding of every build.
const STEPS: &str = "evidence-forging steps CAP_AUDIT_WRITE";

/// The other findings of a query.
fn of_query(target: &str) -> Vec<String> {
    let mut found = found(&action("POST", target, &Value::Null));
    found.retain(|finding| finding != STEPS);
    found
}

/// Policies can name this danger, but it does not make the build a privileged action.
#[test]
fn s20_each_build_can_forge_records() {
    for target in ["/build", "/build?t=x", "/build?version=2"] {
        let build = action("POST", target, &Value::Null);
        assert!(found(&build).contains(&STEPS.to_owned()), "{target}");
        let dangers = crate::judge::danger::dangers(&build);
        assert!(dangers.names().contains("evidence-forging"), "{target}");
        assert_eq!(dangers.gives_host_access(), target.contains("version"), "{target}");
        let is_recorded = format!("{:?}", dangers.ways).contains("EvidenceForging");
        assert_eq!(is_recorded, target.contains("version"), "{target}");
    }
}

/// Without a session, dockerd asks BuildKit for nothing of the host.
#[test]
fn k05_a_build_by_buildkit_has_only_its_own_dangers() {
    let version = "evidence-forging query version 2";
    assert_eq!(of_query("/build?version=2&t=x"), [version]);
    assert_eq!(
        of_query("/build?version=2&networkmode=host"),
        ["host-network query networkmode host", version]
    );
    let protocol = ["host-network query version 2", "devices query version 2"];
    for target in ["session=x", "remote=client-session", "outputs=%5B%7B%22Type%22:%22oci%22%7D%5D"]
    {
        assert_eq!(of_query(&format!("/build?version=2&{target}")), protocol, "{target}");
    }
}

#[test]
fn i01_build_network() {
    assert_eq!(of_query("/build?networkmode=host"), ["host-network query networkmode host"]);
    let joined = of_query("/build?networkmode=container:db");
    assert_eq!(joined, ["foreign-container query networkmode db"]);
    assert_eq!(of_query("/build?networkmode=none"), NOTHING);
}

#[test]
fn i02_build_limits() {
    let ulimits = "%5B%7B%22Name%22:%22nproc%22,%22hard%22:-1%7D%5D";
    assert_eq!(
        of_query(&format!("/build?cgroupparent=x&memswap=-1&ulimits={ulimits}&extrahosts=a:1")),
        [
            "host-cgroup query cgroupparent x",
            "host-resources query memswap -1",
            r#"host-resources query ulimits [{"Name":"nproc","hard":-1}]"#,
        ]
    );
}

#[test]
fn i03_build_remote() {
    let remote = of_query("/build?remote=http://10.0.0.1/x");
    assert_eq!(remote, ["outbound query remote http://10.0.0.1/x"]);
    assert_eq!(of_query("/build?remote=client-session"), NOTHING);
}

#[test]
fn i05_commit() {
    let commit = action("POST", "/commit?container=web&repo=x", &json!({"Cmd": ["sh"]}));
    assert_eq!(found(&commit), ["foreign-container query container web"]);
    let mut commit = commit;
    commit.references.member = Some(super::container_named("web", &json!({}), true));
    let found = found(&commit);
    assert!(found.iter().any(|line| line.starts_with("host-root commit, ")));
}

#[test]
fn i06_builder() {
    let upgrade = |path: &str| {
        let mut session = action("POST", "/build", &Value::Null);
        let route = crate::api::route::all().find(|route| route.path == path).unwrap();
        session.head.route = route;
        found(&session)
    };
    assert_eq!(upgrade("/grpc"), ["host-network POST /grpc ", "devices POST /grpc "]);
    assert_eq!(upgrade("/session"), ["host-network POST /session ", "devices POST /session "]);
    for build in ["/build?version=2&session=x", "/build?version=3"] {
        let version = if build.contains('3') { 3 } else { 2 };
        let protocol =
            ["host-network", "devices"].map(|it| format!("{it} query version {version}"));
        assert_eq!(of_query(build), protocol, "{build}");
    }
}

#[test]
fn i08_image_from_address() {
    let pull = of_query("/images/create?fromSrc=http://10.0.0.1/x");
    assert_eq!(pull, ["outbound query fromSrc http://10.0.0.1/x"]);
    assert_eq!(of_query("/images/create?fromSrc=-"), NOTHING);
    assert_eq!(of_query("/images/create?fromImage=fedora"), NOTHING);
}

#[test]
fn i12_registry_auth() {
    let auth = action("POST", "/auth", &json!({"serveraddress": "https://10.0.0.1"}));
    assert_eq!(found(&auth), ["outbound serveraddress https://10.0.0.1"]);
}

fn of_volume(options: &Value) -> Vec<String> {
    found(&action("POST", "/volumes/create", &json!({"Name": "v", "DriverOpts": options})))
}

#[test]
fn v01_volumes() {
    let device = "DriverOpts.device";
    for (options, path) in [
        (json!({"type": "none", "o": "bind", "device": "/"}), "/"),
        // The kernel ignores the type of a bind.
        (json!({"type": "nfs", "o": "bind", "device": "/etc"}), "/etc"),
        (json!({"type": "tmpfs", "o": "ro,bind", "device": "/root"}), "/root"),
        (json!({"type": "none", "o": "rbind", "device": "../etc"}), "../etc"),
        (json!({"type": "ext4", "device": "/dev/sda1"}), "/dev/sda1"),
        (json!({"type": "proc", "device": "proc"}), "proc"),
        // The control files of the host's own NFS server.
        (json!({"type": "nfsd", "device": "nfsd"}), "nfsd"),
    ] {
        let expected =
            [format!("host-files {device} {path}"), format!("host-root {device} {path}")];
        assert_eq!(of_volume(&options), expected);
    }
    let bind = json!({"type": "none", "o": "bind", "device": "/srv"});
    assert_eq!(of_volume(&bind), ["host-files DriverOpts.device /srv"]);
    let overlay = json!({"type": "overlay", "device": "overlay", "o": "lowerdir=/srv:x"});
    assert_eq!(
        of_volume(&overlay),
        ["host-files DriverOpts.o /srv", "host-files DriverOpts.o x", "host-root DriverOpts.o x"]
    );
    let share = json!({"type": "nfs", "o": "addr=10.0.0.1,nodev", "device": ":/x"});
    assert_eq!(of_volume(&share), ["outbound DriverOpts.device :/x"]);
    let memory = json!({"type": "tmpfs", "device": "tmpfs", "o": "size=1"});
    assert_eq!(of_volume(&memory), NOTHING);
}

#[test]
fn v01_volume_drivers() {
    let volume = json!({"Name": "v", "Driver": "rclone", "ClusterVolumeSpec": {"Group": "g"}});
    assert_eq!(
        found(&action("POST", "/volumes/create", &volume)),
        ["storage-driver Driver rclone", "storage-driver ClusterVolumeSpec v"]
    );
}

#[test]
fn n01_networks() {
    let of = |network: Value| found(&action("POST", "/networks/create", &network));
    for driver in ["macvlan", "ipvlan", "host", "weave"] {
        assert_eq!(of(json!({"Driver": driver})), [format!("host-network Driver {driver}")]);
    }
    for name in [
        "parent",
        "com.docker.network.bridge.name",
        "com.docker.network.bridge.enable_ip_masquerade",
        "com.docker.network.bridge.host_binding_ipv4",
    ] {
        let expected = [format!("host-network Options.{name} x")];
        assert_eq!(of(json!({"Driver": "bridge", "Options": {name: "x"}})), expected);
    }
    assert_eq!(
        of(json!({"Ingress": true, "ConfigFrom": {"Network": "other"}, "IPAM":
            {"Driver": "x", "Config": [{"Subnet": "10.0.0.0/8"}]}})),
        [
            "host-network Ingress true",
            "host-network ConfigFrom.Network other",
            "host-network IPAM.Driver x",
            "host-network IPAM.Config[0].Subnet 10.0.0.0/8",
        ]
    );
    let usual = json!({"Name": "n", "Driver": "bridge", "Internal": true, "Options":
        {"com.docker.network.driver.mtu": "1400"}, "IPAM": {"Driver": "default", "Config": []}});
    assert_eq!(of(usual), NOTHING);
}

#[test]
fn k08_private_subnets_that_nothing_uses_are_ordinary() {
    let taken = vec![Subnet::parse("10.0.5.0/24").unwrap()];
    let range = |key: &str, value: &str| {
        let mut config = json!({"Subnet": "10.213.0.0/24", "Gateway": "10.213.0.1",
            "IPRange": "10.213.0.128/25", "AuxiliaryAddresses": {"a": "10.213.0.2"}});
        config[key] =
            if key == "AuxiliaryAddresses" { json!({ "b": value }) } else { value.into() };
        config
    };
    for (config, part) in [
        (range("Subnet", "10.213.0.0/24"), None),
        (range("Subnet", "10.213.0.0/16"), None),
        (range("Subnet", "10.0.0.0/16"), Some("Subnet")),
        (range("Subnet", "8.8.8.0/24"), Some("Subnet")),
        (range("Gateway", "10.0.5.1"), Some("Gateway")),
        (range("IPRange", "10.0.0.0/8"), Some("IPRange")),
        (range("AuxiliaryAddresses", "10.0.5.1"), Some("AuxiliaryAddresses")),
    ] {
        let document = json!({"Name": "n", "IPAM": {"Config": [config]}});
        let mut create = action("POST", "/networks/create", &document);
        // Without the list, every choice is a danger.
        assert!(!found(&create).is_empty(), "{document}");
        create.references.taken_subnets = Some(taken.clone());
        let parts: Vec<String> = found(&create);
        let is_found = |part| {
            parts
                .iter()
                .any(|line| line.starts_with(&format!("host-network IPAM.Config[0].{part} ")))
        };
        assert_eq!(!parts.is_empty(), part.is_some_and(is_found), "{document}: {parts:?}");
    }
}

#[test]
fn k08_gateway_modes_without_a_way_in_are_ordinary() {
    for (name, value, is_danger) in [
        ("gateway_mode_ipv4", "isolated", false),
        ("gateway_mode_ipv6", "isolated", false),
        ("gateway_mode_ipv4", "nat", false),
        ("gateway_mode_ipv4", "routed", true),
        ("gateway_mode_ipv4", "nat-unprotected", true),
        ("gateway_mode_ipv4", "", true),
        ("inhibit_ipv4", "true", false),
        ("inhibit_ipv4", "1", true),
        ("trusted_host_interfaces", "eth0", true),
    ] {
        let options = json!({ format!("com.docker.network.bridge.{name}"): value });
        let create = action("POST", "/networks/create", &json!({"Options": options}));
        assert_eq!(!found(&create).is_empty(), is_danger, "{name} {value}");
    }
}

#[test]
fn s07_a_network_that_turns_on_a_host_switch_is_a_danger() {
    let icc = |value: &str| json!({"Options": {"com.docker.network.bridge.enable_icc": value}});
    let on = HostSysctls::ON;
    let no_ipv6 = HostSysctls { forwards_ipv6: false, ..on };
    let no_ipv4 = HostSysctls { forwards_ipv4: false, ..on };
    let no_filter = HostSysctls { filters_bridges: false, ..on };
    for (document, host_sysctls, part) in [
        (json!({"EnableIPv6": true}), on, None),
        (json!({"EnableIPv6": true}), no_ipv6, Some("EnableIPv6")),
        (json!({"EnableIPv6": false}), no_ipv6, None),
        (json!({}), no_ipv4, Some("EnableIPv4")),
        (json!({"EnableIPv4": false}), no_ipv4, None),
        (icc("false"), on, None),
        (icc("true"), no_filter, None),
        (icc("false"), no_filter, Some("Options.")),
        (icc("0"), no_filter, Some("Options.")),
        (json!({}), no_filter, None),
    ] {
        let mut create = action("POST", "/networks/create", &document);
        create.references.host_sysctls = host_sysctls;
        let found = found(&create);
        let is_found =
            |part| found.iter().any(|line| line.starts_with(&format!("host-network {part}")));
        assert_eq!(
            !found.is_empty(),
            part.is_some_and(is_found),
            "{document} {host_sysctls:?} {found:?}"
        );
    }
}

#[test]
fn n01_network_members() {
    let connect = json!({"Container": "web", "EndpointConfig": {"Links": ["db"]}});
    assert_eq!(
        found(&action("POST", "/networks/n/connect", &connect)),
        ["foreign-container Container web", "foreign-container EndpointConfig.Links[0] db"]
    );
    let disconnect = action("POST", "/networks/n/disconnect", &json!({"Container": "web"}));
    assert_eq!(found(&disconnect), ["foreign-container Container web"]);
}
