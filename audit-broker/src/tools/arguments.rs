//! The command line of `audit-broker` itself.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::explain;
use crate::settings;

/// The command line. Its description is the one of the package.
#[derive(Debug, Parser)]
#[command(name = "audit-broker", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve docker's API; SIGHUP reloads the configuration, SIGTERM shuts down
    Serve(Configuration),
    /// Check the configuration and the policies, and change nothing
    Check {
        #[command(flatten)]
        configuration: Configuration,
        /// Also print which callers may do what
        #[arg(long)]
        matrix: bool,
    },
    /// Explain what the policies decide about a docker command or a request, and change nothing
    Explain {
        #[command(flatten)]
        configuration: Configuration,
        #[command(flatten)]
        asked: explain::ExplainOptions,
    },
    /// Print the entities, attributes and actions that policies may use
    Schema,
    /// Propose policies that permit the calls in the audit trail; needs root
    Learn(Learning),
    /// Query the kernel's audit status; `serve` starts this process
    #[command(hide = true)]
    KernelStatus { uid: u32, gid: u32, deadline_seconds: u64 },
}

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Configuration {
    /// Configuration file; it and its directory must belong to root
    #[arg(long, value_name = "FILE", default_value = settings::PATH)]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Learning {
    /// Use only calls of this user (name or login uid), unit or container
    #[arg(long, value_name = "U")]
    pub(crate) user: Vec<String>,
    /// Use only calls since this time, as for `ausearch -ts`: today, week-ago, 11/27/2026
    #[arg(long, value_name = "WHEN", conflicts_with = "input")]
    pub(crate) since: Option<String>,
    /// Use only calls until this time, as for `ausearch -te`
    #[arg(long, value_name = "WHEN", conflicts_with = "input")]
    pub(crate) until: Option<String>,
    /// Read raw records from this file instead of the audit logs; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Also permit calls that were denied
    #[arg(long)]
    pub(crate) denied: bool,
    /// Also permit calls that give access to the host; without this, they are only in comments
    #[arg(long)]
    pub(crate) host: bool,
    #[command(flatten)]
    pub(crate) configuration: Configuration,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// What the help does not say.
    const MORE: &str = "\
.Sh SIGNALS
.Bl -tag -width Ds
.It SIGHUP
Reload the settings and the policies.
If they have errors, the broker keeps the old ones.
.It SIGTERM, SIGINT
Close the socket, give open streams
.Ic drain_seconds
to finish, and exit.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/audit-broker/config.toml
Settings.
.It Pa /etc/audit-broker/policy.d/*.cedar
Policies.
Without any, the broker denies everything.
.It Pa /var/lib/audit-broker
The owners of docker's objects.
.It Pa /etc/audit-redaction.key
The key of the digests of hidden secrets.
.El
.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
Done; for
.Cm explain :
the policies allow the call.
.It 1
An error; for
.Cm explain :
the policies deny the call.
.It 2
Wrong usage; for
.Cm explain :
an error.
.El
.Sh SEE ALSO
.Xr audit-broker.toml 5 ,
.Xr audit-broker-policies 7 ,
.Xr audit-cli 8
";

    #[test]
    fn the_manual_page_is_the_help() {
        let page = crate::help::page(Arguments::command(), MORE);
        crate::help::mdoc::check("audit-broker.8", &page);
    }

    #[test]
    fn each_shell_completes_each_command_and_option() {
        let scripts = [
            ("bash", include_str!("../../../packaging/completions/audit-broker.bash")),
            ("zsh", include_str!("../../../packaging/completions/audit-broker.zsh")),
            ("fish", include_str!("../../../packaging/completions/audit-broker.fish")),
        ];
        crate::completion::check(&Arguments::command(), scripts, |option| format!("--{option}"));
    }
}
