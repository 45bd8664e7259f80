//! The status process: it has `CAP_AUDIT_CONTROL`, answers one question, and can do nothing else.
//!
//! This file knows how the process confines itself and answers. It does not know its caller.

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

/// Becomes the user with no capability but `CAP_AUDIT_CONTROL`, and answers questions on the socket
/// until the other end is closed.
///
/// It waits for the kernel for at most `deadline`: as long as a call waits for its record. A shorter
/// time would refuse calls that the broker could still record.
///
/// # Errors
/// If the process cannot give up its privileges, or the socket fails.
pub(crate) fn serve(
    socket: &OwnedFd,
    uid: Uid,
    gid: Gid,
    deadline: Duration,
) -> anyhow::Result<()> {
    let audit = Audit::open()?.with_deadline(deadline);
    privilege::become_user(uid, gid, &[], &[Capability::CAP_AUDIT_CONTROL])?;
    // Comes after the change of ids, which resets it. Normally the process ends with the socket; this
    // is for a broker that is killed while the process waits for the kernel.
    prctl::set_pdeathsig(Signal::SIGKILL)
        .context("cannot make the kernel end this process together with the broker")?;
    sandbox::filter_kernel_status()?;
    answer_all(socket, &audit)
}

fn answer_all(socket: &OwnedFd, audit: &Audit) -> anyhow::Result<()> {
    let mut buffer = [0; 8];
    loop {
        let len = match super::receive(socket, &mut buffer, MsgFlags::empty()) {
            Ok(len) => len,
            Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()),
            Err(errno) => return Err(errno).context("cannot read the broker's questions"),
        };
        let question = buffer.get(..len).unwrap_or_default();
        let Some((sequence, [])) = message::number(question) else { continue };
        let status = audit.status();
        let answer = StatusAnswer::new(status.as_ref().map_err(|error| error as _));
        // Blocks while the broker takes no answers: a call takes them when it wants its own.
        match super::send(socket, &answer.to_bytes(sequence), MsgFlags::empty()) {
            Ok(()) => {}
            Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()),
            Err(errno) => return Err(errno).context("cannot answer the broker"),
        }
    }
}
