//! A listener for the records that the kernel writes.
//!
//! This file knows the multicast group of log readers. It knows nothing about the content of records.

use std::io;
use std::time::Instant;

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_AUDIT};

use super::{ANSWER_LIMIT_BYTES, HEADER_BYTES, Incoming, receive, receive_queued};
use crate::error::Error;

/// A socket that receives a copy of every record that the kernel writes.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    message: Vec<u8>,
    /// Whether the kernel dropped copies since the queue was last discarded.
    has_lost: bool,
}

/// The multicast group of log readers.
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

    /// Discards the copies that are queued.
    pub(crate) fn discard_queued(&mut self) -> io::Result<()> {
        loop {
            match receive_queued(&self.socket, &mut self.message) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) => return Err(error),
            }
        }
        self.has_lost = false;
        Ok(())
    }

    /// The next record that the kernel wrote, as its type and text. `None` at the end of the time.
    ///
    /// If the kernel dropped copies, the end of the time is an error (ENOBUFS): the awaited copy may
    /// have been among them.
    pub(crate) fn next(&mut self, end: Option<Instant>) -> io::Result<Option<(u16, &[u8])>> {
        let len = loop {
            match receive(&self.socket, &mut self.message, end) {
                Ok(Some(Incoming { len, sender_port: 0 })) if len >= HEADER_BYTES => break len,
                Ok(Some(_)) if end.is_some_and(|end| end < Instant::now()) => return Ok(None),
                Ok(Some(_)) => {}
                Ok(None) if self.has_lost => {
                    return Err(io::Error::from_raw_os_error(libc::ENOBUFS));
                }
                Ok(None) => return Ok(None),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.has_lost = true,
                Err(error) => return Err(error),
            }
        };
        // A datagram is one message. The length in its header is not used: in the messages for auditd it
        // excludes the header, and the kernel corrects it only in the copies for listeners.
        let message =
            self.message.get(..len).and_then(|message| message.split_at_checked(HEADER_BYTES));
        let Some((header, text)) = message else { return Ok(None) };
        Ok(Some((NetlinkBuffer::new(header).message_type(), text)))
    }
}
