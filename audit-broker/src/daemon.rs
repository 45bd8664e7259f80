//! The life of the daemon.
//!
//! This room starts the broker, accepts connections, reloads the settings and shuts down. It must not
//! know what a single request asks for.

pub(crate) mod metrics_server;
pub(crate) mod serve;
pub(crate) mod state_directory;
pub(crate) mod tidy;
pub(crate) mod worker;
