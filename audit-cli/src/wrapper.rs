//! Recording a command, then becoming it.
//!
//! The life of an invocation reads from top to bottom in [`run`]: who, what, write it down, then
//! do it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use audit_core::{Auid, CommandLine, Outcome, Subject};
use audit_host::journal::{self, Entry};
use audit_host::mask::{self, Mask};
use nix::unistd::{Uid, User};

use crate::docker;
use crate::evidence::Evidence;
use crate::exit;
use crate::invocation::{Invocation, is_docker};
use crate::process;
use crate::program::{self, NotRunnable};
use crate::recorder;
use crate::report::{self, Failure};
use crate::settings::{self, OnFailure, Settings};
use crate::supervise;

/// Records the command and runs it. Returns only if it was not run, or has ended.
///
/// # Errors
/// If it was not run: what to say, and the exit code.
pub(crate) fn run(invocation: &Invocation) -> Result<u8, Failure> {
    let settings = Settings::load().map_err(not_recorded)?;
    let mask = load_mask().map_err(not_recorded)?;
    let program = find(invocation, &settings);
    let evidence = Evidence {
        subject: Subject::current().context("it cannot be recorded").map_err(not_recorded)?,
        line: CommandLine::new(shown(invocation, &settings, &mask)),
        program: chosen_by_caller(&program, invocation, &settings),
        host_access: docker_words(invocation)
            .map_or(Vec::new(), |words| docker::host_access(&words)),
    };
    let refusal = invocation.terms.refusal.as_deref();
    let will_run = refusal.is_none() && program.is_ok();
    let outcome = if will_run { Outcome::Success } else { Outcome::Failed };

    recorder::write(&evidence.of_start(outcome), settings.on_failure).map_err(not_recorded)?;
    // More people read the journal than the trail, so it has no digests.
    let shown = shown(invocation, &settings, &Mask::default());
    write_journal(&program, refusal, &shown, &evidence.subject);

    if let Some(reason) = refusal {
        return Err(not_allowed(reason));
    }
    let file = program.map_err(|reason| not_run(&reason, invocation))?;
    if let Some(host) = &invocation.terms.docker_host {
        for (name, value) in docker::environment_for(host) {
            process::set_variable(name, value);
        }
    }
    if invocation.record_exit || settings.record_exit {
        return run_as_child(&file, invocation, &evidence, settings.on_failure);
    }
    let Err(error) = process::become_program(&file, &invocation.words);
    Err(not_executed(&file, error, &evidence, settings.on_failure))
}

/// How secrets are hidden. Where the program is lent the group that may read the key, it gives the
/// group back: docker is not to have it.
fn load_mask() -> anyhow::Result<Mask> {
    let mask = Mask::load(Path::new(mask::KEY_PATH));
    process::give_back_group().context("the group of audit-cli cannot be given back")?;
    mask.context(
        "audit-cli must be able to read the key; see \"What redaction hides\" in the README",
    )
}

/// The file that is run, if the caller chose it by PATH: neither the settings nor the command as
/// typed say which it is.
fn chosen_by_caller(
    program: &Result<PathBuf, NotRunnable>,
    invocation: &Invocation,
    settings: &Settings,
) -> Option<Vec<u8>> {
    let (Ok(file) | Err(NotRunnable::NotExecutable(file))) = program else { return None };
    let configured = settings.docker_path.as_ref().filter(|_| invocation.is_docker);
    let is_typed = invocation.words.first().is_some_and(|word| word == file.as_os_str());
    (configured != Some(file) && !is_typed).then(|| file.as_os_str().as_bytes().to_vec())
}

/// Which file the command is. Where docker is, the administrator may say.
fn find(invocation: &Invocation, settings: &Settings) -> Result<PathBuf, NotRunnable> {
    match invocation.words.first() {
        _ if invocation.is_docker => program::find_docker(settings),
        Some(command) => program::find(command),
        None => Err(NotRunnable::NotFound),
    }
}

/// The words if they are docker's, by whatever path it is called.
fn docker_words(invocation: &Invocation) -> Option<Vec<Vec<u8>>> {
    let command = invocation.words.first()?;
    let is_docker =
        invocation.is_docker || is_docker(command) || docker::is_compose(command.as_bytes());
    is_docker.then(|| bytes(&invocation.words))
}

