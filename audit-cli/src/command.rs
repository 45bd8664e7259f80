//! Finds what to run: the words that the caller typed, the template that they name, and the file on
//! PATH.
//!
//! This room must not know what docker's own options mean, and it records and runs nothing.

pub(crate) mod invocation;
pub(crate) mod program;
pub(crate) mod template;
