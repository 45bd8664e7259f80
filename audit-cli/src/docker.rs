//! Docker's words: what a docker command line asks for, and which of its words are secrets.
//!
//! [`command`] finds the command and its options ([`flags`] reads them as docker does, [`grammar`]
//! lists them). [`completion`] recognises the calls of a shell that completes a line.
//! [`mod@host_access`] judges the options, one file for each kind of object. [`secrets`] masks passwords.
//! This room must not know what happens to the result: it records and runs nothing.
//!
//! Its findings are evidence, not enforcement: compose files and programs that use the socket can
//! ask for the same without any of these words.

mod command;
mod completion;
mod csv;
mod environment;
mod flags;
mod grammar;
mod host_access;
mod secrets;

pub(crate) use command::is_compose;
pub(crate) use completion::is_completion;
pub(crate) use environment::environment_for;
pub(crate) use host_access::host_access;
pub(crate) use secrets::{redacted, redacted_completion};

/// The words of a command line, split at blanks.
#[cfg(test)]
fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}
