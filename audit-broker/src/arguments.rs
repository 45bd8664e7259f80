//! The command line of `audit-broker` itself.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::settings;

/// Stands in front of docker.sock: every docker API call in the audit trail, under the caller's name.
#[derive(Debug, Parser)]
#[command(name = "audit-broker", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve docker's API until told to stop; SIGHUP reads the configuration anew
    Serve(Configuration),
    /// Say whether the configuration is good, and change nothing
    Check(Configuration),
    /// The process that asks the kernel whether it keeps audit records; `serve` starts it
    #[command(hide = true)]
    KernelStatus { uid: u32, gid: u32 },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Configuration {
    /// The configuration; root's, in a directory of root's
    #[arg(long, value_name = "FILE", default_value = settings::PATH)]
    pub(crate) config: PathBuf,
}
