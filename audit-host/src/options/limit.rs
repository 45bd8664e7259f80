//! Resource limits of processes (ulimits), and the processors that a container may use.

use crate::danger::Danger;
use crate::finding::Finding;

/// Judges a ulimit. A number below zero means "unlimited".
#[must_use]
pub fn judge_ulimit(name: &str, soft: i64, hard: i64) -> Option<Finding> {
    let is_allowed = ULIMITS.contains(&name) && soft >= 0 && hard >= 0;
    (!is_allowed).then(|| {
        Finding::new(Danger::HostResources, name)
            .with_allowed("limits of memory, files and processes")
    })
}

/// The ulimits that a container may change. `rtprio`, `rttime` and `nice` are missing on purpose: they
/// let a container take the processors from other programs.
///
/// # Source
/// `ulimitNameMapping` in `ulimit.go` of `github.com/docker/go-units`.
const ULIMITS: &[&str] = &[
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nofile",
    "nproc",
    "rss",
    "sigpending",
    "stack",
];

/// Judges a list of processors or memory nodes, such as `0-3,7`. dockerd expands it to single numbers,
/// so a large range costs memory.
///
/// # Source
/// `ParseUintList` in `pkg/parsers/parsers.go` of moby.
#[must_use]
pub fn judge_processors(list: &str) -> Option<Finding> {
    let is_number = |number: &str| {
        number.bytes().all(|byte| byte.is_ascii_digit())
            && number.parse::<u16>().is_ok_and(|number| number <= 8192)
    };
    let is_range = |range: &str| range.split('-').count() <= 2 && range.split('-').all(is_number);
    let is_allowed = list.is_empty() || list.split(',').all(is_range);
    (!is_allowed).then(|| {
        Finding::new(Danger::HostResources, list).with_allowed("numbers and ranges up to 8192")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_take_processors_from_other_programs_are_dangers() {
        assert_eq!(judge_ulimit("nofile", 1024, 1_048_576), None);
        for (name, soft, hard) in [
            ("memlock", -1, -1),
            ("rtprio", 1, 99),
            ("nice", 0, 40),
            ("new", 1, 1),
            ("NOFILE", 1, 1),
        ] {
            assert!(judge_ulimit(name, soft, hard).is_some(), "{name}");
        }
        for list in ["", "0", "0-3", "0,2-4,8192"] {
            assert_eq!(judge_processors(list), None, "{list}");
        }
        for list in ["0-1000000000", "0-", "a", "0,,1", "1-2-3", " 0", "+1"] {
            assert!(judge_processors(list).is_some(), "{list}");
        }
    }
}
