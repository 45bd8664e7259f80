//! The broker between real clients and the real dockerd: the clients work as they do without it.
//!
//! Needs root and what `tests/run.sh broker` provides.

#![cfg(test)]
#![expect(clippy::too_many_lines, reason = "a table of cases is one function")]

#[expect(dead_code, reason = "the live tests of audit-cli use the rest")]
#[path = "live/host.rs"]
mod host;

#[path = "broker/broker.rs"]
mod broker;
#[path = "broker/docker.rs"]
mod docker;
#[path = "broker/engine.rs"]
mod engine;
#[path = "broker/http.rs"]
mod http;

#[path = "broker/archives.rs"]
mod archives;
#[path = "broker/bypass.rs"]
mod bypass;
#[path = "broker/clients.rs"]
mod clients;
#[path = "broker/engines.rs"]
mod engines;
#[path = "broker/objects.rs"]
mod objects;
#[expect(dead_code, reason = "the tests of the trail use the rest")]
#[path = "broker/observe.rs"]
mod observe;
#[path = "broker/policy.rs"]
mod policy;
#[path = "broker/registry.rs"]
mod registry;
#[path = "broker/streams.rs"]
mod streams;
#[path = "broker/terminal.rs"]
mod terminal;
