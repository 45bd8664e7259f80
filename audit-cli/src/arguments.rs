//! The command line of `audit-cli`'s own commands, and its help.

use std::ffi::OsString;

use clap::{Parser, Subcommand, ValueEnum};

/// Record docker commands, or any others, in the audit trail, then run them
///
/// Each command leaves a `USER_CMD` record with the login uid of the person who
/// typed it. A command that asks for access to the host, for example with
/// `docker run --privileged`, leaves a `USER_ROLE_CHANGE` record too. If a record
/// cannot be written, audit-cli does not run the command and exits with 125.
///
/// Find the records with `ausearch -m USER_CMD -i`. Run `audit-cli doctor` as root
/// to check that this host keeps them.
#[derive(Debug, Parser)]
#[command(
    name = "audit-cli",
    version,
    verbatim_doc_comment,
    override_usage = "audit-cli [--record-exit] docker [ARG]...
       audit-cli [--record-exit] exec [--] COMMAND [ARG]...
       audit-cli [--record-exit] run [NAME [ARG]...]
       audit-cli emit|digest|doctor [OPTIONS]",
    after_long_help = "\
Names:
  A symlink named `docker` to audit-cli works as `audit-cli docker`.
  A symlink named `docker-NAME` works as `audit-cli run NAME`.

Files (only root may be able to write them):
  /etc/audit-cli/config.toml          settings
  /etc/audit-cli/templates/NAME.toml  templates for `audit-cli run`
  /etc/audit-redaction.key            key for the digests of hidden secrets

Exit status:
  that of the command, if it ran; otherwise
  1    doctor found a fault, or digest got another secret
  2    wrong usage
  125  not recorded or not allowed, so not run
  126  the file of the command cannot be executed
  127  command not found"
)]
pub(crate) struct Arguments {
    /// Also record how the command ends: run it as a child and wait for it
    #[arg(long)]
    pub(crate) record_exit: bool,
    #[command(subcommand)]
    pub(crate) command: OwnCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OwnCommand {
    /// Record a docker command, then run it
    ///
    /// audit-cli passes every word after `docker` on to docker, `--help` included.
    #[command(disable_help_flag = true)]
    Docker {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
        arguments: Vec<OsString>,
    },
    /// Record any command, then run it
    #[command(override_usage = "audit-cli [--record-exit] exec [--] COMMAND [ARG]...")]
    Exec {
        /// The command and its arguments; write `--` before a command that begins with a dash
        #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Record and run a docker command that root has prepared; without NAME, list them
    #[command(override_usage = "audit-cli [--record-exit] run [NAME [ARG]...]")]
    Run {
        /// The template /etc/audit-cli/templates/NAME.toml. Only a template that says
        /// `arguments = "append"` takes an ARG
        #[arg(trailing_var_arg = true, value_name = "NAME", verbatim_doc_comment)]
        template: Vec<OsString>,
    },
    /// Write one audit record; for root only
    Emit(Emit),
    /// Print or check the digest that stands for a secret in records; for root only
    ///
    /// Reads the secret from standard input. A newline at its end counts, so write:
    /// `printf %s 'the secret' | audit-cli digest '***:87a5e3d6f436e9643780ad4b000c040a'`
    #[command(verbatim_doc_comment)]
    Digest(Digest),
    /// Check whether the audit trail on this host can be trusted; run it as root
    ///
    /// Prints one line for each check. Below a `note` or a `FAULT` it prints the remedy.
    /// Exits with 0 if there is no fault, and with 1 if there is one.
    #[command(verbatim_doc_comment)]
    Doctor {
        /// Print the findings as one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// The arguments of `digest`.
#[derive(Debug, clap::Args)]
pub(crate) struct Digest {
    /// Create the key /etc/audit-redaction.key; without it, records hide secrets as `***` only
    #[arg(long, conflicts_with = "expected")]
    pub(crate) make_key: bool,
    /// The digest in a record: print `yes` if it is that of the secret, otherwise exit with 1
    #[arg(value_name = "DIGEST")]
    pub(crate) expected: Option<String>,
}

/// The arguments of `emit`: one record.
#[derive(Debug, clap::Args)]
pub(crate) struct Emit {
    /// Record type, by name or number, such as `USER_CMD` or 1123
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) record_type: String,
    /// What was done (op=), in one word of a-z, 0-9, `_` and `-`
    #[arg(long, value_name = "WORD")]
    pub(crate) op: Option<String>,
    /// Another field, such as `cmd=ls` or `acct=root`; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub(crate) fields: Vec<OsString>,
    /// Whether it succeeded (res=)
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) res: Res,
    /// Wait until the kernel has written the record, then print its event id
    #[arg(long)]
    pub(crate) receipt: bool,
}

/// The outcome on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Res {
    Success,
    Failed,
}
