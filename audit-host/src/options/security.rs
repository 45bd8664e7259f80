//! Security options (`--security-opt`), which isolate a container from the host.

use crate::finding::Finding;

/// Judges a security option. Everything except docker's own defaults loosens the confinement.
#[must_use]
pub fn judge(option: &str) -> Option<Finding> {
    loosened(option).map(|word| Finding::loosened(word, option))
}

/// The word for the confinement that the option loosens; `None` for a default of docker.
///
/// # Source
/// `parseSecurityOpts` in `cli/command/container/opts.go` and `opts/parse.go` of docker/cli: the
/// name ends at `=`, or at `:` in the old syntax.
fn loosened(option: &str) -> Option<&'static str> {
    let (name, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
    let (name, is_default) = match name {
        "no-new-privileges" => {
            ("no_new_privileges", !matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False"))
        }
        "seccomp" => ("seccomp", value == "builtin"),
        "apparmor" => ("apparmor", value == "docker-default"),
        "label" => ("label", value.is_empty()),
        "systempaths" => ("systempaths", value.is_empty()),
        "writable-cgroups" => {
            ("writable_cgroups", matches!(value, "false" | "0" | "f" | "F" | "FALSE" | "False"))
        }
        _ => ("other", false),
    };
    (!is_default).then_some(name)
}
