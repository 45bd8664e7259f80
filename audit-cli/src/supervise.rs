//! Running a command as a child, to see how it ends.
//!
//! Knows signals and job control: a shell, a terminal and the command see no difference to the
//! command alone.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::unistd::{ForkResult, Pid};

use crate::evidence::Ended;
use crate::process::{self, Change};

/// Runs the program as a child and waits for its end. In the child, `failed` is called with the
/// reason if the program cannot be executed; its answer is the child's exit status.
///
/// # Errors
/// If the child cannot be made or waited for.
pub(crate) fn run(
    program: &Path,
    words: &[OsString],
    failed: impl FnOnce(&io::Error) -> u8,
) -> io::Result<Ended> {
    // Signals are read from a descriptor, one after the other, so that none is missed.
    let blocked = SigSet::all();
    let mask = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // A caller that ignores SIGCHLD would have the child reaped before we learn how it ended.
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

/// Gives the process the signals that the caller had, and becomes the program.
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

/// Waits for the child's end. Stops and goes on with it, and passes on signals.
fn wait(child: Pid, signals: &SignalFd) -> io::Result<Ended> {
    loop {
        let Some(signal) = signals.read_signal()? else { continue };
        if signal.ssi_signo == number(Signal::SIGCHLD) {
            match process::child_change(child)? {
                Some(Change::Exited(exit)) => return Ok(Ended { exit, signal: None }),
                Some(Change::Killed(signal)) => {
                    return Ok(Ended { exit: 128_u8.saturating_add(signal), signal: Some(signal) });
                }
                // The shell that waits for us must see that the job has stopped.
                Some(Change::Stopped) => raise(Signal::SIGSTOP)?,
                None => {}
            }
        } else if is_for_us_alone(&signal, child) {
            process::send_signal(child, signal.ssi_signo);
        }
    }
}

/// Whether the signal reached us and not the child. A terminal signals the whole group.
fn is_for_us_alone(signal: &siginfo, child: Pid) -> bool {
    let of_the_terminal =
        [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU]
            .map(number)
            .contains(&signal.ssi_signo)
            || signal.ssi_signo == number(Signal::SIGWINCH);
    let from_kernel = signal.ssi_code > 0;
    let sender = i32::try_from(signal.ssi_pid).unwrap_or(0);
    !(from_kernel && of_the_terminal) && sender != child.as_raw()
}

/// Ends this process as the command ended, so that the caller sees the same.
pub(crate) fn end_like(ended: Ended) -> u8 {
    if let Some(signal) = ended.signal {
        // The command has left its core already.
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
        process::send_signal(Pid::this(), u32::from(signal));
        let _ = SigSet::all().thread_unblock();
    }
    ended.exit
}

fn number(signal: Signal) -> u32 {
    (signal as i32).unsigned_abs()
}
