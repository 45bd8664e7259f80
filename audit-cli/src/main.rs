//! `audit-cli` - every docker invocation in the audit trail, under the name of who typed it.
//!
//! An invocation goes from [`invocation`] (what was typed), perhaps by way of a [`template`], to
//! [`wrapper`] (write it down, then do it), with [`docker`] to read docker's words, [`evidence`] for
//! the records and [`audit_host::journal`] for the line in the journal. [`emit`] and [`doctor`] are
//! commands of its own, and so is
//! [`digest`], which says what a record hides.

#![cfg_attr(not(test), no_main)]

mod arguments;
mod digest;
mod docker;
mod doctor;
mod emit;
mod evidence;
mod exit;
mod invocation;
mod process;
mod program;
mod recorder;
mod report;
mod settings;
mod supervise;
mod template;
mod wrapper;

use std::ffi::OsString;

use clap::Parser;

use arguments::{Arguments, Command};
use invocation::Request;
use report::Failure;

/// Does what the arguments ask for, and gives the exit code. Called by `main` in [`process`].
#[cfg_attr(test, expect(dead_code, reason = "the test harness has its own main"))]
fn run(arguments: Vec<OsString>) -> u8 {
    let result = match Request::from_arguments(arguments) {
        Request::Run(invocation) => wrapper::run(&invocation),
        Request::Template(call) => template::open(call).and_then(|it| wrapper::run(&it)),
        Request::Command(arguments) => run_command(arguments),
    };
    result.unwrap_or_else(|Failure { code, error }| {
        report::line(&error);
        code
    })
}

/// Runs one of our own commands.
fn run_command(arguments: Vec<OsString>) -> Result<u8, Failure> {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // There is nobody left to tell if the output is closed.
            let _ = error.print();
            return Ok(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    match arguments.command {
        Command::Emit(emit) => emit::run(&emit),
        Command::Digest(asked) => digest::run(&asked),
        Command::Doctor { json } => {
            doctor::run(json).map_err(|error| Failure { code: exit::NOT_TRUSTED, error })
        }
        Command::Run { template } if template.is_empty() => template::list(),
        Command::Docker { .. } | Command::Exec { .. } | Command::Run { .. } => {
            let error = anyhow::anyhow!("a command to record stands directly behind audit-cli");
            Err(Failure { code: exit::USAGE, error })
        }
    }
}

#[cfg(test)]
fn main() {}
