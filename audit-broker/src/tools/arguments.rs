//! The command line of `audit-broker` itself.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::explain;
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
    /// Say whether the configuration and the policies are good, and change nothing
    Check {
        #[command(flatten)]
        configuration: Configuration,
        /// Show who may do what
        #[arg(long)]
        matrix: bool,
    },
    /// Say what a docker command or a request would be allowed, and why, without doing it
    Explain {
        #[command(flatten)]
        configuration: Configuration,
        #[command(flatten)]
        asked: explain::ExplainOptions,
    },
    /// Print what policies can speak of
    Schema,
    /// Propose policies that permit what was done, from the audit trail; root's to run
    Learn(Learning),
    /// The process that asks the kernel whether it keeps audit records; `serve` starts it
    #[command(hide = true)]
    KernelStatus { uid: u32, gid: u32, deadline_seconds: u64 },
}

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Configuration {
    /// The configuration; root's, in a directory of root's
    #[arg(long, value_name = "FILE", default_value = settings::PATH)]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Learning {
    /// Only of this user, by name or login uid; or of this unit or container
    #[arg(long, value_name = "U")]
    pub(crate) user: Vec<String>,
    /// Only what was done since then, in the words of `ausearch -ts`: today, week-ago, 11/27/2026
    #[arg(long, value_name = "WHEN", conflicts_with = "input")]
    pub(crate) since: Option<String>,
    /// Only what was done until then, in the words of `ausearch -te`
    #[arg(long, value_name = "WHEN", conflicts_with = "input")]
    pub(crate) until: Option<String>,
    /// Raw records from a file, or `-` for standard input, in place of the audit logs
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Permit what was denied too
    #[arg(long)]
    pub(crate) denied: bool,
    /// Permit what yields the host too, which is only shown in comments otherwise
    #[arg(long)]
    pub(crate) host: bool,
    #[command(flatten)]
    pub(crate) configuration: Configuration,
}
