//! The broker between real clients and the real dockerd: the clients work as they do without it.
//!
//! These tests need root and what `tests/run.sh broker` provides.

#![cfg(test)]

#[expect(dead_code, reason = "the live tests of audit-cli use the rest")]
#[path = "live/host.rs"]
mod host;

#[expect(dead_code, reason = "the tests of documents use the rest")]
#[path = "documents/markdown.rs"]
mod markdown;

#[expect(dead_code, reason = "the tests of the trail use the rest")]
#[path = "broker/broker.rs"]
mod broker;
#[path = "broker/docker.rs"]
mod docker;
#[path = "broker/engine.rs"]
mod engine;
#[path = "broker/http.rs"]
mod http;
#[path = "broker/tested_engine.rs"]
mod tested_engine;

#[path = "broker/archives.rs"]
mod archives;
#[path = "broker/bypass.rs"]
mod bypass;
#[path = "broker/clients.rs"]
mod clients;
#[path = "broker/engines.rs"]
mod engines;
#[path = "broker/harmless.rs"]
mod harmless;
#[path = "broker/made_images.rs"]
mod made_images;
#[path = "broker/missing_objects.rs"]
mod missing_objects;
#[path = "broker/object_names.rs"]
mod object_names;
#[path = "broker/objects.rs"]
mod objects;
#[expect(dead_code, reason = "the tests of the trail use the rest")]
#[path = "broker/observe.rs"]
mod observe;
#[path = "broker/own_objects.rs"]
mod own_objects;
#[path = "broker/policy.rs"]
mod policy;
#[path = "broker/recreation.rs"]
mod recreation;
#[path = "broker/registry.rs"]
mod registry;
#[path = "broker/requests.rs"]
mod requests;
#[path = "broker/streams.rs"]
mod streams;
#[path = "broker/terminal.rs"]
mod terminal;
