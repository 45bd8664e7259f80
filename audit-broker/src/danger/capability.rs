//! Capabilities that a container is given.

use std::fmt::Arguments;

use super::{Danger, gathered::Gathered};

/// One capability, in any spelling that docker takes.
pub(super) fn add_capability(gathered: &mut Gathered, part: Arguments<'_>, value: &str) {
    gathered.asked.add_capability(value.as_bytes());
    let name = bare_name(value);
    let name = name.as_str();
    if name == AUDIT_WRITE {
        gathered.add(Danger::EvidenceForging, part, name);
        return;
    }
    if BY_DEFAULT.contains(&name) {
        return;
    }
    gathered.add(Danger::Capabilities, part, name);
    if !CONTAINED.contains(&name) {
        gathered.add(Danger::HostRoot, part, name);
    }
}

/// A capability without what may stand in front of it, as docker reads it.
pub(crate) fn bare_name(value: &str) -> String {
    let name = value.trim().to_ascii_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
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
