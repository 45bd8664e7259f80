//! BuildKit's protocol as the broker knows it: gRPC methods, ids and protobuf messages.
//!
//! The broker reads a message strictly, and forwards one that it wrote from what it read. So dockerd
//! reads nothing that the broker did not read.

pub(crate) mod frame;
pub(crate) mod id;
pub(crate) mod message;
pub(crate) mod method;
mod wire;

pub(crate) use wire::{Malformed, read, write};
