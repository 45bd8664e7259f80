//! Asks a separate process whether the kernel keeps audit records.
//!
//! The kernel acknowledges records even if it drops them, and it tells its audit status only to a
//! process with `CAP_AUDIT_CONTROL`. That capability can also turn auditing off, so the broker must
//! not have it. The status process has this capability and no other right: it answers one question,
//! and can make only the system calls for that.
//!
//! This file knows how to start the status process and how to ask it. It does not decide what a
//! status means for a call.

mod message;
mod server;

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

/// The command that makes this program the status process:
/// `audit-broker kernel-status UID GID DEADLINE_SECONDS`.
pub(crate) const COMMAND: &str = "kernel-status";

/// The broker's handle of the status process, which ends when the handle is dropped.
pub(crate) struct KernelStatus {
    socket: OwnedFd,
    last_question: AtomicU32,
    answers: Mutex<Answers>,
    timeout: Duration,
}

/// A question to the status process that has no answer yet.
#[derive(Debug)]
pub(crate) struct StatusQuestion {
    number: QuestionNumber,
    /// When the broker stops waiting for the answer.
    deadline: Instant,
    /// False while the socket is full of other questions.
    is_sent: bool,
}

/// The number of a question. Questions are numbered in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct QuestionNumber(u32);

impl QuestionNumber {
    /// Whether the answer to this question also answers the other: the kernel was asked after the other
    /// question came up. The numbers wrap around.
    const fn answers(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0) < u32::MAX / 2
    }
}

/// The answers from the status process.
struct Answers {
    /// The newest answer so far. It answers every question up to its own, however many calls wait.
    newest: Option<(QuestionNumber, StatusAnswer)>,
    /// The highest number of lost records that the kernel has reported.
    lost: u32,
    auditd: Auditd,
    process: Child,
}

impl KernelStatus {
    /// Starts the status process as this user; `None` if the broker lacks `CAP_AUDIT_CONTROL`. The
    /// broker waits for each answer for at most `timeout`: as long as a call waits for its record.
    ///
    /// The main thread must call this, and before it gives up its privileges: the kernel kills the
    /// process when the thread that started it ends.
    ///
    /// # Errors
    /// If the process cannot start, or cannot ask the kernel.
    pub(crate) fn spawn(uid: Uid, gid: Gid, timeout: Duration) -> anyhow::Result<Option<Self>> {
        if !caps::has_cap(None, CapSet::Permitted, Capability::CAP_AUDIT_CONTROL)? {
            return Ok(None);
        }
        let mut command = Command::new("/proc/self/exe");
        let seconds = timeout.as_secs().to_string();
        command.arg0("audit-broker").args([COMMAND, &uid.to_string(), &gid.to_string(), &seconds]);
        command.env_clear().current_dir("/");
        Self::start(command, timeout).map(Some)
    }

