//! Capabilities that a container is given.

use std::fmt::Arguments;

use audit_host::host_access::capability_name;

use super::{Danger, gathered::Gathered};
use crate::api::host_config::HostConfig;
use crate::api::words::Words;

/// One capability, in any spelling that docker takes.
pub(super) fn add_capability(gathered: &mut Gathered, part: Arguments<'_>, value: &str) {
    let name = capability_name(value);
    let name = name.as_str();
    if BY_DEFAULT.contains(&name) {
        return;
    }
    gathered.asked.add_capability(value.as_bytes());
    if name == AUDIT_WRITE {
        gathered.add(Danger::EvidenceForging, part, name);
        return;
    }
    gathered.add(Danger::Capabilities, part, name);
    if !CONTAINED.contains(&name) {
        gathered.add(Danger::HostRoot, part, name);
    }
}

/// Whether docker gives a new container `CAP_AUDIT_WRITE` without being asked. What is asked for is
/// judged as a danger.
pub(crate) fn is_given_audit_write(config: &HostConfig) -> bool {
    let names = |words: &Option<Words>| {
        let mut names = words.iter().flat_map(|words| &words.0).map(|name| capability_name(name));
        names.any(|name| name == AUDIT_WRITE || name == "ALL")
    };
    config.privileged != Some(true) && !names(&config.cap_add) && !names(&config.cap_drop)
}

/// Writes records of any content, from any container: the kernel asks for no other privilege. Docker
/// gives it to every container that is not made without it.
pub(crate) const AUDIT_WRITE: &str = "AUDIT_WRITE";

/// What else every container has that is not made without it.
///
/// # Source
/// `DefaultCapabilities` in moby's `daemon/pkg/oci/caps/defaults.go`.
const BY_DEFAULT: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// What does not by itself get anybody out of a container. Of the others some load modules, mount
/// disks, read the kernel's memory or any file, and some are not known.
const CONTAINED: &[&str] = &[
    "BLOCK_SUSPEND",
    "IPC_LOCK",
    "IPC_OWNER",
    "LEASE",
    "LINUX_IMMUTABLE",
    "NET_ADMIN",
    "NET_BROADCAST",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn docker_gives_what_forges_records_unless_something_is_said_of_it() {
        let is_given = |config| is_given_audit_write(&serde_json::from_value(config).unwrap());
        for config in [json!({}), json!({"CapDrop": "CHOWN"}), json!({"CapAdd": ["CHOWN"]})] {
            assert!(is_given(config.clone()), "{config}");
        }
        for config in [
            json!({"CapDrop": ["all"]}),
            json!({"CapDrop": ["cap_audit_write"]}),
            json!({"CapAdd": ["CAP_AUDIT_WRITE"], "CapDrop": ["CHOWN"]}),
            json!({"CapAdd": ["aud\u{131}t_write"]}),
            json!({"CapAdd": "ALL"}),
            json!({"Privileged": true}),
        ] {
            assert!(!is_given(config.clone()), "{config}");
        }
    }
}
