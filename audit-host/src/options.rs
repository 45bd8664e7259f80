//! What docker's options ask for, by allow-lists: one module for each kind of option.
//!
//! Each judgement is a pure function from the text of an option to its dangers. A value that is not
//! known to be harmless is a danger. Docker's client sends command lines as JSON, in which Go
//! replaces bytes that are not UTF-8; so a caller that has bytes may judge their lossy text.

pub mod address;
pub mod bind;
pub mod capability;
pub mod device;
pub mod host_path;
pub mod limit;
pub mod log;
pub mod network;
pub mod ps;
pub mod runtime;
pub mod security;
pub mod sysctl;
pub mod target;
pub mod timeout;
pub mod tmpfs;
pub mod volume;
