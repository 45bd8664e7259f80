//! The system calls that the program makes, and no others.
//!
//! Knows what Rust's standard library, tokio, hyper and the two C libraries call once the program
//! runs. A call that is not listed answers EPERM, so that a caller is told.

use std::collections::BTreeMap;

use anyhow::Context;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// The conditions of each call, any of which is enough; none at all is no condition.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Memory, threads, time, and the end.
const RUN: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_prlimit64,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// Files and descriptors. Landlock says which files. The table of owners is written anew beside the
/// old one, synced, and renamed into its place.
const FILES: &[i64] = &[
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    #[cfg(not(target_arch = "riscv64"))]
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Waiting for many things at once, and for processes.
const WAIT: &[i64] = &[
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_pidfd_open,
    libc::SYS_ppoll,
    libc::SYS_wait4,
    libc::SYS_waitid,
];

/// Sockets that exist. Those that can be made have a condition.
const SOCKETS: &[i64] = &[
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_listen,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
];

/// The older spelling of calls above, which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] = &[
    libc::SYS_access,
    libc::SYS_epoll_wait,
    libc::SYS_lstat,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

/// What the process that watches the kernel's audit status calls, its socket to the kernel being
/// open.
const KERNEL_STATUS: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getsockopt,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_sigaltstack,
    libc::SYS_write,
];

/// What a thread that only reads gives up of the above: sockets, other threads, and names of files.
const NOT_FOR_READING: &[i64] = &[
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_clone,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    #[cfg(not(target_arch = "riscv64"))]
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_socket,
    libc::SYS_unlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
];

/// `ioctl(2)` requests: whether it is a terminal, what waits to be read, whether a call waits,
/// whether the descriptor survives an exec.
///
/// # Source
/// TCGETS, FIONREAD, FIONBIO, FIONCLEX and FIOCLEX in `include/uapi/asm-generic/ioctls.h`; the C
/// libraries give them different types.
const IOCTLS: [u64; 5] = [0x5401, 0x541B, 0x5421, 0x5450, 0x5451];

/// `ioctl(2)` request for what the kernel knows of a pidfd's process, without the length in it,
/// which grows with the kernel; and the mask that leaves the length out.
///
/// # Source
/// `PIDFD_GET_INFO` in `include/uapi/linux/pidfd.h`, `_IOC` in `include/uapi/asm-generic/ioctl.h`.
const PIDFD_GET_INFO: u64 = 0xC000_FF0B;
const WITHOUT_LENGTH: u64 = 0xC000_FFFF;

/// Restricts all threads of the process, and those that they start, to the calls that the daemon
/// makes: no program, no new process, no other kind of socket than unix and netlink, nothing that
/// changes what the process or the host is.
///
/// # Errors
/// If the kernel does not take the filter.
pub(crate) fn filter_system_calls() -> anyhow::Result<()> {
    // What a thread is for is behind a pointer in clone3, where no filter sees it. The C library
    // goes back to clone if clone3 is not there, which no other answer says.
    let not_there = errno(libc::ENOSYS);
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    install_in_all_threads(&program(clone3, SeccompAction::Allow, not_there)?)?;

    let lists = [RUN, FILES, WAIT, SOCKETS, OLDER, &[libc::SYS_clone3]];
    let mut rules = without_condition(&lists);
    rules.extend(conditional_calls()?);
    install_in_all_threads(&program(rules, errno(libc::EPERM), SeccompAction::Allow)?)
}

/// Restricts the calling thread, and those that it starts, to what answering questions about the
/// kernel's audit status takes.
///
/// # Errors
/// If the kernel does not take the filter.
pub(crate) fn filter_kernel_status() -> anyhow::Result<()> {
    let mut rules = without_condition(&[KERNEL_STATUS]);
    rules.extend(abort()?);
    install_in_this_thread(&program(rules, errno(libc::EPERM), SeccompAction::Allow)?)
}

/// Takes from the calling thread, and those that it starts, whatever changes something outside:
/// opening files to write, making sockets and using those that exist, other threads. It can still
/// read files, and write where a file is open.
///
/// This comes after [`filter_system_calls`], which does not reach a thread that has a filter of its
/// own.
///
/// # Errors
/// If the kernel does not take the filter.
pub(crate) fn narrow_to_reading() -> anyhow::Result<()> {
    let mut rules = without_condition(&[NOT_FOR_READING]);
    rules.insert(libc::SYS_openat, changing_opens(2)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, changing_opens(1)?);
    install_in_this_thread(&program(rules, SeccompAction::Allow, errno(libc::EPERM))?)
}

