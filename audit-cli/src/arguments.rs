//! The command line of `audit-cli`'s own commands.

use std::ffi::OsString;

use clap::{Parser, Subcommand, ValueEnum};

/// Records docker and other commands in the audit trail, then runs them.
///
/// Every command appears in `ausearch -m USER_CMD` under the login uid of whoever typed it; one
/// that asks for the host itself also in `ausearch -m USER_ROLE_CHANGE`. A command that cannot be
/// recorded is not run. A link named `docker` to this program works as `audit-cli docker`, one named
/// `docker-NAME` as `audit-cli run NAME`.
#[derive(Debug, Parser)]
#[command(name = "audit-cli", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Stay as parent of docker or COMMAND and record its exit too
    #[arg(long)]
    pub(crate) record_exit: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record a docker command, then become docker; everything behind `docker` is docker's
    #[command(disable_help_flag = true)]
    Docker {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
        arguments: Vec<OsString>,
    },
    /// Record any command, then become it
    Exec {
        #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND [ARG]")]
        command: Vec<OsString>,
    },
    /// Record and run the docker command of a template; without NAME, list the templates
    Run {
        #[arg(trailing_var_arg = true, value_name = "NAME [ARG]")]
        template: Vec<OsString>,
    },
    /// Write one record
    Emit(Emit),
    /// Print what stands in a record in place of the secret on standard input
    Digest(Digest),
    /// Say whether the trail can be trusted on this host
    Doctor {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A secret whose digest is wanted.
#[derive(Debug, clap::Args)]
pub(crate) struct Digest {
    /// Make the key, which only root may read; without one, records have no digests
    #[arg(long, conflicts_with = "expected")]
    pub(crate) make_key: bool,
    /// Say whether the secret is the one that a record hides as this, such as `***:87a5e3d6...`
    #[arg(value_name = "DIGEST")]
    pub(crate) expected: Option<String>,
}

/// One record to write.
#[derive(Debug, clap::Args)]
pub(crate) struct Emit {
    /// Record type, by name or number, such as `USER_CMD` or 1123
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) record_type: String,
    /// What was done: one word of a-z, 0-9, `_` and `-`
    #[arg(long, value_name = "WORD")]
    pub(crate) op: Option<String>,
    /// A field of the record; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub(crate) fields: Vec<OsString>,
    /// Whether it came about
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) res: Res,
    /// Wait until the kernel has written the record, and print the id of its event
    #[arg(long)]
    pub(crate) receipt: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Res {
    Success,
    Failed,
}
