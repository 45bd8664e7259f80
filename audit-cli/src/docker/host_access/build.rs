//! What a build and its builder ask for.
//!
//! dockerd fetches the addresses that a build names, from inside the host's network.

use audit_host::danger::Danger;
use audit_host::finding::Way;
use audit_host::host_access::RequestedAccess;
use audit_host::options::address::judge_remote;

use crate::docker::flags::{Flag, Flags, pair, texts};

/// Adds the addresses from which dockerd fetches the context, further contexts or the Dockerfile.
pub(super) fn add_build(access: &mut RequestedAccess, flags: &Flags<'_>) {
    for operand in &flags.operands {
        add_source(access, &String::from_utf8_lossy(operand));
    }
    for flag in &flags.given {
        match flag.name {
            b"build-context" => add_source(access, pair(&flag.text()).1),
            b"file" => add_source(access, &flag.text()),
            _ => {}
        }
    }
}

/// Adds what a new builder asks for. The default driver, and every driver not listed here, runs
/// BuildKit in a privileged container on this host.
///
/// # Source
/// `create` in `driver/docker-container/driver.go` of docker/buildx.
pub(super) fn add_builder(access: &mut RequestedAccess, given: &[Flag<'_>]) {
    let driver = texts(given, b"driver").pop();
    let is_elsewhere = |driver: &str| matches!(driver, "docker" | "remote" | "kubernetes");
    if !driver.as_deref().is_some_and(is_elsewhere) {
        access.add(Danger::HostRoot, Way::Privileged, b"");
    }
}

/// Adds what the option `--allow` lets BuildKit give to the steps of a build.
///
/// # Source
/// `Entitlement` in `util/entitlements/entitlements.go` of buildkit.
pub(super) fn add_entitlements(access: &mut RequestedAccess, value: &str) {
    for entitlement in value.split(',') {
        match entitlement.split('=').next().unwrap_or_default() {
            "security.insecure" => access.add(Danger::HostRoot, Way::Privileged, b""),
            "network.host" => {
                access.add(Danger::HostNetwork, Way::Namespace("network"), b"host");
            }
            "device" => access.add(Danger::Devices, Way::Device, entitlement.as_bytes()),
            _ => {}
        }
    }
}

fn add_source(access: &mut RequestedAccess, source: &str) {
    if is_remote(source) {
        access.add_findings(judge_remote(source));
    }
}

/// Whether dockerd fetches this source of a build, so that it is not a path on the caller's side. Every
/// scheme counts, unless it is known to name an image, another target of the build, or a local place.
///
/// # Source
/// `build/opt.go` and `bake/remote.go` of docker/buildx; `builder/remotecontext/urlutil` of moby.
fn is_remote(source: &str) -> bool {
    const NOT_FETCHED: [&str; 3] = ["docker-image", "oci-layout", "cwd"];
    match source.split_once("://") {
        Some((scheme, _)) => !NOT_FETCHED.contains(&scheme),
        None => source.starts_with("github.com/") || is_ssh_remote(source),
    }
}

/// Whether the source is `USER@HOST:PATH`, as git and ssh write it.
fn is_ssh_remote(source: &str) -> bool {
    let place = source.split_once(':').map_or("", |(place, _)| place);
    place.contains('@') && !place.contains('/')
}
