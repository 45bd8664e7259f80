//! The product on the real kernel, auditd, ausearch, dockerd, sudo and rsyslog.
//!
//! Needs root and what `tests/run.sh` provides; run it through that script. Some tests change the
//! host's audit state, so they run one after the other, and each leaves it as it was.

#![cfg(test)]

#[path = "live/host.rs"]
mod host;

#[path = "live/capability.rs"]
mod capability;
#[path = "live/claims.rs"]
mod claims;
#[path = "live/doctor.rs"]
mod doctor;
#[path = "live/emit.rs"]
mod emit;
#[path = "live/engine.rs"]
mod engine;
#[path = "live/hostile.rs"]
mod hostile;
#[path = "live/journal.rs"]
mod journal;
#[path = "live/length.rs"]
mod length;
#[path = "live/readme.rs"]
mod readme;
#[path = "live/refusal.rs"]
mod refusal;
#[path = "live/search.rs"]
mod search;
#[path = "live/sudo.rs"]
mod sudo;
#[path = "live/template.rs"]
mod template;
#[path = "live/transparency.rs"]
mod transparency;
