//! `audit-broker` - a broker in front of docker.sock that decides and records every docker API call.
//!
//! [`exchange`] serves one request, from top to bottom: who calls ([`who`]), what the request asks
//! for ([`api`], [`dockerd`], [`owner`]), whether the caller may ([`policy`], [`judge`]), writing it
//! down ([`record`]), then doing it ([`forward`]). [`call`] is the state of a request in progress.
//! [`daemon`] is the life of the process, [`confine`] limits the process, [`net`] moves bytes, and
//! [`tools`] holds the other commands.

mod api;
mod call;
#[cfg(test)]
#[path = "../../tests/completion.rs"]
mod completion;
mod confine;
mod daemon;
mod dockerd;
mod exchange;
mod forward;
#[cfg(test)]
#[path = "../../tests/man/help.rs"]
mod help;
mod judge;
mod metrics;
mod net;
#[cfg(test)]
mod own_process;
mod owner;
mod policy;
mod record;
mod refusal;
mod settings;
mod sys;
mod tools;
mod who;

use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::unistd::{Gid, Uid};

use confine::kernel_status;
use daemon::serve;
use tools::arguments::{Arguments, Command};
use tools::{check, explain, learn};

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(configuration) => serve::run(&configuration.config),
        Command::Check { configuration, matrix } => {
            check::run(&configuration.config, matrix).and_then(|text| print(&text))
        }
        Command::Explain { configuration, asked } => {
            return run_explain(&configuration.config, &asked);
        }
        Command::Schema => print(policy::SCHEMA),
        Command::Learn(asked) => learn::learn(&asked).and_then(|policies| print(&policies)),
        Command::KernelStatus { uid, gid, deadline_seconds } => {
            serve_kernel_status(uid, gid, Duration::from_secs(deadline_seconds))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// The exit code is 0 if the call is allowed, 1 if it is denied, and 2 if an error prevents an answer.
fn run_explain(config: &Path, options: &explain::ExplainOptions) -> ExitCode {
    let explained = explain::run(config, options);
    let is_allowed =
        explained.and_then(|explanation| print(&explanation.text).map(|()| explanation.is_allowed));
    match is_allowed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report(&error);
            ExitCode::from(2)
        }
    }
}

fn report(error: &anyhow::Error) {
    // If stderr is closed, there is no other place to report to.
    let _ = writeln!(std::io::stderr(), "audit-broker: {error:#}");
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn serve_kernel_status(uid: u32, gid: u32, deadline: Duration) -> anyhow::Result<()> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    kernel_status::serve(&socket, Uid::from_raw(uid), Gid::from_raw(gid), deadline)
}
