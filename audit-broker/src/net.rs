//! Bytes on unix sockets.
//!
//! This room listens, reads, writes and copies bytes between sockets. It must not know what the bytes
//! mean.

pub(crate) mod client_stream;
pub(crate) mod listen;
pub(crate) mod rewritten_body;
pub(crate) mod socket;
pub(crate) mod tunnel;