/// The calls of which only some are allowed.
fn conditional_calls() -> anyhow::Result<Rules> {
    let namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET;
    let thread = number(libc::CLONE_THREAD);
    let mut ioctls = Vec::new();
    for request in IOCTLS {
        ioctls.push(rule(&[equal(1, request)?])?);
    }
    ioctls.push(rule(&[masked(1, WITHOUT_LENGTH, PIDFD_GET_INFO)?])?);
    let set_filter = u64::from(libc::SECCOMP_SET_MODE_FILTER);

    let mut calls = abort()?;
    // Threads, and no processes.
    let a_thread = rule(&[masked(0, number(namespaces) | thread, thread)?])?;
    calls.insert(libc::SYS_clone, vec![a_thread]);
    calls.insert(libc::SYS_ioctl, ioctls);
    // A thread's name, and what a further filter takes: it only ever narrows.
    calls.insert(
        libc::SYS_prctl,
        vec![
            rule(&[equal(0, number(libc::PR_SET_NAME))?])?,
            rule(&[equal(0, number(libc::PR_SET_NO_NEW_PRIVS))?])?,
        ],
    );
    calls.insert(libc::SYS_seccomp, vec![rule(&[equal(0, set_filter)?, equal(1, 0)?])?]);
    let unix = rule(&[equal(0, number(libc::AF_UNIX))?])?;
    let audit =
        rule(&[equal(0, number(libc::AF_NETLINK))?, equal(2, number(libc::NETLINK_AUDIT))?])?;
    calls.insert(libc::SYS_socket, vec![unix.clone(), audit]);
    calls.insert(libc::SYS_socketpair, vec![unix]);
    Ok(calls)
}

/// How a program that cannot go on ends itself.
fn abort() -> anyhow::Result<Rules> {
    let signal = number(libc::SIGABRT);
    Ok(BTreeMap::from([
        (libc::SYS_tgkill, vec![rule(&[equal(2, signal)?])?]),
        (libc::SYS_tkill, vec![rule(&[equal(1, signal)?])?]),
    ]))
}

/// The ways to open a file that may change something. The flags are this argument of the call.
fn changing_opens(flags: u8) -> anyhow::Result<Vec<SeccompRule>> {
    let access = number(libc::O_ACCMODE);
    let create = number(libc::O_CREAT);
    let truncate = number(libc::O_TRUNC);
    Ok(vec![
        rule(&[masked(flags, access, number(libc::O_WRONLY))?])?,
        rule(&[masked(flags, access, number(libc::O_RDWR))?])?,
        rule(&[masked(flags, access, access)?])?,
        rule(&[masked(flags, create, create)?])?,
        rule(&[masked(flags, truncate, truncate)?])?,
    ])
}

fn without_condition(lists: &[&[i64]]) -> Rules {
    lists.concat().into_iter().map(|call| (call, Vec::new())).collect()
}

fn rule(conditions: &[SeccompCondition]) -> anyhow::Result<SeccompRule> {
    Ok(SeccompRule::new(conditions.to_vec())?)
}

fn equal(argument: u8, value: u64) -> anyhow::Result<SeccompCondition> {
    condition(argument, SeccompCmpOp::Eq, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> anyhow::Result<SeccompCondition> {
    condition(argument, SeccompCmpOp::MaskedEq(mask), value)
}

/// The arguments that are looked at have 32 bits for the kernel too, which ignores the others.
fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> anyhow::Result<SeccompCondition> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?)
}

/// A constant of the C library, none of which is negative, as the kernel's argument.
fn number(constant: libc::c_int) -> u64 {
    u64::from(constant.unsigned_abs())
}

fn errno(number: libc::c_int) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

/// The filter that does `matching` for a call that matches a rule and `otherwise` for all others.
fn program(
    rules: Rules,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> anyhow::Result<BpfProgram> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)
        .context("system calls cannot be filtered on this architecture")?;
    let filter = SeccompFilter::new(rules, otherwise, matching, architecture)?;
    Ok(BpfProgram::try_from(filter)?)
}

fn install_in_all_threads(program: &BpfProgram) -> anyhow::Result<()> {
    seccompiler::apply_filter_all_threads(program)
        .context("the kernel does not take the filter of system calls")
}

fn install_in_this_thread(program: &BpfProgram) -> anyhow::Result<()> {
    seccompiler::apply_filter(program)
        .context("the kernel does not take the filter of system calls")
}
