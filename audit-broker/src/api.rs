//! The docker API as the broker knows it: routes, request heads and bodies.
//!
//! This room reads requests strictly and writes what the broker forwards. It is pure text: it does no
//! I/O, and must not know who the caller is or what the caller may do.

pub(crate) mod body;
pub(crate) mod class;
pub(crate) mod container;
pub(crate) mod exec;
pub(crate) mod hidden;
pub(crate) mod host_config;
mod key_path;
pub(crate) mod mount;
pub(crate) mod network;
mod object;
pub(crate) mod operation;
pub(crate) mod plugin;
pub(crate) mod ports;
pub(crate) mod query_json;
mod ratio;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod route;
pub(crate) mod secret;
pub(crate) mod service;
mod strict_json;
pub(crate) mod swarm;
pub(crate) mod task;
pub(crate) mod volume;
pub(crate) mod words;

/// Every key that an object of this type may have.
#[cfg(test)]
pub(crate) fn keys<T: serde::de::DeserializeOwned>() -> &'static [&'static str] {
    key_path::KeyPath::default().known_keys::<T>()
}

#[cfg(test)]
mod tests;
