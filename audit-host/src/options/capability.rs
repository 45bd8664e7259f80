//! Capabilities that a container gets.

use crate::danger::Danger;
use crate::finding::{Finding, Way};

/// Judges one capability, in any spelling that docker accepts.
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
    dangers.iter().map(|danger| Finding::new(*danger, &name).recorded_as(Way::Capability)).collect()
}

/// The capability in upper case and without `CAP_`, as docker reads it. Like Go, this turns the letter
/// `ı` into `I` too.
///
/// # Source
/// `NormalizeLegacyCapabilities` in moby's `daemon/pkg/oci/caps/utils.go`.
#[must_use]
pub fn canonical(value: &str) -> String {
    let name = value.trim().to_uppercase();
    name.strip_prefix("CAP_").map(str::to_owned).unwrap_or(name)
}

/// Whether the text is short enough for the name of a known capability, in any spelling. A request can hold
/// thousands of long texts, and each is compared with several names.
///
/// No letter takes more than four bytes, and none becomes less than one letter in upper case.
#[must_use]
pub fn may_be_known(value: &str) -> bool {
    const LONGEST: usize = "CAP_CHECKPOINT_RESTORE".len();
    value.trim().len() <= 4 * LONGEST
}

/// The name of the capability in records: as the kernel writes it, without `cap_`; `other` if it is
/// unknown.
pub(crate) fn word(value: &[u8]) -> &'static str {
    if !may_be_known(&String::from_utf8_lossy(value)) {
        return "other";
    }
    let name = canonical(&String::from_utf8_lossy(value));
    let known = ALL.iter().find(|known| name.eq_ignore_ascii_case(known));
    known.copied().unwrap_or("other")
}

/// Allows writing audit records with any text, from any container: the kernel requires no other
/// privilege. Docker gives it to every container, unless the caller drops it.
pub const AUDIT_WRITE: &str = "AUDIT_WRITE";

/// Allows creating device nodes. The container cannot open them, but a process on the host can, through
/// `/proc/PID/root` of the container. Docker gives it to every container, unless the caller drops it.
pub const MKNOD: &str = "MKNOD";

/// The other capabilities that docker gives to every container, unless the caller drops them.
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

/// Capabilities that do not by themselves lead out of a container. All others may: they load modules,
/// mount disks, read the kernel's memory or any file, or are unknown.
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

/// Every capability of the kernel, and docker's own `ALL`.
///
/// # Source
/// `include/uapi/linux/capability.h` of Linux.
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
