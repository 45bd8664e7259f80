//! Section 5.3: images that are named anew, taken away, or made with something of the host.

use super::row::End::{Denied, Hidden, Refused};
use super::row::{Row, bare, json};
use super::stage::{Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;

const DENIED: &[(&str, &str, &str)] = &[
    ("I01", "POST /build?networkmode=host&t=dev/{me}", "host-network"),
    ("I02", "POST /build?cgroupparent=/x&t=dev/{me}", "host-cgroup"),
    ("I02-limits", "POST /build?memswap=-1&t=dev/{me}", "host-resources"),
    ("I05-tag", "POST /images/fedora/tag?repo={me}", "image-name"),
    ("I05-over", "POST /images/{image}/tag?repo=fedora&tag=latest", "image-name"),
    ("I05-build", "POST /build?t=fedora", "image-name"),
    ("I05-build-second", "POST /build?t=dev/{me}&t=fedora:latest", "image-name"),
    ("I05-load", "POST /images/load", "image"),
    ("I05-import", "POST /images/create?fromSrc=-&repo=fedora&tag=latest", "image-import"),
    (
        "I05-import-url",
        "POST /images/create?fromSrc=http://127.0.0.1:1/&repo=dev/{me}",
        "image-import",
    ),
    ("I05-commit", "POST /commit?container={own}&repo=fedora", "image-name"),
    ("I06", "POST /build?version=2&t=dev/{me}", "host-network"),
    ("I09", "POST /images/{image}/push", "image-push"),
    ("I10", "GET /images/{image}/get", "image-export"),
    ("I10-names", "GET /images/get?names={image}", "image-export"),
    ("I10-two", "GET /images/get?names=fedora&names={image}", "image-export"),
    ("I11", "DELETE /images/{image}", "image-delete"),
    ("I11-force", "DELETE /images/fedora?force=1", "image-delete"),
];

#[test]
fn no_image_is_put_in_another_s_place() {
    let outbound = "@id(\"no-outbound\") forbid(principal == User::\"dwalsh\", action, resource) \
        when { context.dangers.contains(\"outbound\") };\n\
        @id(\"no-registry\") forbid(principal == User::\"dwalsh\", \
        action == Action::\"registry-access\", resource) \
        unless { context.dangers.contains(\"outbound\") };\n";
    let broker = Broker::with_policies(&format!("{}{outbound}", policies()), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows: Vec<Row> =
        DENIED.iter().map(|(id, target, word)| bare(id, target, Denied(word))).collect();
    let auth = r#"{"serveraddress":"https://127.0.0.1:1","username":"a","password":"b"}"#;
    rows.extend([
        bare("I01-id", "POST /build?networkmode={hostnet}&t=dev/{me}", Hidden("not found")),
        bare(
            "I01-container",
            "POST /build?networkmode=container:{other}&t=dev/{me}",
            Hidden("o such container"),
        ),
        bare("I01-net", "POST /build?networkmode={net}&t=dev/{me}", Hidden("not found")),
        bare("I03", "POST /build?remote=http://127.0.0.1:1/x&t=dev/{me}", Denied("no-outbound")),
        bare("I08", "POST /images/create?fromSrc=http://127.0.0.1:1/x", Denied("image-import")),
        json("I12", "POST /auth", auth, Denied("no-outbound")),
        json("Y05", "POST /auth", auth, Denied("no-outbound")),
        bare("I12-plugin", "GET /plugins/privileges?remote=127.0.0.1:1/x", Denied("no-registry")),
        bare("I15-path", "GET /images/a/../{image}/json", Refused("")),
        bare("I15-dot", "GET /images/./json", Refused("")),
        bare("I12-search", "GET /images/search?term=127.0.0.1:1/x", Denied("no-registry")),
        bare("I12-distribution", "GET /distribution/127.0.0.1:1/x/json", Denied("no-registry")),
    ]);
    stage.play(&rows);
    stage.survives();
}
