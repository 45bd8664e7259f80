//! Listening to what the kernel writes.
//!
//! Knows the multicast group of those who read the log. Knows nothing of what a record says.

use std::io;
use std::time::Instant;

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_AUDIT};

use super::{ANSWER_LIMIT_BYTES, HEADER_BYTES, Incoming, receive, receive_queued};
use crate::error::Error;

/// A socket that gets a copy of everything that the kernel writes.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    message: Vec<u8>,
    /// Whether the kernel had to drop copies since they were last forgotten.
    has_lost: bool,
}

/// The multicast group of those who read the log.
///
/// # Source
/// `AUDIT_NLGRP_READLOG` in `include/uapi/linux/audit.h`, as a bit mask.
const READLOG_GROUP: u32 = 1;

impl Listener {
    pub(crate) fn join() -> Result<Self, Error> {
        let mut socket = Socket::new(NETLINK_AUDIT).map_err(Error::from_socket)?;
        socket.bind(&SocketAddr::new(0, READLOG_GROUP)).map_err(Error::from_join)?;
        Ok(Self { socket, message: vec![0; ANSWER_LIMIT_BYTES], has_lost: false })
    }

    /// Drops what is queued.
    pub(crate) fn forget_queued(&mut self) -> Result<(), Error> {
        loop {
            match receive_queued(&self.socket, &mut self.message) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(source) => return Err(Error::Receive { source }),
            }
        }
        self.has_lost = false;
        Ok(())
    }

    /// What the kernel wrote next, its type and text; `None` at the end of the time.
    ///
    /// Where copies were dropped, the end of the time is an error: the one that was awaited may
    /// have been among them.
    pub(crate) fn next(&mut self, end: Option<Instant>) -> Result<Option<(u16, &[u8])>, Error> {
        let len = loop {
            match receive(&self.socket, &mut self.message, end) {
                Ok(Some(Incoming { len, sender_port: 0 })) if len >= HEADER_BYTES => break len,
                Ok(Some(_)) if end.is_some_and(|end| end < Instant::now()) => return Ok(None),
                Ok(Some(_)) => {}
                Ok(None) if self.has_lost => {
                    let source = io::Error::from_raw_os_error(libc::ENOBUFS);
                    return Err(Error::Receive { source });
                }
                Ok(None) => return Ok(None),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.has_lost = true,
                Err(source) => return Err(Error::Receive { source }),
            }
        };
        // A datagram is one message. Its header's length is not used: what the kernel gives auditd
        // does not count the header, and only the copies for listeners are made right.
        let message =
            self.message.get(..len).and_then(|message| message.split_at_checked(HEADER_BYTES));
        let Some((header, text)) = message else { return Ok(None) };
        Ok(Some((NetlinkBuffer::new(header).message_type(), text)))
    }
}
