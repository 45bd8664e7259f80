//! Bytes on sockets.
//!
//! This room reads, writes and copies bytes. It must not know what they mean.

pub(crate) mod client_stream;
pub(crate) mod listen;
pub(crate) mod socket;
pub(crate) mod tunnel;
