//! Whether processes in containers can write audit records.
//!
//! Docker gives `CAP_AUDIT_WRITE` to each container and to each step of a build, so a process there
//! could write records with any text. A seccomp profile for the whole daemon can stop that: it
//! refuses the socket to the kernel's audit system. This file reads such profiles and looks at running
//! containers. It changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::cgroup::container_ids;

/// The settings file of dockerd, unless its option `--config-file` names another.
///
/// # Source
/// `dockerd(8)`.
pub const DAEMON_SETTINGS: &str = "/etc/docker/daemon.json";

/// Whether the settings of dockerd refuse audit sockets to containers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "each program must handle every answer")]
pub enum Profile {
    /// The settings name this profile, and it refuses audit sockets.
    Refuses(PathBuf),
    /// The settings name this profile, and it allows at least one way to open an audit socket.
    Allows(PathBuf),
    /// The settings name no profile. So docker's own profile is used, which allows audit sockets.
    Default,
}

impl Profile {
    /// Reads this settings file, and the profile that it names.
    ///
    /// A running dockerd may differ: it reads the file when it starts, and its own option
    /// `--seccomp-profile` wins.
    ///
    /// # Errors
    /// If one of the two files cannot be read or is not valid JSON.
    pub fn of_daemon(settings: &Path) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Settings {
            #[serde(rename = "seccomp-profile", default)]
            profile: String,
        }
        let read = |path: &Path| {
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        if !settings.exists() {
            return Ok(Self::Default);
        }
        let bad = |path: &Path| format!("bad settings `{}`", path.display());
        let Settings { profile } =
            serde_json::from_str(&read(settings)?).with_context(|| bad(settings))?;
        Ok(match profile.as_str() {
            "" | "builtin" => Self::Default,
            path => {
                let path = PathBuf::from(path);
                let document: Value =
                    serde_json::from_str(&read(&path)?).with_context(|| bad(&path))?;
                if refuses(&document) { Self::Refuses(path) } else { Self::Allows(path) }
            }
        })
    }
}

/// `AF_NETLINK` and `NETLINK_AUDIT`, as the arguments of `socket(2)` with these indices.
///
/// # Source
/// `include/linux/socket.h` and `include/uapi/linux/netlink.h` of Linux.
const AUDIT_SOCKET: [(u64, u64); 2] = [(0, 16), (2, 9)];

/// System calls that can open a socket with arguments that a seccomp profile cannot see.
const OPAQUE: [&str; 3] = ["socketcall", "io_uring_setup", "io_uring_enter"];

/// Whether a profile in docker's format refuses every system call that opens an audit socket.
///
/// A rule that this function does not understand counts as "allows". The kernel compares all 64 bits
/// of an argument, but `socket(2)` uses the lower 32. So a comparison that a caller can change with the
/// upper 32 bits refuses nothing.
#[must_use]
pub fn refuses(profile: &Value) -> bool {
    let is_refusal = |action: Option<&Value>| {
        action.and_then(Value::as_str).is_some_and(|action| {
            ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL"].iter().any(|known| action.starts_with(known))
        })
    };
    let rules = profile.get("syscalls").and_then(Value::as_array);
    is_refusal(profile.get("defaultAction"))
        && rules.into_iter().flatten().all(|rule| {
            is_refusal(rule.get("action"))
                || !(names(rule).any(|name| OPAQUE.contains(&name))
                    || names(rule).any(|name| name == "socket") && may_match(rule))
        })
}

fn names(rule: &Value) -> impl Iterator<Item = &str> {
    let many = rule.get("names").and_then(Value::as_array).into_iter().flatten();
    many.chain(rule.get("name")).filter_map(Value::as_str)
}

