//! Addresses that a build or an import names, for dockerd to fetch from inside the host's network.

use audit_host::host_access::Asked;
use audit_host::options::address::judge_remote;

use super::container::pair;
use super::flags::Flags;

/// A build whose context, additional contexts or Dockerfile are fetched.
pub(super) fn add_build(asked: &mut Asked, flags: &Flags<'_>) {
    for operand in &flags.operands {
        add_source(asked, &String::from_utf8_lossy(operand));
    }
    for flag in &flags.given {
        match flag.name {
            b"build-context" => add_source(asked, pair(&flag.text()).1),
            b"file" => add_source(asked, &flag.text()),
            _ => {}
        }
    }
}

/// An import whose archive is fetched. docker opens every other source as a file of the caller's.
///
/// # Source
/// `runImport` in `cli/command/image/import.go` of docker/cli.
pub(super) fn add_import(asked: &mut Asked, flags: &Flags<'_>) {
    let Some(source) = flags.operands.first() else { return };
    if source.starts_with(b"http://") || source.starts_with(b"https://") {
        asked.add_findings(judge_remote(&String::from_utf8_lossy(source)));
    }
}

fn add_source(asked: &mut Asked, source: &str) {
    if is_remote(source) {
        asked.add_findings(judge_remote(source));
    }
}

/// Whether a source of a build is fetched, and not a path of the caller's. Any scheme counts that is not
/// known to name an image, another target of the build, or a place of the caller's.
///
/// # Source
/// `build/opt.go` and `bake/remote.go` of docker/buildx; `builder/remotecontext/urlutil` of moby.
fn is_remote(source: &str) -> bool {
    const FETCHED_OTHERWISE: [&str; 3] = ["docker-image", "oci-layout", "cwd"];
    match source.split_once("://") {
        Some((scheme, _)) => !FETCHED_OTHERWISE.contains(&scheme),
        None => source.starts_with("github.com/") || is_ssh_remote(source),
    }
}

/// `USER@HOST:PATH`, as git and ssh write it.
fn is_ssh_remote(source: &str) -> bool {
    let place = source.split_once(':').map_or("", |(place, _)| place);
    place.contains('@') && !place.contains('/')
}
