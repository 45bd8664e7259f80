//! Whether processes in containers can write audit records.
//!
//! Docker gives each container, and each step of a build, `CAP_AUDIT_WRITE`. A seccomp profile for
//! the whole daemon can refuse them the socket to the kernel's audit instead.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::cgroup::container_ids;

/// Where dockerd has its settings unless it is told otherwise.
pub const DAEMON_SETTINGS: &str = "/etc/docker/daemon.json";

/// Whether dockerd's settings refuse audit sockets to its containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A profile that the settings name refuses them.
    Refuses(PathBuf),
    /// A profile that the settings name lets some through.
    Allows(PathBuf),
    /// The settings name none, so that docker's own holds, which lets them through.
    Default,
}

impl Profile {
    /// Reads the settings in this file, and the profile that they name.
    ///
    /// This is what a dockerd has that was started since they were written, without a
    /// `--seccomp-profile` of its own.
    ///
    /// # Errors
    /// If one of the files cannot be read or understood.
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

/// Calls that make a socket in a way that a profile cannot look into.
const OPAQUE: [&str; 3] = ["socketcall", "io_uring_setup", "io_uring_enter"];

/// Whether a profile of docker's form refuses every call that makes an audit socket.
///
/// What it does not understand counts as let through. The kernel compares 64 bits of an argument,
/// of which `socket(2)` takes 32: a comparison that a caller can change by the upper half refuses
/// nothing.
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

/// Whether the rule holds for some call that makes an audit socket.
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

/// The ids of the running containers of docker's in which some process has `CAP_AUDIT_WRITE`, or can
/// get it.
///
/// # Errors
/// If the processes of the host cannot be listed.
pub fn containers_that_may_write() -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc").context("cannot list the processes in /proc")? {
        let directory = entry.context("cannot list the processes in /proc")?.path();
        // A process that has ended meanwhile has no files.
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
    fn s20_a_profile_that_lets_one_through_is_told() {
        assert!(!allowing(&json!([])));
        assert!(allowing(&rule(&Value::Null)));
        assert!(allowing(&rule(&json!([]))));
        for argument in [
            json!({"index": 1, "value": 3, "op": "SCMP_CMP_EQ"}),
            json!({"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}),
            // The upper half of the argument makes these true.
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
