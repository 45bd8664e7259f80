//! Why a call would be allowed or denied, told without doing it.
//!
//! Needs no dockerd and no root. The request comes from a file, or from the docker command itself,
//! which is run against a dockerd that does nothing; either goes the way of a real request, so that
//! what is told is what the daemon would decide.

mod command;
mod dockerd;
mod explainer;
mod report;
mod request_file;
mod server;
mod who;

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context;
use tokio::task::LocalSet;

use crate::dockerd::upstream::Upstream;
use crate::judge::decision_cache::DecisionCache;
use crate::owner::OwnerTable;
use crate::policy::Policy;
use crate::settings::Settings;
use dockerd::Dockerd;
use explainer::{Explained, Explainer};
use server::{Calls, Directory};
use who::Caller;

/// What is to be explained.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ExplainOptions {
    /// In whose name, instead of your own
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A group that they are in besides
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// The uid of the process that calls; 0 is as with sudo
    #[arg(long, value_name = "NUMBER")]
    uid: Option<u32>,
    /// Whose the containers, images, volumes and networks are that are there, instead of their own
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Default, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A file with an HTTP request: its first line, headers, an empty line, the body; `-` is the
    /// standard input
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// A docker command line, which is run against a daemon that does nothing
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What there is to say.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) text: String,
    /// Whether all of it would be allowed.
    pub(crate) is_allowed: bool,
}

/// Explains.
///
/// # Errors
/// If configuration or policies are bad or cannot be read; if the request is none, nobody has the
/// name, or the command cannot be run.
pub(crate) fn run(config: &Path, asked: &ExplainOptions) -> anyhow::Result<Explanation> {
    let settings = Settings::load(config)?;
    let policy = Policy::load(&settings.policy_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, explain(settings, policy, asked))
}

async fn explain(
    settings: Settings,
    policy: Policy,
    asked: &ExplainOptions,
) -> anyhow::Result<Explanation> {
    let caller = Caller::of(asked).await?;
    let directory = Directory::new()?;
    let owners = Rc::new(OwnerTable::open(&directory.path("owners"), &|_| None)?);
    let (owner, owner_of_rest) = (caller.owner.clone(), caller.owner_of_rest.clone());
    let dockerd = Rc::new(Dockerd::new(Rc::clone(&owners), owner, owner_of_rest));
    let socket = directory.path("dockerd.sock");
    server::serve_dockerd(&socket, Rc::clone(&dockerd))?;
    let upstream = Upstream::new(socket, settings.dockerd_timeout());
    let (mode, who) = (settings.mode, caller.describe());
    let explainer = Rc::new(Explainer {
        settings,
        policy: Arc::new(policy),
        cache: DecisionCache::default(),
        caller,
        owners,
        dockerd,
        upstream,
    });

    let calls = Calls::default();
    let mut note = None;
    if let Some(file) = &asked.what.request {
        let (head, document) = request_file::parse(&read(file)?)
            .with_context(|| format!("bad request `{}`", file.display()))?;
        let (call, _) = Box::pin(explainer.explain(&head, &document)).await?;
        calls.borrow_mut().push(call);
    } else {
        let socket = directory.path("docker.sock");
        server::serve_clients(&socket, explainer, &calls)?;
        note = command::run(&asked.what.command, &socket, &directory, &calls).await?;
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
