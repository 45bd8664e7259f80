//! The docker API as the broker knows it: routes, request heads and bodies.
//!
//! This room reads what the broker judges, strictly, and leaves out what no version of the API reads.
//! It writes what the broker forwards. It is pure text: it does no I/O, and must not know who the
//! caller is or what the caller may do.

pub(crate) mod body;
#[allow(
    dead_code,
    unused_imports,
    reason = "callers who may not control the host cannot use BuildKit's protocol yet"
)]
pub(crate) mod buildkit;
pub(crate) mod class;
pub(crate) mod container;
pub(crate) mod exec;
mod fold;
mod go_json;
pub(crate) mod host_config;
pub(crate) mod image_archive;
mod legacy;
pub(crate) mod mount;
pub(crate) mod network;
pub(crate) mod object;
pub(crate) mod operation;
pub(crate) mod plugin;
pub(crate) mod ports;
pub(crate) mod query_json;
mod ratio;
pub(crate) mod redacted;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod route;
pub(crate) mod secret;
pub(crate) mod service;
mod strict_json;
pub(crate) mod string_list;
pub(crate) mod swarm;
pub(crate) mod task;
pub(crate) mod volume;

/// Every key that an object of this type may have.
#[cfg(test)]
pub(crate) fn keys<T: object::JsonObject>() -> &'static [&'static str] {
    T::KEYS
}

#[cfg(test)]
mod tests;
