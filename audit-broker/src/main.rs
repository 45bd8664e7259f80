//! `audit-broker` - stands in front of docker.sock and puts a name on every docker API call.
//!
//! [`serve`] is the daemon's life; [`worker`] that of a connection; [`exchange`] that of a request:
//! who ([`identity`], [`subject`]), what ([`request`], [`api`], [`object`]), may they
//! ([`danger`], [`decision`]), write it down ([`evidence`], [`recorder`]), then do it ([`forward`]).
//! [`learn`] goes the other way, from what is on record to policies.

mod action;
mod advertise;
mod answer;
mod api;
mod archive;
mod arguments;
mod build_cache;
mod call;
mod case;
mod check;
mod client_stream;
mod danger;
mod decided;
mod decision;
mod ending;
mod evidence;
mod exchange;
mod explain;
mod facts;
mod former_owners;
mod forward;
mod host_path;
mod host_switch;
mod identity;
mod journal;
mod kernel_status;
mod kinship;
mod learn;
mod listen;
mod listing;
mod matrix;
mod metrics;
mod metrics_server;
mod name_lock;
mod nameless_volume;
mod network_quota;
mod object;
mod operation;
#[cfg(test)]
mod own_process;
mod owner;
mod people;
mod policy;
mod prepare;
mod principal;
mod privilege;
mod privileged;
mod recorder;
mod reference;
mod refusal;
mod refusals;
mod request;
mod sandbox;
mod serve;
mod settings;
mod shared;
mod slots;
mod socket;
mod state_directory;
mod subject;
mod sys;
mod tidy;
mod tunnel;
mod turns;
mod upstream;
mod view;
mod visibility;
mod withheld;
mod witness;
mod worker;

use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::unistd::{Gid, Uid};

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(configuration) => serve::run(&configuration.config),
        Command::Check { configuration, matrix } => {
            check::run(&configuration.config, matrix).and_then(|text| print(&text))
        }
        Command::Explain { configuration, asked } => {
            return explain(&configuration.config, &asked);
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
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// As status, 0 says that it is allowed, 1 that it is denied, 2 that there is no telling.
fn explain(config: &Path, asked: &explain::Asked) -> ExitCode {
    let explained = explain::run(config, asked);
    let is_allowed = explained.and_then(|told| print(&told.text).map(|()| told.is_allowed));
    match is_allowed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

fn complain(error: &anyhow::Error) {
    // There is nobody left to tell if the output is closed.
    let _ = writeln!(std::io::stderr(), "audit-broker: {error:#}");
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn serve_kernel_status(uid: u32, gid: u32, deadline: Duration) -> anyhow::Result<()> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    kernel_status::serve(&socket, Uid::from_raw(uid), Gid::from_raw(gid), deadline)
}