/// Whether the rule matches some call that opens an audit socket.
fn may_match(rule: &Value) -> bool {
    let arguments = rule.get("args").and_then(Value::as_array);
    arguments.into_iter().flatten().all(|argument| {
        let number = |name| argument.get(name).and_then(Value::as_u64).unwrap_or_default();
        let known = AUDIT_SOCKET.iter().find(|(index, _)| *index == number("index"));
        let Some((_, given)) = known else { return true };
        let lower = |number: u64| number & u64::from(u32::MAX);
        match argument.get("op").and_then(Value::as_str) {
            Some("SCMP_CMP_EQ") => lower(number("value")) == *given,
            Some("SCMP_CMP_MASKED_EQ") => {
                given & lower(number("value")) == lower(number("valueTwo"))
            }
            _ => true,
        }
    })
}

/// The ids of docker's running containers in which a process has `CAP_AUDIT_WRITE` or can get it.
///
/// Reads the bounding set of each process in `/proc`, so it needs root to see all of them.
///
/// # Errors
/// If the processes of the host cannot be listed.
pub fn containers_that_may_write() -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc").context("cannot list the processes in /proc")? {
        let directory = entry.context("cannot list the processes in /proc")?.path();
        // If the process has ended meanwhile, its files are gone.
        let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
        let cgroup = read("cgroup");
        let Some(id) = cgroup.lines().find_map(|line| container_ids(line.as_bytes()).next()) else {
            continue;
        };
        if may_get_audit_write(&read("status")) {
            found.insert(id.to_owned());
        }
    }
    Ok(found)
}

/// # Source
/// `proc_pid_status(5)`: `CapBnd`; `CAP_AUDIT_WRITE` in `include/uapi/linux/capability.h` of Linux.
fn may_get_audit_write(status: &str) -> bool {
    const AUDIT_WRITE: u64 = 1 << 29;
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    let bounding = bounding.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    bounding.is_some_and(|bounding| bounding & AUDIT_WRITE != 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn allowing(rules: &Value) -> bool {
        !refuses(&json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}))
    }

    fn rule(arguments: &Value) -> Value {
        json!([{"names": ["read", "socket"], "action": "SCMP_ACT_ALLOW", "args": arguments}])
    }

    #[test]
    fn s20_the_shipped_profile_refuses_audit_sockets() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/seccomp-no-audit.json");
        let profile = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(refuses(&profile));
    }

    #[test]
    fn s20_a_profile_that_allows_an_audit_socket_is_found() {
        assert!(!allowing(&json!([])));
        assert!(allowing(&rule(&Value::Null)));
        assert!(allowing(&rule(&json!([]))));
        for argument in [
            json!({"index": 1, "value": 3, "op": "SCMP_CMP_EQ"}),
            json!({"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}),
            // A caller makes these true with the upper 32 bits of the argument.
            json!({"index": 0, "value": 16, "op": "SCMP_CMP_NE"}),
            json!({"index": 2, "value": 9, "op": "SCMP_CMP_NE"}),
            json!({"index": 0, "value": 40, "op": "SCMP_CMP_GT"}),
            json!({"index": 0, "value": 15, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}),
            json!({"index": 0, "value": 16, "op": "A_NEW_ONE"}),
        ] {
            assert!(allowing(&rule(&json!([argument]))), "{argument}");
        }
        for argument in [
            json!({"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}),
            json!({"index": 2, "value": 0, "op": "SCMP_CMP_EQ"}),
            json!({"index": 0, "value": 16, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}),
        ] {
            assert!(!allowing(&rule(&json!([argument]))), "{argument}");
        }
        for name in OPAQUE {
            assert!(allowing(&json!([{"name": name, "action": "SCMP_ACT_ALLOW"}])), "{name}");
        }
        let refused = json!([{"names": ["socket"], "action": "SCMP_ACT_ERRNO"}]);
        assert!(!allowing(&refused));
        assert!(!refuses(&json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": refused})));
        assert!(!refuses(&json!({})));
    }

    #[test]
    fn s27_the_capability_is_read_from_the_bounding_set() {
        assert!(may_get_audit_write("Name:\tsh\nCapBnd:\t00000000a80425fb\n"));
        assert!(!may_get_audit_write("Name:\tsh\nCapBnd:\t00000000880425fb\n"));
        assert!(!may_get_audit_write(""));
    }
}
