//! The commands that administrators run.
//!
//! Each command reads settings, policies or records, and prints. None of them serves requests or
//! changes the host.

pub(crate) mod arguments;
pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod learn;
pub(crate) mod matrix;
