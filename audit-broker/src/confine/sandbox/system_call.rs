//! The seccomp filters: which system calls each kind of thread can make.
//!
//! This file knows which calls Rust's standard library, tokio, hyper, glibc and musl make after
//! start-up. A call that is not listed fails with EPERM, so the code that made it gets an error.

use std::collections::BTreeMap;

use anyhow::Context;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// For each call, alternative conditions on its arguments. An empty list means no condition.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Memory, threads, time and exit.
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

/// Files and descriptors. Landlock limits which files. The broker rewrites the table of owners as a new
/// file, syncs it, and renames it into place.
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

/// Waiting for descriptors and processes.
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

/// Sockets that exist. Creating a socket has a condition.
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

/// Older variants of calls above, which newer architectures do not have.
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

/// The calls of the status process once its socket to the kernel is open.
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

/// The calls above that a thread which only reads gives up: those that use sockets, start threads, or
/// change file names.
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

/// `ioctl(2)` requests: is it a terminal, how many bytes can be read, set or clear non-blocking,
/// clear close-on-exec, set close-on-exec.
///
/// # Source
/// TCGETS, FIONREAD, FIONBIO, FIONCLEX and FIOCLEX in `include/uapi/asm-generic/ioctls.h`; the C
/// libraries give the constants different types.
const IOCTLS: [u64; 5] = [0x5401, 0x541B, 0x5421, 0x5450, 0x5451];

/// `ioctl(2)` request for information on the process of a pidfd, and the mask that removes the length
/// of the answer from a request. That length grows with newer kernels.
///
/// # Source
/// `PIDFD_GET_INFO` in `include/uapi/linux/pidfd.h`, `_IOC` in `include/uapi/asm-generic/ioctl.h`.
const PIDFD_GET_INFO: u64 = 0xC000_FF0B;
const WITHOUT_LENGTH: u64 = 0xC000_FFFF;

/// Restricts all threads of the process, and those that they start later, to the calls of the daemon.
///
/// They cannot execute a program, start a process, create sockets other than unix and audit netlink
/// ones, or change the identity of the process or the state of the host.
///
/// # Errors
/// If the kernel does not accept the filter.
pub(crate) fn filter_system_calls() -> anyhow::Result<()> {
    // clone3 takes a pointer to its flags, and a filter cannot read memory. With ENOSYS, and no other
    // error, the C library falls back to clone.
    let not_implemented = errno(libc::ENOSYS);
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    install_in_all_threads(&program(clone3, SeccompAction::Allow, not_implemented)?)?;

    let lists = [RUN, FILES, WAIT, SOCKETS, OLDER, &[libc::SYS_clone3]];
    let mut rules = without_condition(&lists);
    rules.extend(conditional_calls()?);
    install_in_all_threads(&program(rules, errno(libc::EPERM), SeccompAction::Allow)?)
}

/// Restricts the calling thread, and those that it starts later, to the calls of the status process.
///
/// # Errors
/// If the kernel does not accept the filter.
pub(crate) fn filter_kernel_status() -> anyhow::Result<()> {
    let mut rules = without_condition(&[KERNEL_STATUS]);
    rules.extend(abort()?);
    install_in_this_thread(&program(rules, errno(libc::EPERM), SeccompAction::Allow)?)
}

/// Restricts the calling thread, for good, to calls that change nothing outside.
///
/// It cannot open files for writing, create or use sockets, or start threads. It can still read files,
/// and write to files that are open.
///
/// Call it after [`filter_system_calls`], which does not reach a thread with a filter of its own.
///
/// # Errors
/// If the kernel does not accept the filter.
pub(crate) fn narrow_to_reading() -> anyhow::Result<()> {
    let mut rules = without_condition(&[NOT_FOR_READING]);
    rules.insert(libc::SYS_openat, changing_opens(2)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, changing_opens(1)?);
    install_in_this_thread(&program(rules, SeccompAction::Allow, errno(libc::EPERM))?)
}

/// The calls that are allowed with certain arguments only.
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
    // It can start threads but no processes.
    let a_thread = rule(&[masked(0, number(namespaces) | thread, thread)?])?;
    calls.insert(libc::SYS_clone, vec![a_thread]);
    calls.insert(libc::SYS_ioctl, ioctls);
    // Naming a thread, and adding another filter, which can only restrict more.
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

/// The calls with which a program aborts.
fn abort() -> anyhow::Result<Rules> {
    let signal = number(libc::SIGABRT);
    Ok(BTreeMap::from([
        (libc::SYS_tgkill, vec![rule(&[equal(2, signal)?])?]),
        (libc::SYS_tkill, vec![rule(&[equal(1, signal)?])?]),
    ]))
}

/// The conditions under which opening a file may change something. `flags` is the position of the
/// argument that holds the flags.
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

/// Compares 32 bits: the kernel uses no more of these arguments either.
fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> anyhow::Result<SeccompCondition> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?)
}

/// A constant of the C library as an argument of a system call. None of them is negative.
fn number(constant: libc::c_int) -> u64 {
    u64::from(constant.unsigned_abs())
}

fn errno(number: libc::c_int) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

/// A filter that takes the action `matching` for calls that match a rule, and `otherwise` for others.
fn program(
    rules: Rules,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> anyhow::Result<BpfProgram> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)
        .context("cannot filter system calls on this architecture")?;
    let filter = SeccompFilter::new(rules, otherwise, matching, architecture)?;
    Ok(BpfProgram::try_from(filter)?)
}

fn install_in_all_threads(program: &BpfProgram) -> anyhow::Result<()> {
    seccompiler::apply_filter_all_threads(program)
        .context("the kernel does not accept the system call filter")
}

fn install_in_this_thread(program: &BpfProgram) -> anyhow::Result<()> {
    seccompiler::apply_filter(program).context("the kernel does not accept the system call filter")
}
