//! The commands that administrators run.
//!
//! Each command reads settings, policies or records, and returns the text to print. No command may change
//! the host or serve another program. `explain` serves only the docker command that it runs, on sockets in
//! a private directory.

pub(crate) mod arguments;
pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod learn;
pub(crate) mod matrix;
