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

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use audit_core::Auditd;
use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, socketpair};
use nix::unistd::{Gid, Uid};

pub(crate) use message::Status;
use message::{ANSWER_LIMIT_BYTES, StatusAnswer};
pub(crate) use server::serve;

/// The command under which the program is that process:
/// `audit-broker kernel-status UID GID DEADLINE_SECONDS`.
pub(crate) const COMMAND: &str = "kernel-status";

/// Answers that are kept for who has not taken them yet. Whose call has ended never does.
const EARLY_LIMIT: usize = 1024;

/// The process that asks the kernel, seen from the one that wants to know.
///
/// The process ends when this is dropped.
pub(crate) struct KernelStatus {
    socket: OwnedFd,
    last_question: AtomicU32,
    answers: Mutex<Answers>,
    deadline: Duration,
}

/// A question that has been asked, and not yet answered.
#[derive(Debug)]
pub(crate) struct StatusQuestion {
    number: u32,
    /// When the answer is awaited no longer.
    end: Instant,
    /// False while the process has too many other questions to take this one.
    is_sent: bool,
}

/// What has come back.
struct Answers {
    /// By the number of the question: those that another thread took from the socket.
    early: BTreeMap<u32, StatusAnswer>,
    /// The most records that the kernel said it had lost.
    lost: u32,
    auditd: Auditd,
    process: Child,
}

impl KernelStatus {
    /// Starts the process, as this user; `None` if `CAP_AUDIT_CONTROL` is missing. Each question
    /// is given up after `deadline`, which is that of a call.
    ///
    /// This comes before the caller gives up its own privileges, and in the main thread: the
    /// process is killed when the thread that started it ends.
    ///
    /// # Errors
    /// If the process cannot be started, or cannot ask the kernel.
    pub(crate) fn spawn(uid: Uid, gid: Gid, deadline: Duration) -> anyhow::Result<Option<Self>> {
        if !caps::has_cap(None, CapSet::Permitted, Capability::CAP_AUDIT_CONTROL)? {
            return Ok(None);
        }
        let mut command = Command::new("/proc/self/exe");
        let seconds = deadline.as_secs().to_string();
        command.arg0("audit-broker").args([COMMAND, &uid.to_string(), &gid.to_string(), &seconds]);
        command.env_clear().current_dir("/");
        Self::start(command, deadline).map(Some)
    }

    /// Starts the command with one end of the socket as its input, and asks once.
    fn start(mut command: Command, deadline: Duration) -> anyhow::Result<Self> {
        let (socket, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        let process = command
            .stdin(Stdio::from(theirs))
            .spawn()
            .context("the process that watches the kernel's audit status cannot be started")?;
        // The command holds the other end of the socket too. Were it kept, nobody would see that
        // the process has ended.
        drop(command);
        let auditd = Auditd::default();
        let answers = Mutex::new(Answers { early: BTreeMap::new(), lost: 0, auditd, process });
        let status = Self { socket, last_question: AtomicU32::new(0), answers, deadline };
        let lost = status.ask()?.lost;
        status.answers().lost = lost;
        Ok(status)
    }

    /// Asks, and does not wait, so that the answer comes while something else goes on.
    ///
    /// # Errors
    /// If the process has ended.
    pub(crate) fn begin(&self) -> anyhow::Result<StatusQuestion> {
        let number = self.last_question.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let end = Instant::now() + self.deadline;
        match send(&self.socket, &number.to_ne_bytes(), MsgFlags::MSG_DONTWAIT) {
            Ok(()) => Ok(StatusQuestion { number, end, is_sent: true }),
            Err(Errno::EAGAIN) => Ok(StatusQuestion { number, end, is_sent: false }),
            Err(errno) => Err(self.answers().explain(errno)),
        }
    }

    /// Waits for the answer; several threads take turns.
    ///
    /// # Errors
    /// If the process has ended, gives no answer before the question's end, or could not ask.
    pub(crate) fn finish(&self, question: &StatusQuestion) -> anyhow::Result<Status> {
        self.answers().take(question, &self.socket)
    }

    /// Asks the kernel and waits for the answer.
    ///
    /// # Errors
    /// As [`Self::begin`] and [`Self::finish`].
    pub(crate) fn ask(&self) -> anyhow::Result<Status> {
        self.finish(&self.begin()?)
    }

    /// Makes sure that the kernel keeps records. Where it has lost some since it was asked last, it
    /// cannot be told whose they were.
    ///
    /// # Errors
    /// If it does not, or as [`Self::finish`].
    pub(crate) fn check_that_records_are_kept(
        &self,
        question: &StatusQuestion,
    ) -> anyhow::Result<()> {
        let mut answers = self.answers();
        let status = answers.take(question, &self.socket)?;
        status.check_that_records_are_kept()?;
        let before = std::mem::replace(&mut answers.lost, status.lost);
        ensure!(
            status.lost <= before,
            "the kernel has lost {} records since the last call; see auditctl -s",
            status.lost - before
        );
        Ok(())
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KernelStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KernelStatus").finish_non_exhaustive()
    }
}

impl Answers {
    /// The answer to the question. The answers to others that come first are kept for them.
    fn take(&mut self, question: &StatusQuestion, socket: &OwnedFd) -> anyhow::Result<Status> {
        let mut is_sent = question.is_sent;
        loop {
            if let Some(answer) = self.early.remove(&question.number) {
                return self.read(answer);
            }
            if !is_sent {
                let bytes = question.number.to_ne_bytes();
                match send(socket, &bytes, MsgFlags::MSG_DONTWAIT) {
                    Ok(()) => is_sent = true,
                    // There is room as soon as the process has gone on, which it tells by an answer.
                    Err(Errno::EAGAIN) => {}
                    Err(errno) => return Err(self.explain(errno)),
                }
            }
            wait_readable(socket, question.end).map_err(|errno| self.explain(errno))?;
            self.receive_one(socket)?;
        }
    }

    /// Receives the next answer, and keeps it.
    fn receive_one(&mut self, socket: &OwnedFd) -> anyhow::Result<()> {
        let mut buffer = [0; ANSWER_LIMIT_BYTES];
        let len = receive(socket, &mut buffer).map_err(|errno| self.explain(errno))?;
        let Some((number, answer)) = StatusAnswer::parse(buffer.get(..len).unwrap_or_default())
        else {
            bail!("the process that watches the kernel's audit status gives a wrong answer")
        };
        self.early.insert(number, answer);
        if self.early.len() > EARLY_LIMIT {
            self.early.pop_first();
        }
        Ok(())
    }

    fn read(&mut self, answer: StatusAnswer) -> anyhow::Result<Status> {
        match answer {
            StatusAnswer::Status(status) => {
                let auditd_pid = self.auditd.living(status.auditd_pid);
                Ok(Status { auditd_pid, ..status })
            }
            StatusAnswer::Failure(text) => Err(anyhow!(text.escape_debug().to_string())
                .context("the kernel does not say whether it keeps audit records")),
        }
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
fn send(socket: &OwnedFd, message: &[u8], flags: MsgFlags) -> nix::Result<()> {
    retry(|| socket::send(socket.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL | flags)).map(|_| ())
}

/// Waits until there is something to receive; EAGAIN if there is nothing at the end.
fn wait_readable(socket: &OwnedFd, end: Instant) -> nix::Result<()> {
    loop {
        // Rounded up, so that the last turn is not a turn without a wait.
        let left = end.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if left == 0 => return Err(Errno::EAGAIN),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
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
