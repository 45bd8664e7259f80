//! The broker on the real host: it knows each caller, an auditor's own tools find what the caller
//! did, and no fault lets a call pass unrecorded.
//!
//! These tests need root and what `tests/run.sh accountable` provides. Some of these tests stop auditing
//! for a moment, so they run one at a time.

#![cfg(test)]

#[expect(dead_code, reason = "the live tests of audit-cli use the rest")]
#[path = "live/host.rs"]
mod host;

#[expect(dead_code, reason = "the tests under load use the rest")]
#[path = "load/auditd.rs"]
mod auditd;
#[path = "broker/broker.rs"]
mod broker;
#[path = "documents/console.rs"]
mod console;
#[expect(dead_code, reason = "the tests with clients use the rest")]
#[path = "broker/docker.rs"]
mod docker;
#[path = "broker/fake.rs"]
mod fake;
#[expect(dead_code, reason = "the tests with clients use the rest")]
#[path = "broker/http.rs"]
mod http;
#[expect(dead_code, reason = "the test of the documents uses the rest")]
#[path = "documents/markdown.rs"]
mod markdown;
#[path = "broker/observe.rs"]
mod observe;

#[path = "broker/audit_state.rs"]
mod audit_state;
#[path = "broker/confinement.rs"]
mod confinement;
#[path = "broker/daemon.rs"]
mod daemon;
#[path = "broker/documents.rs"]
mod documents;
#[path = "broker/fault.rs"]
mod fault;
#[path = "broker/identity.rs"]
mod identity;
#[path = "broker/installation.rs"]
mod installation;
#[path = "broker/lives.rs"]
mod lives;
#[path = "broker/outcome.rs"]
mod outcome;
#[path = "broker/readings.rs"]
mod readings;
#[path = "broker/searches.rs"]
mod searches;
#[path = "broker/silence.rs"]
mod silence;
#[path = "broker/slow.rs"]
mod slow;
#[path = "broker/trail.rs"]
mod trail;
