//! The drop-in against libaudit: the same calls, and the same programs, once with each.
//!
//! These tests need root, a running auditd, libaudit 3.0.9, sudo and the account tools. No other program
//! may change users, sudoers or audit rules during the test.

#![cfg(test)]
#![expect(unsafe_code, reason = "the libraries under test are called as C calls them")]

#[path = "parity/calls.rs"]
mod calls;
#[path = "parity/identity.rs"]
mod identity;
#[path = "parity/library.rs"]
mod library;
#[path = "parity/log.rs"]
mod log;
#[path = "parity/programs.rs"]
mod programs;
#[path = "parity/pure.rs"]
mod pure;
#[path = "parity/sharing.rs"]
mod sharing;
#[path = "parity/table.rs"]
mod table;