/// The words with their secrets hidden.
fn shown(invocation: &Invocation, settings: &Settings, mask: &Mask) -> Vec<Vec<u8>> {
    match docker_words(invocation) {
        Some(words) if settings.redact => docker::redacted(&words, &settings.secret_names, mask),
        _ => bytes(&invocation.words),
    }
}

fn write_journal(
    program: &Result<PathBuf, NotRunnable>,
    refusal: Option<&str>,
    shown: &[Vec<u8>],
    subject: &Subject,
) {
    let Some((command, arguments)) = shown.split_first() else { return };
    let (file, rejected) = match program {
        Ok(file) => (file.as_path(), None),
        Err(NotRunnable::NotExecutable(file)) => (file.as_path(), Some("command not executable")),
        Err(NotRunnable::NotFound) => {
            (Path::new(OsStr::from_bytes(command)), Some("command not found"))
        }
    };
    let login = subject.auid.map_or(subject.uid, Auid::number);
    journal::write(&Entry {
        writer: "audit-cli",
        user: user_name(login),
        run_as: user_name(Uid::effective().as_raw()),
        terminal: subject.terminal.as_ref().map_or("unknown", AsRef::as_ref),
        cwd: subject.cwd.as_deref().unwrap_or(b"unknown"),
        program: file,
        arguments,
        rejected: refusal.map(|_| "command not allowed").or(rejected),
    });
}

/// The user's name, or the number as sudo writes it.
fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("#{uid}"),
    }
}

/// Stays as parent and records how the command ended.
fn run_as_child(
    file: &Path,
    invocation: &Invocation,
    evidence: &Evidence,
    on_failure: OnFailure,
) -> Result<u8, Failure> {
    let failed = |error: &io::Error| {
        let error = io::Error::from(error.kind());
        let failure = not_executed(file, error, evidence, on_failure);
        report::line(&failure.error);
        failure.code
    };
    let ended = supervise::run(file, &invocation.words, failed).map_err(|error| Failure {
        code: exit::NOT_EXECUTABLE,
        error: anyhow!(error).context("the command could not be run as a child"),
    })?;
    // The command has run: what is left is to say that its end is not on record.
    if let Err(error) = recorder::write(&[evidence.of_end(ended)], on_failure) {
        report::line(&error.context("the command's end"));
    }
    Ok(supervise::end_like(ended))
}

/// The command was recorded as run, and then the kernel would not execute it.
fn not_executed(
    file: &Path,
    error: io::Error,
    evidence: &Evidence,
    on_failure: OnFailure,
) -> Failure {
    if let Err(error) = recorder::write(&[evidence.of_failed_start()], on_failure) {
        report::line(&error.context("that the command failed to start"));
    }
    let code = match error.kind() {
        io::ErrorKind::NotFound => exit::NOT_FOUND,
        _ => exit::NOT_EXECUTABLE,
    };
    Failure { code, error: anyhow!(error).context(format!("cannot execute {}", file.display())) }
}

/// What to tell the user of a command that cannot be run.
fn not_run(reason: &NotRunnable, invocation: &Invocation) -> Failure {
    let command = invocation.words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
    match reason {
        NotRunnable::NotExecutable(file) => Failure {
            code: exit::NOT_EXECUTABLE,
            error: anyhow!("{} is not an executable file", file.display()),
        },
        NotRunnable::NotFound if invocation.is_docker => Failure {
            code: exit::NOT_FOUND,
            error: anyhow!(
                "{command}: command not found; install docker, or set docker_path in {}",
                settings::PATH
            ),
        },
        NotRunnable::NotFound => {
            Failure { code: exit::NOT_FOUND, error: anyhow!("{command}: command not found") }
        }
    }
}

fn not_allowed(reason: &str) -> Failure {
    let error = anyhow!("{reason}").context("the command was not run");
    Failure { code: exit::NOT_ALLOWED, error }
}

fn not_recorded(error: anyhow::Error) -> Failure {
    Failure { code: exit::NOT_RECORDED, error: error.context("the command was not run") }
}

fn bytes(words: &[OsString]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}
