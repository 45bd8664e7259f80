//! Security options: what keeps a container apart from the host.

use crate::finding::Finding;

/// What a security option loosens. Everything but docker's own defaults does.
#[must_use]
pub fn judge(option: &str) -> Option<Finding> {
    loosened(option).map(|word| Finding::loosened(word, option))
}

/// What a value of `--security-opt` loosens. Everything but docker's own defaults counts.
///
/// # Source
/// `parseSecurityOpts` in `cli/command/container/opts.go` and `opts/parse.go` of docker/cli: the
/// name ends at `=`, or at `:` in the old form.
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
