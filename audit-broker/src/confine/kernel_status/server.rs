//! The process with `CAP_AUDIT_CONTROL`, which answers one question and can do nothing else.

use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::Context;
use audit_core::Audit;
use caps::Capability;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::socket::MsgFlags;
use nix::unistd::{Gid, Uid};

use super::message::{self, StatusAnswer};
use crate::confine::{privilege, sandbox};

/// Becomes the user with nothing but `CAP_AUDIT_CONTROL`, and answers each question on the socket
/// until its other end is closed. The kernel is awaited for `deadline`, for as long as a call waits
/// for its record: a shorter time would refuse calls that could still be recorded.
///
/// # Errors
/// If the privileges cannot be given up, or the socket fails.
pub(crate) fn serve(
    socket: &OwnedFd,
    uid: Uid,
    gid: Gid,
    deadline: Duration,
) -> anyhow::Result<()> {
    let audit = Audit::open()?.with_deadline(deadline);
    privilege::become_user(uid, gid, &[], &[Capability::CAP_AUDIT_CONTROL])?;
    // A change of ids takes it back, so it comes behind. The socket's end is what counts; this is
    // for a broker that is killed while a question is under way.
    prctl::set_pdeathsig(Signal::SIGKILL)
        .context("the process cannot be bound to the life of the broker")?;
    sandbox::filter_kernel_status()?;
    answer_all(socket, &audit)
}

fn answer_all(socket: &OwnedFd, audit: &Audit) -> anyhow::Result<()> {
    let mut buffer = [0; 8];
    loop {
        let len = match super::receive(socket, &mut buffer) {
            Ok(len) => len,
            Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()),
            Err(errno) => return Err(errno).context("the broker's questions cannot be read"),
        };
        let question = buffer.get(..len).unwrap_or_default();
        let Some((sequence, [])) = message::number(question) else { continue };
        let status = audit.status();
        let answer = StatusAnswer::new(status.as_ref().map_err(|error| error as _));
        // Waits while the broker takes no answers: it does so when a call wants its own.
        match super::send(socket, &answer.to_bytes(sequence), MsgFlags::empty()) {
            Ok(()) => {}
            Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()),
            Err(errno) => return Err(errno).context("the broker cannot be answered"),
        }
    }
}
