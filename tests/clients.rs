//! What clients can do directly and through the broker: docs/clients.md is what these tests measured.
//!
//! These tests need root and what `tests/run.sh clients` provides. With `SNAPSHOTS=overwrite` the tests write the
//! tables again.

#![cfg(test)]

#[expect(dead_code, reason = "the live tests of audit-cli use the rest")]
#[path = "live/host.rs"]
mod host;

#[expect(dead_code, reason = "the tests of the broker use the rest")]
#[path = "broker/broker.rs"]
mod broker;
#[expect(dead_code, reason = "the tests of the broker use the rest")]
#[path = "broker/http.rs"]
mod http;
#[expect(dead_code, reason = "the tests of the broker use the rest")]
#[path = "broker/tested_engine.rs"]
mod tested_engine;

#[path = "clients/client.rs"]
mod client;
#[path = "clients/document.rs"]
mod document;
#[path = "clients/kit.rs"]
mod kit;
#[path = "clients/leftovers.rs"]
mod leftovers;
#[path = "clients/place.rs"]
mod place;
#[path = "clients/reason.rs"]
mod reason;
#[path = "clients/registry.rs"]
mod registry;
#[path = "clients/result.rs"]
mod result;
#[path = "clients/suite.rs"]
mod suite;
#[path = "clients/suite_report.rs"]
mod suite_report;
#[path = "clients/table.rs"]
mod table;

#[path = "clients/operations.rs"]
mod operations;
#[path = "clients/suites.rs"]
mod suites;
