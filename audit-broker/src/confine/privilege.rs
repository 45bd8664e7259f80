//! Makes the process an unprivileged user.
//!
//! This file knows users, groups and capabilities. It does not know what the kept capabilities are
//! for.
//!
//! Call it while the process has one thread; later threads inherit the result. The kernel has
//! capabilities and ids for each thread, and the C library changes only the ids in all threads.

use std::fmt::Write as _;

use anyhow::{Context, bail, ensure};
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;
use nix::unistd::{self, Gid, Uid, User};

/// Becomes the user for good, with these capabilities and no others, and no way to gain more.
///
/// Afterwards the process is in the user's own group and in `group_of_upstream`, whose members may
/// connect to docker's socket. If a service manager started the process as the user already, it only
/// gives up the capabilities that it does not keep.
///
/// # Errors
/// If there is no such user, if the process runs as another user who is not root, or if a capability
/// or the group is missing.
pub(crate) fn drop_to(
    user: &str,
    group_of_upstream: Gid,
    keep: &[Capability],
) -> anyhow::Result<()> {
    let User { name, uid, gid, .. } = find_user(user)?;
    let own_uid = unistd::geteuid();
    if own_uid.is_root() {
        become_user(uid, gid, &[gid, group_of_upstream], keep)?;
    } else {
        ensure!(
            own_uid == uid,
            "audit-broker runs with uid {own_uid} and cannot become `{name}`; start it as root or \
             as `{name}`"
        );
        ensure!(
            unistd::getegid() == group_of_upstream
                || unistd::getgroups()?.contains(&group_of_upstream),
            "audit-broker is not in group {group_of_upstream}, whose members may connect to \
             docker's socket; add SupplementaryGroups={group_of_upstream}"
        );
        reduce_capabilities(keep)?;
    }
    // After a change of ids, root owns the process's files in /proc. A thread could then not take on
    // the login uid of the person for whom it writes records.
    prctl::set_dumpable(true).context("cannot make the process the owner of its files in /proc")
}

/// Becomes the user for good, with these groups and capabilities and no others. A process that is not
/// root must be this user already, and only gives up capabilities.
///
/// After a change of ids, root owns the process's files in `/proc`.
///
/// # Errors
/// If a capability is missing, or the process is another user who is not root.
pub(crate) fn become_user(
    uid: Uid,
    gid: Gid,
    groups: &[Gid],
    keep: &[Capability],
) -> anyhow::Result<()> {
    if unistd::geteuid().is_root() {
        check_that_all_are_permitted(keep)?;
        // Emptying the bounding set needs CAP_SETPCAP, so the process empties the set before it gives up
        // CAP_SETPCAP.
        if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
            caps::clear(None, CapSet::Bounding)
                .context("cannot empty the bounding set of capabilities")?;
        }
        prctl::set_keepcaps(true)?;
        unistd::setgroups(groups).context("cannot change groups; CAP_SETGID is needed")?;
        unistd::setresgid(gid, gid, gid)
            .with_context(|| format!("cannot become group {gid}; CAP_SETGID is needed"))?;
        unistd::setresuid(uid, uid, uid)
            .with_context(|| format!("cannot become user {uid}; CAP_SETUID is needed"))?;
        prctl::set_keepcaps(false)?;
    }
    ensure!(unistd::geteuid() == uid, "audit-broker does not run as user {uid}");
    reduce_capabilities(keep)
}

/// The user with this name, who must not be root.
///
/// # Errors
/// If there is none, or the user database cannot be read.
pub(crate) fn find_user(name: &str) -> anyhow::Result<User> {
    let shown = name.escape_debug();
    let user = User::from_name(name).with_context(|| format!("cannot look up user `{shown}`"))?;
    let Some(user) = user else {
        bail!(
            "there is no user `{shown}`; create it: useradd --system --no-create-home --shell \
             /usr/sbin/nologin {shown}"
        )
    };
    ensure!(!user.uid.is_root(), "user `{shown}` is root; name an unprivileged user");
    Ok(user)
}

/// Reduces the capabilities of the calling thread, and of those that it starts later, to `keep`, with
/// no way to gain more.
fn reduce_capabilities(keep: &[Capability]) -> anyhow::Result<()> {
    check_that_all_are_permitted(keep)?;
    let keep: CapsHashSet = keep.iter().copied().collect();
    caps::clear(None, CapSet::Ambient).context("cannot give up the ambient capabilities")?;
    caps::clear(None, CapSet::Inheritable)
        .context("cannot give up the inheritable capabilities")?;
    // Effective first: the kernel does not let it exceed the permitted set.
    caps::set(None, CapSet::Effective, &keep).context("cannot give up capabilities")?;
    caps::set(None, CapSet::Permitted, &keep).context("cannot give up capabilities")?;
    prctl::set_no_new_privs().context("cannot set no_new_privs")?;
    Ok(())
}

