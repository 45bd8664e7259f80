//! The commands that administrators run.
//!
//! Each command reads settings, policies or records, and returns the text to print. No command may serve
//! requests or change the host.

pub(crate) mod arguments;
pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod learn;
pub(crate) mod matrix;
