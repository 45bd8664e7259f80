//! Networks of the host, and networks of other users.

use super::row::End::{Denied, Hidden, HiddenInCreate, HiddenInRemoval, Refused};
use super::row::{Row, bare, create, host_config, json};
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::PERSON;

/// The body that creates a network, without the name.
const DENIED: &[(&str, &str)] = &[
    ("N01-macvlan", r#""Driver":"macvlan","Options":{"parent":"eth0"}"#),
    ("N01-ipvlan", r#""Driver":"ipvlan""#),
    ("N01-host", r#""Driver":"host""#),
    ("N01-plugin", r#""Driver":"weave""#),
    ("N01-bridge", r#""Options":{"com.docker.network.bridge.name":"docker0"}"#),
    ("N01-masquerade", r#""Options":{"com.docker.network.bridge.enable_ip_masquerade":"false"}"#),
    ("N01-binding", r#""Options":{"com.docker.network.bridge.host_binding_ipv4":"127.0.0.1"}"#),
    ("N01-ipam", r#""IPAM":{"Driver":"x"}"#),
    ("N01-subnet", r#""IPAM":{"Config":[{"Subnet":"169.254.169.0/24"}]}"#),
    ("N01-from", r#""ConfigFrom":{"Network":"x"}"#),
    ("N01-ingress", r#""Ingress":true"#),
];

#[test]
fn a_user_cannot_get_a_network_of_the_host() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows: Vec<Row> = DENIED
        .iter()
        .map(|(id, body)| {
            let body = format!(r#"{{"Name":"{{me}}",{body}}}"#);
            json(id, "POST /networks/create", &body, Denied("host-network"))
        })
        .collect();
    let own = r#"{"Container":"{own}"}"#;
    let other = r#"{"Container":"{other}","Force":true}"#;
    rows.extend([
        host_config("N02-id", r#"{"NetworkMode":"{hostnet}"}"#, HiddenInCreate("not found")),
        host_config("N02", r#"{"NetworkMode":"{net}"}"#, HiddenInCreate("not found")),
        create(
            "N02-endpoint",
            r#"{"Image":"fedora","HostConfig":{"NetworkMode":"none"},
                "NetworkingConfig":{"EndpointsConfig":{"{net}":{}}}}"#,
            HiddenInCreate("not found"),
        ),
        create(
            "N02-network-id",
            r#"{"Image":"fedora","HostConfig":{"NetworkMode":"bridge"},
                "NetworkingConfig":{"EndpointsConfig":{"bridge":{"NetworkID":"{net}"}}}}"#,
            HiddenInCreate("not found"),
        ),
        host_config("N02-none", r#"{"NetworkMode":"{me}-later"}"#, Refused("not found")),
        json(
            "N03-network-id",
            "POST /networks/bridge/connect",
            r#"{"Container":"{own}","EndpointConfig":{"NetworkID":"{net}"}}"#,
            Refused("NetworkID"),
        ),
        json("N03-name", "POST /networks/create", r#"{"Name":"{netid}"}"#, Refused("looks like")),
        json("N03", "POST /networks/host/connect", own, Hidden("not found")),
        json("N03-id", "POST /networks/{hostnet}/connect", own, Hidden("not found")),
        json("N03-other", "POST /networks/{net}/connect", own, Hidden("not found")),
        json(
            "N03-theirs",
            "POST /networks/bridge/connect",
            r#"{"Container":"{other}"}"#,
            Hidden(""),
        ),
        json("N03-off", "POST /networks/bridge/disconnect", other, Hidden("")),
        json("N03-off-net", "POST /networks/{net}/disconnect", other, Hidden("not found")),
        bare("N03-inspect", "GET /networks/{net}", Hidden("not found")),
        bare("N03-delete", "DELETE /networks/{net}", Hidden("not found")),
        bare("V03", "DELETE /volumes/{vol}", Hidden("no such volume")),
        bare("V03-force", "DELETE /volumes/{vol}?force=1", HiddenInRemoval),
        bare("V03-inspect", "GET /volumes/{vol}", Hidden("no such volume")),
        bare("V03-root", "GET /volumes/{rootvol}", Hidden("no such volume")),
    ]);
    stage.play(&rows);
    stage.survives();
}

/// A `/` before its name does not let a user reach another user's container, with or without force.
#[test]
fn a_user_cannot_disconnect_the_container_of_another() {
    let policies = format!(
        "@id(\"all\") permit(principal, action, resource);
         @id(\"no\") forbid(principal == User::\"{PERSON}\", action == Action::\"container-update\",
            resource) unless {{ resource in principal }};"
    );
    let broker = Broker::with_policies(&policies, "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let rows: Vec<Row> = ["{other}", "/{other}", "//{other}", "{otherid}"]
        .iter()
        .flat_map(|name| [(name, true), (name, false)])
        .map(|(name, force)| {
            let body = format!(r#"{{"Container":"{name}","Force":{force}}}"#);
            json("N-off", "POST /networks/bridge/disconnect", &body, Denied("container-update"))
        })
        .collect();
    stage.play(&rows);
    stage.survives();
}
