//! Limits on what the broker itself may do.
//!
//! This room gives up root and capabilities, and restricts which files and system calls the process
//! can use. The separate process that keeps `CAP_AUDIT_CONTROL` lives here too. The only thing that
//! this room may know of docker is the group of its socket.

pub(crate) mod kernel_status;
pub(crate) mod privilege;
pub(crate) mod sandbox;
