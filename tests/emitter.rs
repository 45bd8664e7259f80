//! The library on the real kernel, with auditd and ausearch: refusals, receipts, login threads.
//!
//! These tests need root and a running auditd; `tests/run.sh` provides them. Some tests change the host's
//! audit state, so the tests run one at a time. Each restores the state.

#![cfg(test)]
#![expect(unsafe_code, reason = "libauparse is called as C calls it")]

#[path = "emitter/host.rs"]
mod host;

#[path = "emitter/allocation.rs"]
mod allocation;
#[path = "emitter/auparse.rs"]
mod auparse;
#[path = "emitter/login.rs"]
mod login;
#[path = "emitter/receipt.rs"]
mod receipt;
#[path = "emitter/refusal.rs"]
mod refusal;
