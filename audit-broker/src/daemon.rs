//! The life of the daemon: start-up, connections, reload and shutdown.
//!
//! This room starts the broker, accepts connections, reloads the settings and policies, and shuts
//! down. It must not know what a single request asks for: [`crate::exchange`] serves each request.

mod connection;
mod lives;
mod metrics_server;
mod reload;
pub(crate) mod serve;
mod stale_owners;
mod state_directory;
mod worker;
