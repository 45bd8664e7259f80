//! Checks whether audit-cli is set up so that docker commands go through it and are recorded.

use std::env;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use audit_core::Subject;
use audit_host::journal;
use audit_host::mask::{KEY_PATH, Mask};
use audit_host::recording::OnFailure;

use super::{Check, lacks_rights};
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
        Err(error) if lacks_rights(error) => Check::unknown("configuration", format!("{error:#}")),
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
    let set_path = |file: &Path| {
        format!("write docker_path = {:?} into {}", file.display().to_string(), settings::PATH)
    };
    match program::find_docker(settings) {
        Ok(file) if settings.docker_path.is_none() => Check::note(
            "docker",
            format!(
                "{}, from your PATH; for other callers, their own PATH decides",
                file.display()
            ),
            set_path(&file),
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
        Err(error) if lacks_rights(error) => Check::unknown("redaction", format!("{error:#}")),
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
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    match directories.iter().map(|directory| directory.join("docker")).find(|file| file.is_file()) {
        Some(file) if FileId::of(&file) == own_file() => {
            Check::ok("typed docker", format!("{} is audit-cli", file.display()))
        }
        _ => Check::note(
            "typed docker",
            "with this PATH, typing `docker` does not run audit-cli",
            advice_for_typed_docker(&directories, &own_path()),
        ),
    }
}

/// What makes `docker` run audit-cli. A link needs a directory that comes before docker's own on PATH, and
/// in which only root can put files.
fn advice_for_typed_docker(path: &[PathBuf], file: &Path) -> String {
    let has_docker = |directory: &&PathBuf| directory.join("docker").symlink_metadata().is_ok();
    let mut before = path.iter().take_while(|directory| !has_docker(directory));
    let place = before.find(|directory| {
        directory.is_absolute() && directory.is_dir() && program::is_only_for_root(directory)
    });
    let shown = file.display();
    match place {
        Some(directory) => format!("as root, run ln -s {shown} {}/docker", directory.display()),
        None if process::has_file_capability(file) => {
            format!("in your shell's settings, write alias docker=\"{shown} docker\"")
        }
        None => format!("in your shell's settings, write alias docker=\"sudo {shown} docker\""),
    }
}

/// The file of this program.
fn own_path() -> PathBuf {
    env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"))
}

/// Whether nobody can misuse or replace the file of audit-cli.
fn own_program() -> Check {
    let file = own_path();
    if cfg!(target_env = "gnu") && process::has_file_capability(&file) {
        return Check::fault(
            "program",
            "has a file capability and is built with glibc, which takes TMPDIR and other variables from docker",
            format!(
                "give the capability to a musl build instead (--target {}-unknown-linux-musl)",
                env::consts::ARCH
            ),
        );
    }
    judge_program(&file)
}

/// A person who can write to the file, or to a directory above it, can replace the program that
/// records what they do.
fn judge_program(file: &Path) -> Check {
    // The highest directory: to repair one below it would help nothing.
    let Some(path) = file.ancestors().filter(|path| others_can_replace(path)).last() else {
        return Check::ok("program", format!("only root can replace {}", file.display()));
    };
    let shown = file.display();
    let advice = if path == file {
        format!("as root, run chown root {shown} and chmod go-w {shown}")
    } else {
        format!("as root, run install -o root -g root -m 0755 {shown} /usr/bin/audit-cli")
    };
    let finding = format!("users other than root can write to {}", path.display());
    Check::fault("program", finding, advice)
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
    fn k13_the_advice_names_a_place_before_docker_s_own() {
        let program = Path::new("/opt/audit/audit-cli");
        let advice = |path: &[&str]| {
            let path: Vec<PathBuf> = path.iter().map(PathBuf::from).collect();
            advice_for_typed_docker(&path, program)
        };
        // No directory comes before docker's own, so no link can.
        let directory = env::temp_dir().join(format!("audit-cli-advice-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("docker"), "").unwrap();
        let own = directory.to_str().unwrap().to_owned();
        let alias = "alias docker=\"sudo /opt/audit/audit-cli docker\"";
        assert!(advice(&[&own, "/etc"]).ends_with(alias), "{}", advice(&[&own]));
        // Anyone may write to the first, and the others are no directories of root.
        assert!(advice(&["/tmp", "etc", "", "/nonexistent", &own]).ends_with(alias));
        let link = "ln -s /opt/audit/audit-cli /etc/docker";
        // A directory of settings that surely belongs to root, and that may have an entry `docker`.
        let expected = if Path::new("/etc/docker").exists() { alias } else { link };
        assert!(advice(&["/etc", &own]).ends_with(expected));
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_program_that_others_can_write_is_a_fault() {
        assert_eq!(judge_program(Path::new("/bin/sh")).state, State::Ok);
        assert_eq!(judge_program(Path::new("/dev/null")).state, State::Fault);
    }
}
