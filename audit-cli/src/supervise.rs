//! Runs a command as a child process, to learn how it ends.
//!
//! This file knows signals and job control. The shell, the terminal and the command must notice no
//! difference from a command that runs without audit-cli. This file writes no records.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::unistd::{ForkResult, Pid};

use crate::process::{self, ChildChange};
use crate::record::Ended;

/// Runs the program as a child and waits until it ends. If the program cannot be executed, the child
/// calls `failed` with the reason and exits with the status that `failed` returns.
///
/// # Errors
/// If the system cannot start the child or wait for it.
pub(crate) fn run(
    program: &Path,
    words: &[OsString],
    failed: impl FnOnce(&io::Error) -> u8,
) -> io::Result<Ended> {
    // Read signals from a descriptor, one after the other, so that none is missed.
    let blocked = SigSet::all();
    let mask = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // If the caller of audit-cli ignores SIGCHLD, the kernel would reap the child before audit-cli
    // learns how it ended.
    let on_child = process::set_on_child(SigHandler::SigDfl)?;
    let signals = SignalFd::with_flags(&blocked, SfdFlags::SFD_CLOEXEC)?;
    match process::fork()? {
        ForkResult::Parent { child } => wait(child, &signals),
        ForkResult::Child => {
            let error = match execute(program, words, mask, on_child) {
                Ok(never) => match never {},
                Err(error) => error,
            };
            process::exit(failed(&error))
        }
    }
}

/// Restores the signal mask and handler that the caller had set, and becomes the program.
fn execute(
    program: &Path,
    words: &[OsString],
    mask: SigSet,
    on_child: SigHandler,
) -> io::Result<Infallible> {
    process::set_on_child(on_child)?;
    mask.thread_set_mask()?;
    process::become_program(program, words)
}

/// Waits until the child ends. Forwards signals to it, and stops and continues together with it.
fn wait(child: Pid, signals: &SignalFd) -> io::Result<Ended> {
    loop {
        let Some(signal) = signals.read_signal()? else { continue };
        if signal.ssi_signo == number(Signal::SIGCHLD) {
            match process::child_change(child)? {
                Some(ChildChange::Exited(exit)) => return Ok(Ended { exit, signal: None }),
                Some(ChildChange::Killed(signal)) => {
                    return Ok(Ended { exit: 128_u8.saturating_add(signal), signal: Some(signal) });
                }
                // The shell waits for audit-cli, and must see that the job has stopped.
                Some(ChildChange::Stopped) => raise(Signal::SIGSTOP)?,
                None => {}
            }
        } else if reached_only_audit_cli(&signal, child) {
            process::send_signal(child, signal.ssi_signo);
        }
    }
}

/// Whether the signal reached audit-cli but not the child. A terminal signals the whole process
/// group, so the child has those already.
fn reached_only_audit_cli(signal: &siginfo, child: Pid) -> bool {
    let is_from_terminal =
        [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU]
            .map(number)
            .contains(&signal.ssi_signo)
            || signal.ssi_signo == number(Signal::SIGWINCH);
    let from_kernel = signal.ssi_code > 0;
    let sender = i32::try_from(signal.ssi_pid).unwrap_or(0);
    !(from_kernel && is_from_terminal) && sender != child.as_raw()
}

/// Ends this process in the way the command ended, so that the caller sees the same end.
pub(crate) fn end_like(ended: Ended) -> u8 {
    if let Some(signal) = ended.signal {
        // The command has already left its own core dump.
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
        process::send_signal(Pid::this(), u32::from(signal));
        let _ = SigSet::all().thread_unblock();
    }
    ended.exit
}

fn number(signal: Signal) -> u32 {
    (signal as i32).unsigned_abs()
}
