//! Runs the docker command against the fake dockerd.
//!
//! This file knows how to keep the command away from any real daemon, and when to stop it. It does not
//! know what the command's requests mean.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::time::{Instant, sleep};

use super::server::{Calls, Directory};

/// How long the command may run.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How many requests the command may make.
const CALLS_LIMIT: usize = 100;

/// The time between two checks whether the command has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Environment variables that could direct docker to another daemon.
const OTHER_DAEMON: [&str; 4] =
    ["DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/// Runs the command. Returns a note for the report if the command was stopped.
///
/// # Errors
/// If the command names another daemon, is not installed, or fails without making a request.
pub(super) async fn run(
    words: &[OsString],
    socket: &Path,
    directory: &Directory,
    calls: &Calls,
) -> anyhow::Result<Option<String>> {
    let (program, arguments) = words.split_first().context("the command is missing")?;
    refuse_other_daemon(arguments)?;
    let (output, errors) = (directory.path("output"), directory.path("errors"));
    let mut address = OsString::from("unix://");
    address.push(socket);
    let mut command = Command::new(program);
    command.args(arguments).env("DOCKER_HOST", address);
    // Other builders build outside of dockerd.
    command.env("BUILDX_BUILDER", "default");
    for name in OTHER_DAEMON {
        command.env_remove(name);
    }
    command.stdout(File::create(&output)?).stderr(File::create(&errors)?);
    let program = program.to_string_lossy();
    let child = command.spawn().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            anyhow!("{program} is not installed; pass the request itself with --request")
        } else {
            anyhow!("cannot run {program}: {error}")
        }
    })?;
    let ended = wait(child, calls).await?;
    let made_no_request = calls.borrow().iter().all(|call| call.is_probe && call.is_allowed());
    if made_no_request && ended.is_none_or(|status| !status.success()) {
        let output = fs::read(&errors).unwrap_or_default();
        let output = String::from_utf8_lossy(&output);
        bail!("the command made no request: {}", output.trim().replace('\n', " "));
    }
    let note = || {
        format!(
            "stopped the command after {} s or {CALLS_LIMIT} requests; it may make further requests",
            TIMEOUT.as_secs()
        )
    };
    Ok(ended.is_none().then(note))
}

/// Waits until the command ends; `None` if it had to be stopped.
async fn wait(mut child: Child, calls: &Calls) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + TIMEOUT;
    while Instant::now() < end && calls.borrow().len() < CALLS_LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        sleep(POLL_INTERVAL).await;
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Rejects options that name a daemon, because they override the environment. docker's own options come
/// before its command, and the options of a plugin come directly after that command.
fn refuse_other_daemon(arguments: &[OsString]) -> anyhow::Result<()> {
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    let mut is_dockers = true;
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            if !is_dockers {
                break;
            }
            is_dockers = false;
        } else if names_daemon(&word, is_dockers) {
            bail!("remove {word}: the command must not reach a real daemon");
        } else if is_dockers && TAKE_VALUE.contains(&word.as_ref()) {
            words.next();
        }
    }
    Ok(())
}

/// docker's own options that take the next word as their value. Short options may be combined.
const TAKE_VALUE: [&str; 7] =
    ["--config", "-l", "-Dl", "--log-level", "--tlscacert", "--tlscert", "--tlskey"];

/// Whether an option names a daemon. After docker's command, `-c` is an option of that command, and so is
/// an `H` among combined short options.
fn names_daemon(option: &str, is_dockers: bool) -> bool {
    let name = option.split('=').next().unwrap_or_default();
    if option.starts_with("--") {
        return matches!(name, "--host" | "--context");
    }
    option.starts_with("-H") || (is_dockers && name.contains(['H', 'c']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_name_a_real_daemon_are_rejected() {
        let check = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            refuse_other_daemon(&words).is_ok()
        };
        for line in [
            "run -h web fedora",
            "run --hostname x y",
            "-D ps",
            "run -c 5 fedora",
            "-l debug ps",
            "run fedora curl -H a",
            "--config x run fedora curl --host a",
        ] {
            assert!(check(line), "{line}");
        }
        for line in [
            "-H tcp://a ps",
            "-Htcp://a ps",
            "--host=tcp://a ps",
            "--context x ps",
            "-c x ps",
            "-l debug -H tcp://a ps",
            "--config x --host tcp://a ps",
            "-DH tcp://a ps",
            "compose -H tcp://a up",
            "compose --context x up",
        ] {
            assert!(!check(line), "{line}");
        }
    }
}
