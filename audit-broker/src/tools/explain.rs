//! `audit-broker explain`: explains why a call would be allowed or denied, without executing it.
//!
//! The command needs neither dockerd nor root. The request comes from a file, or from the docker
//! command, which runs against a fake dockerd. In both cases the request takes the path of a real one up to
//! the rewrite, so the explanation shows what the broker would answer. What only the daemon can refuse stands
//! in [`crate::exchange::prepared`].

mod caller;
mod command;
mod dockerd;
mod explainer;
mod report;
mod request_file;
mod server;

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context;
use tokio::task::LocalSet;

use crate::call::name_lock::NameLocks;
use crate::call::owner_lock::OwnerLocks;
use crate::dockerd::upstream::Upstream;
use crate::owner::OwnerTable;
use crate::policy::Policy;
use crate::settings::Settings;
use caller::ExplainedCaller;
use dockerd::Dockerd;
use explainer::{Explained, Explainer};
use server::{Calls, Directory};

/// The options of the command.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ExplainOptions {
    /// Explain calls of this user instead of your own
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Add this group to the caller's groups
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// Set the uid of the calling process; 0 is as after sudo
    #[arg(long, value_name = "NUMBER")]
    uid: Option<u32>,
    /// Set the owner of all existing objects, instead of the caller
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    #[command(flatten)]
    input: ExplainInput,
}

#[derive(Debug, Default, clap::Args)]
#[group(required = true, multiple = false)]
struct ExplainInput {
    /// Read an HTTP request from this file: first line, headers, empty line, body; `-` is standard
    /// input
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// The docker command to run against a fake dockerd that does nothing
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The text to print.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) text: String,
    /// Whether all calls would be allowed.
    pub(crate) is_allowed: bool,
}

/// Explains the calls of a request or command.
///
/// # Errors
/// If the configuration or the policies are not valid, the request cannot be parsed, the user does not
/// exist, or the command cannot be run.
pub(crate) fn run(config: &Path, options: &ExplainOptions) -> anyhow::Result<Explanation> {
    let settings = Settings::load(config)?;
    let policy = Policy::load(&settings.policy_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, explain(settings, policy, options))
}

async fn explain(
    settings: Settings,
    policy: Policy,
    options: &ExplainOptions,
) -> anyhow::Result<Explanation> {
    let caller = ExplainedCaller::of(options).await?;
    let directory = Directory::new()?;
    let owners = Rc::new(OwnerTable::open(&directory.path("owners"), &|_| None)?);
    let (owner, owner_of_rest) = (caller.owner.clone(), caller.owner_of_rest.clone());
    let dockerd = Rc::new(Dockerd::new(Rc::clone(&owners), owner, owner_of_rest));
    let socket = directory.path("dockerd.sock");
    server::serve_dockerd(&socket, Rc::clone(&dockerd))?;
    let upstream = Upstream::new(socket, settings.dockerd_timeout());
    let (mode, who) = (settings.mode, caller.describe());
    let name_locks = NameLocks::new(settings.record_timeout());
    let explainer = Rc::new(Explainer {
        settings,
        policy: Arc::new(policy),
        caller,
        owners,
        dockerd,
        upstream,
        name_locks,
        network_locks: OwnerLocks::default(),
    });

    let calls = Calls::default();
    let mut note = None;
    if let Some(file) = &options.input.request {
        let (head, document) = request_file::parse(&read(file)?)
            .with_context(|| format!("bad request `{}`", file.display()))?;
        let (call, _) = Box::pin(explainer.explain(&head, &document)).await?;
        calls.borrow_mut().push(call);
    } else {
        let socket = directory.path("docker.sock");
        server::serve_clients(&socket, explainer, &calls)?;
        note = command::run(&options.input.command, &socket, &directory, &calls).await?;
    }
    let calls = calls.borrow();
    let text = report::report(&who, &calls, note.as_deref(), mode);
    Ok(Explanation { text, is_allowed: calls.iter().all(Explained::is_allowed) })
}

fn read(file: &Path) -> anyhow::Result<String> {
    let read = || {
        if file != Path::new("-") {
            return fs::read_to_string(file);
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        Ok(text)
    };
    read().with_context(|| format!("cannot read the request `{}`", file.display()))
}

#[cfg(test)]
mod tests;
