//! Checks whether audit-cli is set up so that docker commands go through it and are recorded.

use std::env;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use audit_core::Subject;
use audit_host::journal;
use audit_host::mask::{KEY_PATH, Mask};
use audit_host::recording::OnFailure;

use super::Check;
use crate::command::program::{self, FileId, NotRunnable, own_file};
use crate::process;
use crate::settings::{self, Settings};

pub(super) fn checks() -> Vec<Check> {
    let settings = Settings::load();
    let mut checks = vec![login(), judge_settings(&settings)];
    checks.push(docker(&settings.unwrap_or_default()));
    checks.push(redaction(&Mask::load(Path::new(KEY_PATH))));
    checks.push(typed_docker());
    checks.push(own_program());
    checks.push(journal());
    checks
}

fn login() -> Check {
    match Subject::current() {
        Ok(Subject { auid: Some(auid), .. }) => Check::ok("login", format!("your auid is {auid}")),
        Ok(_) => Check::note(
            "login",
            "your auid is unset: records of this session name nobody",
            "add pam_loginuid to the PAM configuration of logins",
        ),
        Err(error) => Check::fault("login", format!("cannot check: {error}"), "mount /proc"),
    }
}

fn judge_settings(settings: &anyhow::Result<Settings>) -> Check {
    match settings {
        Err(error) => Check::fault(
            "configuration",
            format!("{error:#}"),
            "fix it; until then audit-cli runs no command",
        ),
        Ok(settings) if settings.on_failure == OnFailure::Warn => Check::fault(
            "configuration",
            "on_failure = \"warn\" lets commands run unrecorded",
            format!("set on_failure = \"refuse\" in {}", settings::PATH),
        ),
        Ok(_) => Check::ok("configuration", "audit-cli refuses a command that it cannot record"),
    }
}

fn docker(settings: &Settings) -> Check {
    let advice = format!("install docker, or set docker_path in {}", settings::PATH);
    match program::find_docker(settings) {
        Ok(file) if settings.docker_path.is_none() => Check::note(
            "docker",
            format!(
                "{}, from your PATH; for other callers, their own PATH decides",
                file.display()
            ),
            format!("set docker_path in {}", settings::PATH),
        ),
        Ok(file) => Check::ok("docker", format!("{}", file.display())),
        Err(NotRunnable::NotExecutable(file)) => {
            Check::note("docker", format!("{} is not an executable file", file.display()), advice)
        }
        Err(NotRunnable::NotFound) => Check::note("docker", "not found", advice),
    }
}

/// Whether there is a key with which root can prove what records hide.
fn redaction(mask: &anyhow::Result<Mask>) -> Check {
    match mask {
        Ok(mask) if mask.has_key() => Check::ok("redaction", "hidden secrets have a keyed digest"),
        Ok(_) => Check::note(
            "redaction",
            "there is no key, so nobody can prove what a record hides as ***",
            "run audit-cli digest --make-key",
        ),
        Err(error) => Check::fault(
            "redaction",
            format!("{error:#}"),
            "fix it; until then audit-cli runs no command",
        ),
    }
}

/// Whether the first `docker` on PATH is a symlink to audit-cli.
fn typed_docker() -> Check {
    let path = env::var_os("PATH").unwrap_or_default();
    let typed = env::split_paths(&path)
        .map(|directory| directory.join("docker"))
        .find(|file| file.is_file());
    match typed {
        Some(file) if FileId::of(&file) == own_file() => {
            Check::ok("typed docker", format!("{} is audit-cli", file.display()))
        }
        _ => Check::note(
            "typed docker",
            "with this PATH, typing `docker` does not run audit-cli",
            "ln -s \"$(command -v audit-cli)\" /usr/local/bin/docker, or alias docker='audit-cli docker'",
        ),
    }
}

/// Whether nobody can misuse or replace the file of audit-cli.
fn own_program() -> Check {
    let file = env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    if cfg!(target_env = "gnu") && process::has_file_capability(&file) {
        return Check::fault(
            "program",
            "has a file capability and is built with glibc, which takes TMPDIR and other variables from docker",
            "give the capability to a musl build instead (--target x86_64-unknown-linux-musl)",
        );
    }
    judge_program(&file)
}

/// A person who can write to the file, or to a directory above it, can replace the program that
/// records what they do.
fn judge_program(file: &Path) -> Check {
    match file.ancestors().find(|path| others_can_replace(path)) {
        Some(path) => Check::fault(
            "program",
            format!("users other than root can write to {}", path.display()),
            "install it with: install -o root -g root -m 0755 audit-cli /usr/bin/",
        ),
        None => Check::ok("program", format!("only root can replace {}", file.display())),
    }
}

/// In a directory with the sticky bit, users cannot replace the files of other users.
fn others_can_replace(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| {
        let is_sticky_directory = metadata.is_dir() && metadata.mode() & 0o1000 != 0;
        metadata.uid() != 0 || (metadata.mode() & 0o022 != 0 && !is_sticky_directory)
    })
}

fn journal() -> Check {
    if Path::new(journal::SOCKET).exists() {
        Check::ok("journal", format!("a syslog daemon listens at {}", journal::SOCKET))
    } else {
        Check::note(
            "journal",
            format!(
                "no syslog daemon at {}: commands appear only in the audit trail",
                journal::SOCKET
            ),
            "start systemd-journald or rsyslog if you want lines in the journal",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::doctor::State;

    #[test]
    fn settings_that_weaken_the_trail_are_faults() {
        let warn = Settings { on_failure: OnFailure::Warn, ..Settings::default() };
        assert_eq!(judge_settings(&Ok(warn)).state, State::Fault);
        assert_eq!(judge_settings(&Err(anyhow::anyhow!("x"))).state, State::Fault);
        assert_eq!(judge_settings(&Ok(Settings::default())).state, State::Ok);
    }

    #[test]
    fn s26_a_key_that_cannot_be_read_is_a_fault() {
        assert_eq!(redaction(&Ok(Mask::default())).state, State::Note);
        assert_eq!(redaction(&Ok(Mask::with_key([1; 32]))).state, State::Ok);
        assert_eq!(redaction(&Err(anyhow::anyhow!("x"))).state, State::Fault);
    }

    #[test]
    fn s25_a_docker_that_path_chooses_is_a_note() {
        let sh = Settings { docker_path: Some("/bin/sh".into()), ..Settings::default() };
        assert_eq!(docker(&sh).state, State::Ok);
        assert_eq!(docker(&Settings::default()).state, State::Note);
    }

    #[test]
    fn a_program_that_others_can_write_is_a_fault() {
        assert_eq!(judge_program(Path::new("/bin/sh")).state, State::Ok);
        assert_eq!(judge_program(Path::new("/dev/null")).state, State::Fault);
    }
}
