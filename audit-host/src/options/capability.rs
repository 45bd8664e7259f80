//! Capabilities that a container is given.

use crate::danger::Danger;
use crate::finding::{Finding, Way};

/// What one capability yields, in any spelling that docker takes.
#[must_use]
pub fn judge(value: &str) -> Vec<Finding> {
    let name = canonical(value);
    let dangers: &[Danger] = match name.as_str() {
        known if BY_DEFAULT.contains(&known) => &[],
        AUDIT_WRITE => &[Danger::EvidenceForging],
        MKNOD => &[Danger::Devices],
        known if CONTAINED.contains(&known) => &[Danger::Capabilities],
        _ => &[Danger::Capabilities, Danger::HostRoot],
    };
    dangers.iter().map(|danger| Finding::new(*danger, &name).by(Way::Capability)).collect()
}

/// A capability in capitals, without `CAP_` in front, as docker reads it: there, `ı` is a small `I`
/// too.
///
/// # Source
/// `NormalizeLegacyCapabilities` in moby's `daemon/pkg/oci/caps/utils.go`.
#[must_use]
pub fn canonical(value: &str) -> String {
    let name = value.trim().to_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

/// The capability's name as the kernel writes it, without `cap_`; `other` if it is not known.
pub(crate) fn word(value: &[u8]) -> &'static str {
    let name = canonical(&String::from_utf8_lossy(value));
    let known = ALL.iter().find(|known| name.eq_ignore_ascii_case(known));
    known.copied().unwrap_or("other")
}

/// Writes records of any content, from any container: the kernel asks for no other privilege. Docker
/// gives it to every container that is not made without it.
pub const AUDIT_WRITE: &str = "AUDIT_WRITE";

/// Makes devices of the host. The container cannot open them, but a process of the host that reaches the
/// container's files by `/proc/PID/root` can. Docker gives it to every container that is not made
/// without it.
pub const MKNOD: &str = "MKNOD";

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

/// # Source
/// `include/uapi/linux/capability.h`, and docker's own `ALL`.
pub(crate) const ALL: &[&str] = &[
    "all",
    "audit_control",
    "audit_read",
    "audit_write",
    "block_suspend",
    "bpf",
    "checkpoint_restore",
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "ipc_lock",
    "ipc_owner",
    "kill",
    "lease",
    "linux_immutable",
    "mac_admin",
    "mac_override",
    "mknod",
    "net_admin",
    "net_bind_service",
    "net_broadcast",
    "net_raw",
    "perfmon",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_admin",
    "sys_boot",
    "sys_chroot",
    "sys_module",
    "sys_nice",
    "sys_pacct",
    "sys_ptrace",
    "sys_rawio",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "syslog",
    "wake_alarm",
];
