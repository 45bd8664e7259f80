//! Which file a command is.
//!
//! This file knows PATH. It never finds `audit-cli` itself, under any name, so that a symlink named
//! `docker` does not run itself again and again.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::settings::Settings;

/// Where to look for a command without a slash if PATH is not set.
///
/// # Source
/// `execvp(3)`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Why a command cannot run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotRunnable {
    /// A file of that name exists, but it cannot be executed.
    NotExecutable(PathBuf),
    /// No file has that name.
    NotFound,
}

/// Finds docker: at `docker_path` of the settings if that is set, otherwise on PATH.
pub(crate) fn find_docker(settings: &Settings) -> Result<PathBuf, NotRunnable> {
    match &settings.docker_path {
        None => find(OsStr::new("docker")),
        // audit-cli would run itself forever.
        Some(path) if FileId::of(path) == own_file() => Err(NotRunnable::NotFound),
        Some(path) => at(path.clone()),
    }
}

/// Finds the command: a word with a slash is a path, any other is searched on PATH.
pub(crate) fn find(command: &OsStr) -> Result<PathBuf, NotRunnable> {
    if command.as_encoded_bytes().contains(&b'/') {
        return at(PathBuf::from(command));
    }
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from(DEFAULT_PATH));
    find_on(&path, command, own_file().as_ref())
}

/// The file at this path, if it can be executed.
fn at(path: PathBuf) -> Result<PathBuf, NotRunnable> {
    match fs::metadata(&path) {
        Err(_) => Err(NotRunnable::NotFound),
        Ok(metadata) if metadata.is_file() && access(&path, AccessFlags::X_OK).is_ok() => Ok(path),
        Ok(_) => Err(NotRunnable::NotExecutable(path)),
    }
}

/// The path of the file without symlinks to its directory, if only root can put another file there or
/// change the file that it leads to. The file itself may be a symlink: some packages choose their program
/// by its name.
pub(crate) fn placed_by_root(file: &Path) -> Option<PathBuf> {
    let directory = fs::canonicalize(file.parent()?).ok()?;
    let place = directory.join(file.file_name()?);
    let target = fs::canonicalize(&place).ok()?;
    (is_only_for_root(&directory) && is_only_for_root(&target)).then_some(place)
}

/// Whether only root can write to the file or directory, and to each directory above it.
pub(crate) fn is_only_for_root(path: &Path) -> bool {
    path.ancestors().all(|path| {
        fs::metadata(path).is_ok_and(|metadata| metadata.uid() == 0 && metadata.mode() & 0o022 == 0)
    })
}

fn find_on(path: &OsStr, command: &OsStr, own: Option<&FileId>) -> Result<PathBuf, NotRunnable> {
    let mut best = NotRunnable::NotFound;
    if command.is_empty() {
        return Err(best);
    }
    for directory in env::split_paths(path) {
        // An empty entry is the current directory.
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
        match at(directory.join(command)) {
            Ok(file) if FileId::of(&file).as_ref() == own => {}
            Ok(file) => return Ok(file),
            Err(reason) if best == NotRunnable::NotFound => best = reason,
            Err(_) => {}
        }
    }
    Err(best)
}

/// Identifies a file: two paths with the same id lead to one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The id of the file that the path leads to, after following symlinks.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// The id of the running `audit-cli`.
pub(crate) fn own_file() -> Option<FileId> {
    FileId::of(Path::new("/proc/self/exe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh_on(path: &str, own: Option<&FileId>) -> Result<PathBuf, NotRunnable> {
        find_on(OsStr::new(path), OsStr::new("sh"), own)
    }

    #[test]
    fn a_command_is_found_on_the_path() {
        assert_eq!(sh_on("/nonexistent:/bin", None), Ok("/bin/sh".into()));
        assert_eq!(sh_on("/nonexistent", None), Err(NotRunnable::NotFound));
    }

    #[test]
    fn k12_root_places_only_files_that_no_other_user_can_replace() {
        assert!(placed_by_root(Path::new("/bin/sh")).is_some_and(|file| file.ends_with("sh")));
        let program = env::current_exe().unwrap();
        let directory = env::temp_dir().join(format!("audit-cli-placed-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let link = directory.join("docker");
        std::os::unix::fs::symlink(&program, &link).unwrap();
        let placed = placed_by_root(&link);
        fs::remove_dir_all(&directory).unwrap();
        // Anyone may write to the directory for temporary files.
        assert_eq!(placed, None);
        assert_eq!(placed_by_root(Path::new("/nonexistent/docker")), None);
        assert_eq!(placed_by_root(Path::new("/")), None);
    }

    #[test]
    fn the_search_skips_audit_cli_itself() {
        let own = FileId::of(Path::new("/bin/sh"));
        assert_eq!(sh_on("/bin", own.as_ref()), Err(NotRunnable::NotFound));
    }

    #[test]
    fn a_directory_and_a_plain_file_are_not_executable() {
        let not_executable = |path: &str| Err(NotRunnable::NotExecutable(path.into()));
        assert_eq!(at("/tmp".into()), not_executable("/tmp"));
        assert_eq!(find(OsStr::new("/proc/self/status")), not_executable("/proc/self/status"));
        assert_eq!(find_on(OsStr::new("/"), OsStr::new("tmp"), None), not_executable("/tmp"));
        assert_eq!(find(OsStr::new("")), Err(NotRunnable::NotFound));
    }
}
