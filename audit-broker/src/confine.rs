//! Limits on what the broker itself may do.
//!
//! This room gives up root and capabilities, and restricts files and system calls. The one process
//! that keeps a capability lives here too. It must not know docker.

pub(crate) mod kernel_status;
pub(crate) mod privilege;
pub(crate) mod sandbox;
