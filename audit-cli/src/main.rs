//! `audit-cli` writes each docker command into the audit trail, under the login uid of the person
//! who typed it.
//!
//! [`wrapper`] leads a command through these rooms: [`command`] finds what to run, [`docker`] finds
//! what docker's words ask for and which of them are secrets, and [`record`] writes it down. Then the
//! process becomes the program. [`tools`] holds the commands that administrators run: `emit`, `digest`,
//! `doctor` and `report`.

#![cfg_attr(not(test), no_main)]

mod arguments;
mod command;
#[cfg(test)]
#[path = "../../tests/completion.rs"]
mod completion;
mod docker;
mod exit;
#[cfg(test)]
#[path = "../../tests/man/help.rs"]
mod help;
mod process;
mod record;
mod report;
mod settings;
mod supervise;
mod tools;
mod wrapper;

use std::ffi::OsString;

use clap::Parser;

use arguments::{Arguments, OwnCommand, with_long_options};
use command::invocation::Request;
use command::template;
use report::Failure;
use tools::{digest, doctor, emit};

/// Does what the arguments say and returns the exit code. `main` in [`process`] calls it.
#[cfg_attr(test, expect(dead_code, reason = "the test harness has its own main"))]
fn run(arguments: Vec<OsString>) -> u8 {
    let result = match Request::from_arguments(arguments) {
        Request::Run(invocation) => wrapper::run(&invocation),
        Request::Template(call) => {
            template::open(call).and_then(|invocation| wrapper::run(&invocation))
        }
        Request::Own(arguments) => run_own(arguments),
    };
    result.unwrap_or_else(|Failure { code, error }| {
        report::line(&error);
        code
    })
}

/// Runs one of the program's own commands.
fn run_own(arguments: Vec<OsString>) -> Result<u8, Failure> {
    let arguments = match Arguments::try_parse_from(with_long_options(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // If the output is closed, nobody can read the message.
            let _ = error.print();
            return Ok(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    match arguments.command {
        OwnCommand::Emit(emit) => emit::run(&emit),
        OwnCommand::Digest(digest) => digest::run(&digest),
        OwnCommand::Doctor { json } => {
            doctor::run(json).map_err(|error| Failure { code: exit::NOT_TRUSTED, error })
        }
        OwnCommand::Report(report) => {
            tools::report::run(&report).map_err(|error| Failure { code: exit::USAGE, error })
        }
        OwnCommand::Run { template } if template.is_empty() => template::list(),
        OwnCommand::Run { .. } => Err(usage("put the name of the template right after `run`")),
        OwnCommand::Docker { .. } | OwnCommand::Exec { .. } => {
            Err(usage("put the command right after `audit-cli`"))
        }
    }
}

fn usage(message: &'static str) -> Failure {
    Failure { code: exit::USAGE, error: anyhow::anyhow!(message) }
}

#[cfg(test)]
fn main() {}
