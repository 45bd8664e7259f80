//! Loosened confinement of a container.

use std::collections::BTreeMap;

use audit_host::finding::Finding;
use audit_host::options::{security, sysctl};

use super::{Danger, gathered::Gathered};
use crate::api::host_config::HostConfig;
use crate::api::task::{SelinuxContext, TaskPrivileges};

/// Security options, and the masked and read-only paths of the kernel.
pub(super) fn add_confinement(gathered: &mut Gathered, place: &str, config: &HostConfig) {
    for (index, option) in config.security_opt.iter().flatten().enumerate() {
        gathered.add_found(format_args!("{place}SecurityOpt[{index}]"), security::judge(option));
    }
    // If the container is confined as usual, docker omits both lists or sends its defaults.
    if let Some(path) = missing(MASKED_PATHS, config.masked_paths.as_deref()) {
        let loosened = Finding::loosened("systempaths", path);
        gathered.add_found(format_args!("{place}MaskedPaths"), [loosened]);
    }
    // The kernel runs the program in `/proc/sys/kernel/core_pattern` as root.
    if let Some(path) = missing(READONLY_PATHS, config.readonly_paths.as_deref()) {
        let loosened = Finding::loosened("systempaths", path);
        let root = Finding { danger: Danger::HostRoot, ..loosened.clone() };
        gathered.add_found(format_args!("{place}ReadonlyPaths"), [loosened, root]);
    }
}

/// The first of the usual paths that a list leaves out.
fn missing(usual: &[&'static str], paths: Option<&[String]>) -> Option<&'static str> {
    let paths = paths?;
    usual.iter().copied().find(|usual| !paths.iter().any(|path| path == usual))
}

/// Paths that every release of docker since 20.10 masks, and paths that it makes read-only.
///
/// # Source
/// `DefaultLinuxSpec` in moby's `oci/defaults.go`.
pub(super) const MASKED_PATHS: &[&str] = &[
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];
pub(super) const READONLY_PATHS: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Kernel parameters.
pub(super) fn add_sysctls(
    gathered: &mut Gathered,
    place: &str,
    sysctls: Option<&BTreeMap<String, String>>,
    has_own_network: bool,
) {
    for (name, value) in sysctls.into_iter().flatten() {
        let part = format_args!("{place}Sysctls.{name}");
        gathered.add_found(part, sysctl::judge(name, value, has_own_network));
    }
}

/// The confinement of the tasks of a service.
pub(super) fn add_privileges(gathered: &mut Gathered, place: &str, privileges: &TaskPrivileges) {
    let seccomp = privileges.seccomp.as_ref().and_then(|seccomp| seccomp.mode.as_deref());
    let apparmor = privileges.apparmor.as_ref().and_then(|apparmor| apparmor.mode.as_deref());
    for (key, word, mode) in
        [("Seccomp.Mode", "seccomp", seccomp), ("AppArmor.Mode", "apparmor", apparmor)]
    {
        if let Some(mode) = mode.filter(|mode| !matches!(*mode, "" | "default")) {
            gathered.add_found(format_args!("{place}{key}"), [Finding::loosened(word, mode)]);
        }
    }
    let context = privileges.selinux_context.as_ref();
    if let Some(context) = context.filter(|context| **context != SelinuxContext::default()) {
        let part = format_args!("{place}SELinuxContext");
        let label = if context.disable == Some(true) { "disabled" } else { "changed" };
        gathered.add_found(part, [Finding::loosened("label", label)]);
    }
}
