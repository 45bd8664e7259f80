//! audit-cli on the real kernel, with auditd, ausearch, dockerd, sudo and rsyslog.
//!
//! These tests need root and what `tests/run.sh live` provides. Some tests change the host's audit state.
//! They run one at a time, and each restores the state.

#![cfg(test)]

#[path = "documents/console.rs"]
mod console;
#[path = "live/host.rs"]
mod host;
#[expect(dead_code, reason = "the test of the documents uses the rest")]
#[path = "documents/markdown.rs"]
mod markdown;

#[path = "live/capability.rs"]
mod capability;
#[path = "live/claims.rs"]
mod claims;
#[path = "live/completion.rs"]
mod completion;
#[path = "live/doctor.rs"]
mod doctor;
#[path = "live/documents.rs"]
mod documents;
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
#[path = "live/refusal.rs"]
mod refusal;
#[path = "live/script.rs"]
mod script;
#[path = "live/search.rs"]
mod search;
#[path = "live/sudo.rs"]
mod sudo;
#[path = "live/template.rs"]
mod template;
#[path = "live/transparency.rs"]
mod transparency;
