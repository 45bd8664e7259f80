//! Records a command, then becomes it.
//!
//! Read [`run`] from top to bottom to follow one command: who runs it, what it is, write it down,
//! do it.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use audit_core::{CommandLine, Outcome, Subject};
use audit_host::mask::{self, Mask};
use audit_host::recording::OnFailure;

use crate::command::invocation::{Invocation, Terms, is_docker};
use crate::command::program::{self, NotRunnable};
use crate::docker;
use crate::exit;
use crate::process;
use crate::record::{self, CommandRecords, Recorder};
use crate::report::{self, Failure};
use crate::settings::{self, Settings};
use crate::supervise;

/// Records the command and runs it. Returns only if the command did not run, or if it ran as a child
/// and has ended.
///
/// # Errors
/// If the command did not run: the message and the exit code.
pub(crate) fn run(invocation: &Invocation) -> Result<u8, Failure> {
    let recorder = Recorder::begin();
    let settings = Settings::load().map_err(not_recorded)?;
    let mask = load_mask().map_err(not_recorded)?;
    let program = find(invocation, &settings);
    let subject = Subject::current().context("it cannot be recorded").map_err(not_recorded)?;
    let completing = completing_program(&program, invocation, &settings);
    if let Some(file) = completing.as_deref().filter(|_| !settings.record_completion) {
        if !invocation.record_exit && process::has_only_the_rights_of(subject.auid) {
            let Err(error) = process::become_program(file, &invocation.words);
            return Err(cannot_execute(file, error));
        }
    }
    let program = completing.clone().map_or(program, Ok);
    let records = CommandRecords {
        subject,
        line: CommandLine::new(masked_words(invocation, &settings, &mask, completing.is_some())),
        program: chosen_by_caller(&program, invocation, &settings),
        is_completion: completing.is_some(),
        host_access: docker_words(invocation)
            .map_or(Vec::new(), |words| docker::host_access(&words)),
    };
    let refusal = invocation.terms.refusal.as_deref();
    let will_run = refusal.is_none() && program.is_ok();
    let outcome = if will_run { Outcome::Success } else { Outcome::Failed };

    recorder.write(&records.of_start(outcome), settings.on_failure).map_err(not_recorded)?;
    // More people read the journal than the trail, so the journal gets no digests.
    let words = masked_words(invocation, &settings, &Mask::default(), completing.is_some());
    record::write_journal_line(&program, refusal.is_some(), &words, &records.subject);

    if let Some(reason) = refusal {
        return Err(not_allowed(reason));
    }
    let file = program.map_err(|reason| not_runnable(&reason, invocation))?;
    if let Some(host) = &invocation.terms.docker_host {
        for (name, value) in docker::environment_for(host) {
            process::set_variable(name, value);
        }
    }
    if invocation.record_exit || settings.record_exit {
        return run_as_child(&file, invocation, &records, settings.on_failure);
    }
    let Err(error) = process::become_program(&file, &invocation.words);
    Err(not_executed(&file, error, &records, settings.on_failure))
}

/// The file of a command that only completes a line: root chose the file, and with these words it can
/// do nothing else. For any other command, `None`.
///
/// A caller can put a script named `docker` on PATH, so a completion by a file that others than root
/// can replace is a command like any other.
fn completing_program(
    program: &Result<PathBuf, NotRunnable>,
    invocation: &Invocation,
    settings: &Settings,
) -> Option<PathBuf> {
    docker_words(invocation).filter(|words| docker::is_completion(words))?;
    let file = program.as_ref().ok()?;
    if invocation.terms != Terms::default() {
        return None;
    }
    match &settings.docker_path {
        Some(configured) if invocation.is_docker => Some(configured.clone()),
        _ => program::placed_by_root(file),
    }
}

/// Reads the key that masks secrets, then drops the group that a set-group-id bit gave audit-cli to
/// read it: docker must not have that group.
fn load_mask() -> anyhow::Result<Mask> {
    let mask = Mask::load(Path::new(mask::KEY_PATH));
    process::drop_extra_group().context("audit-cli cannot drop its extra group")?;
    mask.context(
        "audit-cli must be able to read the key; see \"The redaction key\" in docs/operations.md",
    )
}

/// The file that runs, if the caller's PATH chose it: neither the settings nor the typed command
/// name it.
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

/// The file of the command. For docker, `docker_path` in the settings may name it.
fn find(invocation: &Invocation, settings: &Settings) -> Result<PathBuf, NotRunnable> {
    match invocation.words.first() {
        _ if invocation.is_docker => program::find_docker(settings),
        Some(command) => program::find(command),
        None => Err(NotRunnable::NotFound),
    }
}

/// The words, if the command is docker or compose, called by any path.
fn docker_words(invocation: &Invocation) -> Option<Vec<Vec<u8>>> {
    let command = invocation.words.first()?;
    let is_docker =
        invocation.is_docker || is_docker(command) || docker::is_compose(command.as_bytes());
    is_docker.then(|| bytes(&invocation.words))
}

/// The words with their secrets masked.
fn masked_words(
    invocation: &Invocation,
    settings: &Settings,
    mask: &Mask,
    is_completion: bool,
) -> Vec<Vec<u8>> {
    let Some(words) = docker_words(invocation).filter(|_| settings.redact) else {
        return bytes(&invocation.words);
    };
    let redact = if is_completion { docker::redacted_completion } else { docker::redacted };
    redact(&words, &settings.secret_names, mask)
}

/// Runs the command as a child and records how it ended.
fn run_as_child(
    file: &Path,
    invocation: &Invocation,
    records: &CommandRecords,
    on_failure: OnFailure,
) -> Result<u8, Failure> {
    let failed = |error: &io::Error| {
        let error = io::Error::from(error.kind());
        let failure = not_executed(file, error, records, on_failure);
        report::line(&failure.error);
        failure.code
    };
    let ended = supervise::run(file, &invocation.words, failed).map_err(|error| Failure {
        code: exit::NOT_EXECUTABLE,
        error: anyhow!(error).context("cannot run the command as a child process"),
    })?;
    // The command has run, so nothing can be refused any more: only report the missing record.
    if let Err(error) = record::write(&[records.of_end(ended)], on_failure) {
        report::line(&error.context("could not record how the command ended"));
    }
    Ok(supervise::end_like(ended))
}

/// Handles a command that was recorded as run, but that the kernel would not execute.
fn not_executed(
    file: &Path,
    error: io::Error,
    records: &CommandRecords,
    on_failure: OnFailure,
) -> Failure {
    if let Err(error) = record::write(&[records.of_failed_start()], on_failure) {
        report::line(&error.context("could not record that the command failed to start"));
    }
    cannot_execute(file, error)
}

/// The message for a file that the kernel would not execute.
fn cannot_execute(file: &Path, error: io::Error) -> Failure {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let code = if is_missing { exit::NOT_FOUND } else { exit::NOT_EXECUTABLE };
    Failure { code, error: anyhow!(error).context(format!("cannot execute {}", file.display())) }
}

/// The message for a command that has no executable file.
fn not_runnable(reason: &NotRunnable, invocation: &Invocation) -> Failure {
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
