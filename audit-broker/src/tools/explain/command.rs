//! The docker command itself, at the made-up dockerd.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::time::{Instant, sleep};

use super::server::{Calls, Directory};

/// How long the command may take, and how many requests it may make.
const WAIT: Duration = Duration::from_secs(15);
const CALLS_LIMIT: usize = 100;

/// Between two looks at whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// What could lead docker to another daemon than the made-up one.
const ELSEWHERE: [&str; 4] =
    ["DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/// Runs the command, and gives what there is to say about it.
///
/// # Errors
/// If it names a daemon of its own, is not installed, or fails without asking for anything.
pub(super) async fn run(
    words: &[OsString],
    socket: &Path,
    directory: &Directory,
    calls: &Calls,
) -> anyhow::Result<Option<String>> {
    let (program, arguments) = words.split_first().context("no command is given")?;
    refuse_other_daemon(arguments)?;
    let (output, errors) = (directory.path("output"), directory.path("errors"));
    let mut address = OsString::from("unix://");
    address.push(socket);
    let mut command = Command::new(program);
    command.args(arguments).env("DOCKER_HOST", address);
    // Not one that builds elsewhere.
    command.env("BUILDX_BUILDER", "default");
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command.stdout(File::create(&output)?).stderr(File::create(&errors)?);
    let child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => anyhow!(
            "{} is not installed here; give the request itself with --request",
            program.to_string_lossy()
        ),
        _ => anyhow!("cannot run {}: {error}", program.to_string_lossy()),
    })?;
    let ended = wait(child, calls).await?;
    let asked_for_nothing = calls.borrow().iter().all(|call| call.is_probe && call.is_allowed());
    if asked_for_nothing && ended.is_none_or(|status| !status.success()) {
        let said = fs::read(&errors).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        bail!("the command asked docker for nothing: {}", said.trim().replace('\n', " "));
    }
    let note = || {
        format!(
            "the command was ended after {} s or {CALLS_LIMIT} requests, so more may follow",
            WAIT.as_secs()
        )
    };
    Ok(ended.is_none().then(note))
}

/// Waits for its end; `None` where that was not waited for.
async fn wait(mut child: Child, calls: &Calls) -> io::Result<Option<ExitStatus>> {
    let end = Instant::now() + WAIT;
    while Instant::now() < end && calls.borrow().len() < CALLS_LIMIT {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        sleep(PAUSE).await;
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// docker's own options stand before its command, a plugin's between that and the next word; those
/// that name a daemon would go before the environment.
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
            bail!("leave out {word}: nothing is to reach a real daemon");
        } else if is_dockers && TAKE_VALUE.contains(&word.as_ref()) {
            words.next();
        }
    }
    Ok(())
}

/// docker's own options that take the next word. Short ones may stand behind others.
const TAKE_VALUE: [&str; 7] =
    ["--config", "-l", "-Dl", "--log-level", "--tlscacert", "--tlscert", "--tlskey"];

/// Behind docker's command, `-c` and `-H` in the midst of others are its own.
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
    fn no_real_daemon_is_reached() {
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
