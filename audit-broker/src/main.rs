//! `audit-broker` - stands in front of docker.sock and puts a name on every docker API call.
//!
//! [`serve`] is the daemon's life; [`worker`] that of a connection; [`exchange`] that of a request:
//! who ([`identity`], [`subject`]), what ([`request`], [`api`], [`object`]), may they
//! ([`decision`]), write it down ([`evidence`], [`recorder`]), then do it ([`forward`]).

mod action;
mod advertise;
mod answer;
mod api;
mod arguments;
mod call;
mod client_stream;
mod decision;
mod ending;
mod evidence;
mod exchange;
mod forward;
mod host_access;
mod identity;
mod journal;
mod kernel_status;
mod listen;
mod metrics;
mod metrics_server;
mod object;
#[cfg(test)]
mod own_process;
#[cfg_attr(not(test), expect(dead_code, reason = "nothing on a request's path asks it yet"))]
#[expect(unused_imports, reason = "as above")]
mod owner;
mod privilege;
mod recorder;
mod reference;
mod refusal;
mod request;
mod sandbox;
mod serve;
mod settings;
mod shared;
mod slots;
mod socket;
mod subject;
mod sys;
mod tunnel;
mod upstream;
mod witness;
mod worker;

use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;

use clap::Parser;
use nix::unistd::{Gid, Uid};

use arguments::{Arguments, Command};
use settings::Settings;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(configuration) => serve::run(&configuration.config),
        Command::Check(configuration) => Settings::load(&configuration.config).map(drop),
        Command::KernelStatus { uid, gid } => serve_kernel_status(uid, gid),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if the output is closed.
            let _ = writeln!(std::io::stderr(), "audit-broker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve_kernel_status(uid: u32, gid: u32) -> anyhow::Result<()> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    kernel_status::serve(&socket, Uid::from_raw(uid), Gid::from_raw(gid))
}
