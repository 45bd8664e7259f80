//! Becoming an unprivileged user.
//!
//! Knows users, groups and capabilities. Does not know what they are for: the caller says which
//! capabilities it keeps.
//!
//! Capabilities belong to a thread, and only the C library makes ids those of all threads. So all
//! of this happens while the process has one thread; the later ones inherit.

use std::fmt::Write as _;

use anyhow::{Context, bail, ensure};
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;
use nix::unistd::{self, Gid, Uid, User};

/// Becomes the user, for good: with these capabilities and no others, and no way to gain one.
///
/// The process is in the user's own group and in `group_of_upstream`, which may connect to docker's
/// socket. Where a service manager started the process as the user, it only gives up what is too
/// much.
///
/// # Errors
/// If there is no such user, if the process runs as somebody else who is not root, or if a
/// capability or the group is missing.
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
            "it runs with uid {own_uid} and cannot become `{name}`; start it as root or as `{name}`"
        );
        ensure!(
            unistd::getegid() == group_of_upstream
                || unistd::getgroups()?.contains(&group_of_upstream),
            "group {group_of_upstream}, which may connect to docker's socket, is missing; add it \
             with SupplementaryGroups={group_of_upstream}"
        );
        reduce_capabilities(keep)?;
    }
    // After a change of ids the files in /proc of the process belong to root, and a thread of it
    // could not take on the login uid of the person for whom it writes.
    prctl::set_dumpable(true).context("the process cannot be made the owner of its /proc")
}

/// Becomes the user for good, with these groups and capabilities and no others. A process that is
/// not root already is the user, and only gives up capabilities.
///
/// The files in `/proc` of a process that changed its ids belong to root.
///
/// # Errors
/// If a capability is missing.
pub(crate) fn become_user(
    uid: Uid,
    gid: Gid,
    groups: &[Gid],
    keep: &[Capability],
) -> anyhow::Result<()> {
    if unistd::geteuid().is_root() {
        check_that_all_are_permitted(keep)?;
        // It takes CAP_SETPCAP, which goes with everything else.
        if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
            caps::clear(None, CapSet::Bounding)
                .context("the bounding set of capabilities cannot be emptied")?;
        }
        prctl::set_keepcaps(true)?;
        unistd::setgroups(groups).context("cannot change groups; CAP_SETGID is needed")?;
        unistd::setresgid(gid, gid, gid)
            .with_context(|| format!("cannot become group {gid}; CAP_SETGID is needed"))?;
        unistd::setresuid(uid, uid, uid)
            .with_context(|| format!("cannot become user {uid}; CAP_SETUID is needed"))?;
        prctl::set_keepcaps(false)?;
    }
    ensure!(unistd::geteuid() == uid, "it runs as somebody else than user {uid}");
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
    ensure!(!user.uid.is_root(), "user `{shown}` is root; name one without rights");
    Ok(user)
}

/// Keeps these capabilities, in the calling thread and those that it starts, and no way to gain
/// others.
fn reduce_capabilities(keep: &[Capability]) -> anyhow::Result<()> {
    check_that_all_are_permitted(keep)?;
    let keep: CapsHashSet = keep.iter().copied().collect();
    caps::clear(None, CapSet::Ambient).context("ambient capabilities cannot be given up")?;
    caps::clear(None, CapSet::Inheritable)
        .context("inheritable capabilities cannot be given up")?;
    // Effective first: it is never more than what is permitted.
    caps::set(None, CapSet::Effective, &keep).context("capabilities cannot be reduced")?;
    caps::set(None, CapSet::Permitted, &keep).context("capabilities cannot be reduced")?;
    prctl::set_no_new_privs().context("no_new_privs cannot be set")?;
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
        "missing:{missing}; start it as root, or have the service manager give it \
         (AmbientCapabilities={})",
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

    /// A user of every system, without rights.
    const USER: &str = "nobody";

    /// The capabilities as the kernel shows them, from inheritable to ambient.
    fn shown_capabilities() -> Vec<String> {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let lines = status.lines().filter(|line| line.starts_with("Cap"));
        lines.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
    }

    /// A process of root's. It ends when its input is closed.
    fn process_of_root() -> Child {
        Command::new("cat").stdin(Stdio::piped()).spawn().unwrap()
    }

    fn check_what_is_left(group: Gid, mut other: Child) {
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
        check_what_is_left(group, other);
        assert_eq!(unistd::getgroups().unwrap().len(), 2);
        assert_eq!(shown_capabilities()[3], format!("{:016x}", 0), "the bounding set");
    }

    #[test]
    fn what_a_service_manager_gave_too_much_is_given_up() {
        let test = "confine::privilege::tests::what_a_service_manager_gave_too_much_is_given_up";
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
        assert!(missing.starts_with("missing: CAP_AUDIT_CONTROL; start it as root"), "{missing}");
        let other_user = drop_to("daemon", group, &KEEP).unwrap_err().to_string();
        assert!(other_user.contains("cannot become `daemon`"), "{other_user}");
        drop_to(USER, group, &KEEP).unwrap();
        check_what_is_left(group, other);
    }

    /// Why the process is made dumpable again.
    #[test]
    fn after_a_change_of_ids_no_thread_can_take_on_a_login_uid() {
        let test =
            "confine::privilege::tests::after_a_change_of_ids_no_thread_can_take_on_a_login_uid";
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
    fn a_user_that_is_missing_or_root_is_refused() {
        let missing = find_user("no\nbody").unwrap_err().to_string();
        assert!(missing.contains("`no\\nbody`; create it: useradd --system"), "{missing}");
        let root = find_user("root").unwrap_err().to_string();
        assert!(root.contains("is root"), "{root}");
    }
}
