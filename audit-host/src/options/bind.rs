//! Mounts in docker's short syntax, `/src:/in/container[:options]`.

use super::{OPTIONS_LIMIT, host_path, target};
use crate::danger::Danger;
use crate::finding::Finding;

/// Judges a mount in the short syntax. A source that is not a path is the name of a volume. A path
/// alone is a new volume.
///
/// # Source
/// `ParseMountRaw` in `daemon/volume/mounts/linux_parser.go` of moby.
#[must_use]
pub fn judge(bind: &str) -> Vec<Finding> {
    let Some((source, rest)) = bind.split_once(':') else {
        return target::judge_mount(bind).into_iter().collect();
    };
    let (place, options) = rest.split_once(':').unwrap_or((rest, ""));
    let mut findings = Vec::new();
    if source.starts_with('/') {
        let is_read_only = options.split(',').any(|option| option == "ro");
        findings.extend(host_path::judge(source, is_read_only));
        if options.split(',').nth(OPTIONS_LIMIT).is_some() {
            findings.push(Finding::new(Danger::HostRoot, options));
        } else {
            findings.extend(options.split(',').filter_map(judge_option));
        }
    } else if !is_name(source) {
        findings.push(Finding::new(Danger::HostRoot, bind));
    }
    findings.extend(target::judge_mount(place));
    findings
}

/// Judges an option of a mount of host files. `z` and `Z` change the SELinux label of the files, even of
/// files that belong to another user. `shared` and `slave` pass on mounts that are made later.
#[must_use]
pub fn judge_option(option: &str) -> Option<Finding> {
    let is_usual = matches!(
        option,
        "" | "ro" | "rw" | "nocopy" | "consistent" | "cached" | "delegated" | "default"
    );
    let word = if matches!(option, "z" | "Z") { "label" } else { "propagation" };
    (!is_usual && !keeps_mounts_apart(option)).then(|| Finding::loosened(word, option))
}

/// Judges the propagation of a mount, from docker's long syntax.
#[must_use]
pub fn judge_propagation(propagation: &str) -> Option<Finding> {
    let is_apart = keeps_mounts_apart(propagation);
    (!is_apart).then(|| Finding::loosened("propagation", propagation).with_allowed("rprivate"))
}

fn keeps_mounts_apart(propagation: &str) -> bool {
    matches!(propagation, "" | "private" | "rprivate")
}

/// Whether a text can be the name of a volume or of another object of docker. Docker makes such a name
/// part of a path on the host.
///
/// # Source
/// `RestrictedNamePattern` in `daemon/names/names.go` of moby.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    name.bytes().all(is_plain) && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}