fn check_that_all_are_permitted(keep: &[Capability]) -> anyhow::Result<()> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let mut missing = String::new();
    for capability in keep.iter().filter(|capability| !permitted.contains(capability)) {
        let _ = write!(missing, " {capability}");
    }
    ensure!(
        missing.is_empty(),
        "audit-broker lacks{missing}; start it as root, or have the service manager pass \
         AmbientCapabilities={}",
        missing.trim_start()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::{Child, Command, Stdio};

    use audit_core::{Auid, LoginThread};

    use super::*;
    use crate::own_process;

    const KEEP: [Capability; 2] = [Capability::CAP_AUDIT_WRITE, Capability::CAP_SYS_PTRACE];

    /// An unprivileged user that every system has.
    const USER: &str = "nobody";

    /// The capability sets in `/proc/PID/status`, from inheritable to ambient.
    fn shown_capabilities() -> Vec<String> {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let lines = status.lines().filter(|line| line.starts_with("Cap"));
        lines.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
    }

    /// A process of root that ends when its input is closed.
    fn process_of_root() -> Child {
        Command::new("cat").stdin(Stdio::piped()).spawn().unwrap()
    }

    fn check_remaining_rights(group: Gid, mut other: Child) {
        let keep = KEEP.map(|capability| capability.bitmask()).iter().sum::<u64>();
        let [inheritable, permitted, effective, _, ambient] =
            shown_capabilities().try_into().unwrap();
        let [none, two] = [0, keep].map(|set| format!("{set:016x}"));
        assert_eq!(
            [inheritable, permitted, effective, ambient],
            [&none, &two, &two, &none].map(String::clone)
        );
        assert!(prctl::get_no_new_privs().unwrap());
        assert!(prctl::get_dumpable().unwrap());
        let user = find_user(USER).unwrap();
        assert_eq!([unistd::getuid(), unistd::geteuid()], [user.uid; 2]);
        assert_eq!([unistd::getgid(), unistd::getegid()], [user.gid; 2]);
        assert!(unistd::getgroups().unwrap().contains(&group));
        unistd::setuid(Uid::from_raw(0)).unwrap_err();
        fs::read("/etc/shadow").unwrap_err();
        for file in ["exe", "cwd", "ns/pid"] {
            fs::read_link(format!("/proc/{}/{file}", other.id())).unwrap();
        }
        drop(other.stdin.take());
        assert!(other.wait().unwrap().success());
        match LoginThread::start(Auid::from_raw(1000).unwrap()) {
            Ok(_) => {}
            Err(audit_core::Error::LoginUidSet { .. }) => {
                println!("SKIPPED: a login thread: the test belongs to a login already");
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn root_becomes_the_user_with_two_capabilities_and_no_way_back() {
        let test = "confine::privilege::tests::root_becomes_the_user_with_two_capabilities_and_no_way_back";
        if !own_process::is_root(test) || !own_process::is_here(test) {
            return;
        }
        let group = Gid::from_raw(1234);
        let other = process_of_root();
        drop_to(USER, group, &KEEP).unwrap();
        check_remaining_rights(group, other);
        assert_eq!(unistd::getgroups().unwrap().len(), 2);
        assert_eq!(shown_capabilities()[3], format!("{:016x}", 0), "the bounding set");
    }

    #[test]
    fn the_process_gives_up_capabilities_beyond_those_it_keeps() {
        let test =
            "confine::privilege::tests::the_process_gives_up_capabilities_beyond_those_it_keeps";
        if !own_process::is_root(test) || !own_process::is_here(test) {
            return;
        }
        let group = Gid::from_raw(1234);
        let other = process_of_root();
        let given: CapsHashSet = KEEP.into_iter().chain([Capability::CAP_KILL]).collect();
        let user = find_user(USER).unwrap();
        prctl::set_keepcaps(true).unwrap();
        unistd::setgroups(&[group]).unwrap();
        unistd::setgid(user.gid).unwrap();
        unistd::setuid(user.uid).unwrap();
        for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable, CapSet::Ambient] {
            caps::set(None, set, &given).unwrap();
        }

        let other_group = drop_to(USER, Gid::from_raw(4321), &KEEP).unwrap_err().to_string();
        assert!(other_group.contains("SupplementaryGroups=4321"), "{other_group}");
        let too_much = [Capability::CAP_AUDIT_CONTROL, Capability::CAP_AUDIT_WRITE];
        let missing = drop_to(USER, group, &too_much).unwrap_err().to_string();
        assert!(missing.contains("lacks CAP_AUDIT_CONTROL; start it as root"), "{missing}");
        let other_user = drop_to("daemon", group, &KEEP).unwrap_err().to_string();
        assert!(other_user.contains("cannot become `daemon`"), "{other_user}");
        drop_to(USER, group, &KEEP).unwrap();
        check_remaining_rights(group, other);
    }

    /// The reason why `drop_to` makes the process dumpable again.
    #[test]
    fn after_a_change_of_ids_a_thread_needs_dumpable_to_take_on_a_login_uid() {
        let test = "confine::privilege::tests::after_a_change_of_ids_a_thread_needs_dumpable_to_take_on_a_login_uid";
        if !own_process::is_root(test) || !own_process::is_here(test) {
            return;
        }
        let user = find_user(USER).unwrap();
        become_user(user.uid, user.gid, &[], &KEEP).unwrap();
        let loginuid = "/proc/thread-self/loginuid";
        let opened = || fs::OpenOptions::new().write(true).open(loginuid);
        assert_eq!(opened().unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
        prctl::set_dumpable(true).unwrap();
        opened().unwrap();
    }

    #[test]
    fn a_missing_user_and_root_are_refused() {
        let missing = find_user("no\nbody").unwrap_err().to_string();
        assert!(missing.contains("`no\\nbody`; create it: useradd --system"), "{missing}");
        let root = find_user("root").unwrap_err().to_string();
        assert!(root.contains("is root"), "{root}");
    }
}
