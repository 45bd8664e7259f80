//! Whether the kernel keeps audit records, from a process that can ask.
//!
//! The kernel acknowledges records also when it drops them, and says whether it does only to who
//! has `CAP_AUDIT_CONTROL`. With it one could turn auditing off, so the broker must not have it. A
//! process of its own has it, and nothing else: it knows one question, and makes no other system
//! call than this takes.
//!
//! Knows that process, and how to ask it. Decides nothing.

mod message;
mod server;

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::sys::socket::{
    self, AddressFamily, MsgFlags, SockFlag, SockType, setsockopt, socketpair, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::{Gid, Uid};

pub(crate) use message::Status;
use message::{ANSWER_LIMIT_BYTES, Answer};
pub(crate) use server::serve;

/// The command under which the program is that process: `audit-broker kernel-status UID GID`.
pub(crate) const COMMAND: &str = "kernel-status";

/// How long an answer is awaited. It comes within a fraction of a millisecond unless the host is
/// very busy.
const DEADLINE: Duration = Duration::from_secs(1);

/// The process that asks the kernel, seen from the one that wants to know.
///
/// The process ends when this is dropped.
pub(crate) struct KernelStatus {
    exchange: Mutex<Exchange>,
    deadline: Duration,
}

/// What one question after the other uses.
struct Exchange {
    socket: OwnedFd,
    /// The number of the last question. An answer to an earlier one, which came too late, is not
    /// taken for the one that is awaited.
    sequence: u32,
    process: Child,
}

impl KernelStatus {
    /// Starts the process, as this user; `None` if `CAP_AUDIT_CONTROL` is missing.
    ///
    /// This comes before the caller gives up its own privileges, and in the main thread: the
    /// process is killed when the thread that started it ends.
    ///
    /// # Errors
    /// If the process cannot be started, or cannot ask the kernel.
    pub(crate) fn spawn(uid: Uid, gid: Gid) -> anyhow::Result<Option<Self>> {
        if !caps::has_cap(None, CapSet::Permitted, Capability::CAP_AUDIT_CONTROL)? {
            return Ok(None);
        }
        let mut command = Command::new("/proc/self/exe");
        command.arg0("audit-broker").args([COMMAND, &uid.to_string(), &gid.to_string()]);
        command.env_clear().current_dir("/");
        Self::start(command, DEADLINE).map(Some)
    }

    /// Starts the command with one end of the socket as its input, and asks once.
    fn start(mut command: Command, deadline: Duration) -> anyhow::Result<Self> {
        let (socket, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        let timeout = TimeVal::microseconds(deadline.as_micros().try_into()?);
        setsockopt(&socket, sockopt::ReceiveTimeout, &timeout)?;
        setsockopt(&socket, sockopt::SendTimeout, &timeout)?;
        let process = command
            .stdin(Stdio::from(theirs))
            .spawn()
            .context("the process that watches the kernel's audit status cannot be started")?;
        // The command holds the other end of the socket too. Were it kept, nobody would see that
        // the process has ended.
        drop(command);
        let exchange = Mutex::new(Exchange { socket, sequence: 0, process });
        let status = Self { exchange, deadline };
        status.ask()?;
        Ok(status)
    }

    /// Asks the kernel. Waits for the answer, at most twice for the deadline where an answer to an
    /// earlier question comes first; several threads take turns.
    ///
    /// # Errors
    /// If the process has ended, gives no answer in time, or could not ask.
    pub(crate) fn ask(&self) -> anyhow::Result<Status> {
        let mut exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
        exchange.ask(self.deadline)
    }
}

impl fmt::Debug for KernelStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KernelStatus").finish_non_exhaustive()
    }
}

impl Exchange {
    fn ask(&mut self, deadline: Duration) -> anyhow::Result<Status> {
        let asked = Instant::now();
        self.sequence = self.sequence.wrapping_add(1);
        let request = self.sequence.to_ne_bytes();
        if let Err(errno) = send(&self.socket, &request) {
            return Err(self.explain(errno));
        }
        let mut buffer = [0; ANSWER_LIMIT_BYTES];
        while asked.elapsed() <= deadline {
            let len = match receive(&self.socket, &mut buffer) {
                Ok(len) => len,
                Err(errno) => return Err(self.explain(errno)),
            };
            let answer = buffer.get(..len).unwrap_or_default();
            let Some((sequence, answer)) = Answer::parse(answer) else {
                bail!("the process that watches the kernel's audit status gives a wrong answer")
            };
            if sequence != self.sequence {
                continue;
            }
            return match answer {
                Answer::Status(status) => Ok(status),
                Answer::Failure(text) => Err(anyhow!(text.escape_debug().to_string())
                    .context("the kernel does not say whether it keeps audit records")),
            };
        }
        Err(self.explain(Errno::EAGAIN))
    }

    /// What a failed exchange with the process means.
    fn explain(&mut self, errno: Errno) -> anyhow::Error {
        match errno {
            Errno::EAGAIN => {
                anyhow!("the process that watches the kernel's audit status does not answer")
            }
            Errno::EPIPE | Errno::ECONNRESET => {
                // So that it does not stay behind as a zombie.
                let _ = self.process.try_wait();
                anyhow!(
                    "the process that watches the kernel's audit status has ended; restart \
                     audit-broker"
                )
            }
            errno => anyhow!(io::Error::from(errno))
                .context("the process that watches the kernel's audit status cannot be asked"),
        }
    }
}

/// A message goes whole or not at all.
fn send(socket: &OwnedFd, message: &[u8]) -> nix::Result<()> {
    retry(|| socket::send(socket.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL)).map(|_| ())
}

/// Takes the next message and gives its length; EPIPE if the other end is closed.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> nix::Result<usize> {
    let len = retry(|| socket::recv(socket.as_raw_fd(), buffer, MsgFlags::empty()))?;
    if len == 0 { Err(Errno::EPIPE) } else { Ok(len) }
}

/// Goes on after a signal.
fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests;
