//! Mounts in docker's short form, `/src:/in/container[:options]`.

use super::{host_path, target};
use crate::danger::Danger;
use crate::finding::Finding;

/// What a mount in the short form asks for. A source that is no path is the name of a volume, and a
/// path alone is a new volume.
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

/// Most options that are judged one by one. With more, they may say anything.
const OPTIONS_LIMIT: usize = 64;

/// What an option of a mount of the host's files asks for. `z` and `Z` give the files another label,
/// also where another user owns them; `shared` and `slave` let mounts through that are made later.
#[must_use]
pub fn judge_option(option: &str) -> Option<Finding> {
    let is_usual = matches!(
        option,
        "" | "ro" | "rw" | "nocopy" | "consistent" | "cached" | "delegated" | "default"
    );
    let word = if matches!(option, "z" | "Z") { "label" } else { "propagation" };
    (!is_usual && !keeps_mounts_apart(option)).then(|| Finding::loosened(word, option))
}

/// What the propagation of a mount asks for, in docker's long form.
#[must_use]
pub fn judge_propagation(propagation: &str) -> Option<Finding> {
    let is_apart = keeps_mounts_apart(propagation);
    (!is_apart).then(|| Finding::loosened("propagation", propagation).instead("rprivate"))
}

fn keeps_mounts_apart(propagation: &str) -> bool {
    matches!(propagation, "" | "private" | "rprivate")
}

/// Whether a text may be the name of a volume, or of another object of docker, and so part of a path.
///
/// # Source
/// `RestrictedNamePattern` in `daemon/names/names.go` of moby.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    name.bytes().all(is_plain) && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}