    /// Starts the command with one end of a socket as its input, and asks once.
    fn start(mut command: Command, timeout: Duration) -> anyhow::Result<Self> {
        let (socket, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        let process = command
            .stdin(Stdio::from(theirs))
            .spawn()
            .context("cannot start the process that reads the kernel's audit status")?;
        // The command owns the other end of the socket too. If it stayed open, the broker could not
        // notice that the process has ended.
        drop(command);
        let auditd = Auditd::default();
        let answers = Mutex::new(Answers { newest: None, lost: 0, auditd, process });
        let status = Self { socket, last_question: AtomicU32::new(0), answers, timeout };
        let lost = status.ask()?.lost;
        status.answers().lost = lost;
        Ok(status)
    }

    /// Sends a question without waiting, so that the broker can do something else until the answer
    /// arrives.
    ///
    /// # Errors
    /// If the process has ended.
    pub(crate) fn begin(&self) -> anyhow::Result<StatusQuestion> {
        let last = self.last_question.fetch_add(1, Ordering::Relaxed);
        let number = QuestionNumber(last.wrapping_add(1));
        let deadline = Instant::now() + self.timeout;
        match send(&self.socket, &number.0.to_ne_bytes(), MsgFlags::MSG_DONTWAIT) {
            Ok(()) => Ok(StatusQuestion { number, deadline, is_sent: true }),
            Err(Errno::EAGAIN) => Ok(StatusQuestion { number, deadline, is_sent: false }),
            Err(errno) => Err(self.answers().explain(errno)),
        }
    }

    /// Waits for the answer. Several threads take turns.
    ///
    /// # Errors
    /// If the process has ended, does not answer before the deadline, or could not ask the kernel.
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

    /// Checks that the kernel keeps records, and has lost none since the last check. The kernel does
    /// not say which ones it lost, so any call may be the one without a record.
    ///
    /// # Errors
    /// If the kernel drops or has lost records, or as [`Self::finish`].
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

impl StatusQuestion {
    /// Waits for the answer until this time instead. A call may ask long before it has a record.
    pub(crate) const fn until(self, deadline: Instant) -> Self {
        Self { deadline, ..self }
    }
}

impl Answers {
    /// Waits for an answer to this question, or to one that the broker asked later.
    fn take(&mut self, question: &StatusQuestion, socket: &OwnedFd) -> anyhow::Result<Status> {
        let mut is_sent = question.is_sent;
        loop {
            if let Some((_, answer)) =
                self.newest.as_ref().filter(|(number, _)| number.answers(question.number))
            {
                let answer = answer.clone();
                return self.read(answer);
            }
            if !is_sent {
                let bytes = question.number.0.to_ne_bytes();
                match send(socket, &bytes, MsgFlags::MSG_DONTWAIT) {
                    Ok(()) => is_sent = true,
                    // The next answer shows that the process has taken a question.
                    Err(Errno::EAGAIN) => {}
                    Err(errno) => return Err(self.explain(errno)),
                }
            }
            // Mostly the answer is there already, so that nothing has to wait.
            if !self.receive_one(socket)? {
                wait_readable(socket, question.deadline).map_err(|errno| self.explain(errno))?;
            }
        }
    }

    /// Receives and stores the next answer. Returns false if none has arrived.
    fn receive_one(&mut self, socket: &OwnedFd) -> anyhow::Result<bool> {
        let mut buffer = [0; ANSWER_LIMIT_BYTES];
        let len = match receive(socket, &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(len) => len,
            Err(Errno::EAGAIN) => return Ok(false),
            Err(errno) => return Err(self.explain(errno)),
        };
        let Some((number, answer)) = StatusAnswer::parse(buffer.get(..len).unwrap_or_default())
        else {
            bail!("the process that reads the kernel's audit status sent a malformed answer")
        };
        let number = QuestionNumber(number);
        if self.newest.as_ref().is_none_or(|(newest, _)| number.answers(*newest)) {
            self.newest = Some((number, answer));
        }
        Ok(true)
    }

    fn read(&mut self, answer: StatusAnswer) -> anyhow::Result<Status> {
        match answer {
            StatusAnswer::Status(status) => {
                let auditd_pid = self.auditd.living(status.auditd_pid);
                Ok(Status { auditd_pid, ..status })
            }
            StatusAnswer::Failure(text) => Err(anyhow!(text.escape_debug().to_string())
                .context("cannot read the kernel's audit status")),
        }
    }

    /// The error to report for a failed exchange with the status process.
    fn explain(&mut self, errno: Errno) -> anyhow::Error {
        if errno == Errno::EAGAIN {
            return anyhow!("the process that reads the kernel's audit status does not answer");
        }
        if matches!(errno, Errno::EPIPE | Errno::ECONNRESET) {
            // Reaps the process if it has ended.
            let _ = self.process.try_wait();
            return anyhow!(
                "the process that reads the kernel's audit status has ended; restart audit-broker"
            );
        }
        anyhow!(io::Error::from(errno))
            .context("cannot ask the process that reads the kernel's audit status")
    }
}

/// Sends one message: all of it or nothing.
fn send(socket: &OwnedFd, message: &[u8], flags: MsgFlags) -> nix::Result<()> {
    retry(|| socket::send(socket.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL | flags)).map(|_| ())
}

/// Waits until there is a message to receive. Returns EAGAIN if there is none at the deadline.
fn wait_readable(socket: &OwnedFd, deadline: Instant) -> nix::Result<()> {
    loop {
        // Rounded up, so that the last turns do not spin without waiting.
        let left = deadline.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if left == 0 => return Err(Errno::EAGAIN),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
}

/// Receives the next message and returns its length. Returns EPIPE if the other end is closed.
fn receive(socket: &OwnedFd, buffer: &mut [u8], flags: MsgFlags) -> nix::Result<usize> {
    let len = retry(|| socket::recv(socket.as_raw_fd(), buffer, flags))?;
    if len == 0 { Err(Errno::EPIPE) } else { Ok(len) }
}

/// Retries a call that a signal interrupted.
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
