//! Files, networks and processes behind a landlock wall.
//!
//! Knows which parts of the file system the daemon uses. Connecting to a unix socket by its path
//! is no file access for landlock before ABI 9, which is not asked for: docker's socket may be
//! anywhere, and is made anew whenever docker starts.

use std::path::Path;

use anyhow::Context;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
    path_beneath_rules,
};

/// What this program knows of landlock. A kernel that knows less enforces what it knows.
///
/// # Source
/// Linux 6.12: file and directory access, TCP ports, device ioctls, signals.
const KNOWN_ABI: ABI = ABI::V6;

/// Settings, shared libraries, the state of other processes and of their control groups, and the
/// sockets and files of the name service. What a system does not have is left out.
const READ: [&str; 7] = ["/etc", "/usr", "/lib", "/lib64", "/proc", "/sys/fs/cgroup", "/run"];

/// A thread takes on a login uid by writing to its file there. What lies below comes and goes with
/// every process, so that the whole is named; who may write what is decided by the files' owners.
const WRITE: [&str; 1] = ["/proc"];

/// How much of the wall the kernel really holds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enforcement {
    /// All of it.
    Full,
    /// The kernel is older than what is asked for: files only, or files and some of the rest.
    Partial,
    /// The kernel has no landlock, or does not use it.
    Absent,
}

/// Restricts the calling thread, and those that it starts from here on: reading a few directories,
/// among them that of the policies, writing in `/proc`, making and removing sockets and files in the
/// daemon's own directories, no program to execute, no TCP, no signal to a process outside.
///
/// Connecting to unix sockets and accepting from them, netlink, pidfds and what is open already
/// stay as they are.
///
/// # Errors
/// If a kernel that has landlock refuses it.
///
/// # Source
/// `Documentation/userspace-api/landlock.rst`.
pub(crate) fn enter_filesystem(own: &[&Path], policies: &Path) -> anyhow::Result<Enforcement> {
    let RestrictionStatus { ruleset, .. } =
        restrict(own, policies).context("landlock does not take the rules for files")?;
    Ok(match ruleset {
        RulesetStatus::FullyEnforced => Enforcement::Full,
        RulesetStatus::PartiallyEnforced => Enforcement::Partial,
        RulesetStatus::NotEnforced => Enforcement::Absent,
    })
}

fn restrict(own: &[&Path], policies: &Path) -> Result<RestrictionStatus, landlock::RulesetError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    // A file in /proc is opened for writing as if it could be cut.
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
