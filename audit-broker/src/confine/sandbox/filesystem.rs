//! The landlock wall: files, networks and other processes.
//!
//! This file knows which parts of the file system the daemon uses. It does not restrict connecting to
//! unix sockets by path, which landlock can do from ABI 9 on: docker's socket may be anywhere, and
//! docker creates it again at every start.

use std::path::Path;

use anyhow::Context;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
    path_beneath_rules,
};

/// The landlock version that this program uses. An older kernel enforces the rules that it supports.
///
/// # Source
/// Linux 6.12: file and directory access, TCP ports, device ioctls, signals.
const KNOWN_ABI: ABI = ABI::V6;

/// What the daemon may read: settings, shared libraries, the state of processes and control groups, the
/// sockets and files of the name service, and the list of processors. Directories that the system does not have are skipped.
const READ: [&str; 8] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/proc",
    "/sys/fs/cgroup",
    "/run",
    // glibc's allocator counts the processors. The kernel would record each denial.
    "/sys/devices/system/cpu/online",
];

/// The directories to write: a thread takes on a login uid by writing to its own file in `/proc`.
/// Those files come and go with each thread, so the rule names the whole directory. File permissions
/// still decide which of them the daemon may write.
const WRITE: [&str; 1] = ["/proc"];

/// How much of the rules the kernel enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enforcement {
    /// All of it.
    Full,
    /// The kernel is older than the rules: it restricts files, and some of the rest at most.
    Partial,
    /// The kernel has no landlock, or has disabled it.
    Absent,
}

/// Restricts the calling thread, and those that it starts later, for good.
///
/// They can read a few directories, among them that of the policies. They can write in `/proc`, and
/// create and remove files and sockets in the daemon's own directories. They cannot execute a
/// program, use TCP, or send a signal to a process outside. Unix sockets, netlink, pidfds and open
/// descriptors are not restricted.
///
/// # Errors
/// If a kernel that has landlock does not accept the rules.
///
/// # Source
/// `Documentation/userspace-api/landlock.rst`.
pub(crate) fn enter_filesystem(own: &[&Path], policies: &Path) -> anyhow::Result<Enforcement> {
    let RestrictionStatus { ruleset, .. } =
        restrict(own, policies).context("the kernel does not accept the landlock rules")?;
    Ok(match ruleset {
        RulesetStatus::FullyEnforced => Enforcement::Full,
        RulesetStatus::PartiallyEnforced => Enforcement::Partial,
        RulesetStatus::NotEnforced => Enforcement::Absent,
    })
}

fn restrict(own: &[&Path], policies: &Path) -> Result<RestrictionStatus, landlock::RulesetError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    // Opening a file in /proc for writing counts as truncating it.
    let write = make_bitflags!(AccessFs::{WriteFile | Truncate});
    let make: BitFlags<AccessFs> =
        read | write | make_bitflags!(AccessFs::{MakeReg | MakeSock | RemoveFile});
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN_ABI))?
        .handle_access(AccessNet::from_all(KNOWN_ABI))?
        .scope(Scope::Signal)?
        .create()?
        .add_rules(path_beneath_rules(READ, read))?
        .add_rules(path_beneath_rules(WRITE, write))?
        .add_rules(path_beneath_rules([policies], read))?
        .add_rules(path_beneath_rules(own, make))?
        .restrict_self()
}
