//! Which file a command is.
//!
//! Knows PATH. Never finds `audit-cli` itself, by whatever name, so a link never loops.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

/// Where a command without a slash is looked for if PATH is not set, as `execvp(3)` does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// What became of looking for a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The file to execute.
    Found(PathBuf),
    /// There is a file of that name, and it cannot be executed.
    NotExecutable(PathBuf),
    /// There is none.
    NotFound,
}

impl Program {
    /// Looks for the command: as a path if it has a slash, else on PATH.
    pub(crate) fn find(command: &OsStr) -> Self {
        if command.as_encoded_bytes().contains(&b'/') {
            return Self::at(PathBuf::from(command));
        }
        let path = env::var_os("PATH").unwrap_or_else(|| OsString::from(DEFAULT_PATH));
        Self::find_on(&path, command, own_file().as_ref())
    }

    /// The file at this path.
    pub(crate) fn at(path: PathBuf) -> Self {
        match fs::metadata(&path) {
            Err(_) => Self::NotFound,
            Ok(metadata) if metadata.is_file() && access(&path, AccessFlags::X_OK).is_ok() => {
                Self::Found(path)
            }
            Ok(_) => Self::NotExecutable(path),
        }
    }

    fn find_on(path: &OsStr, command: &OsStr, own: Option<&FileId>) -> Self {
        let mut not_executable = None;
        if command.is_empty() {
            return Self::NotFound;
        }
        for directory in env::split_paths(path) {
            // An empty entry is the current directory.
            let directory =
                if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
            match Self::at(directory.join(command)) {
                Self::Found(file) if FileId::of(&file).as_ref() == own => {}
                Self::Found(file) => return Self::Found(file),
                Self::NotExecutable(file) => {
                    not_executable.get_or_insert(file);
                }
                Self::NotFound => {}
            }
        }
        not_executable.map_or(Self::NotFound, Self::NotExecutable)
    }
}

/// What makes two paths the same file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file behind the path, links followed.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// The running `audit-cli`.
pub(crate) fn own_file() -> Option<FileId> {
    FileId::of(Path::new("/proc/self/exe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_on_the_path() {
        let find = |path: &str| Program::find_on(OsStr::new(path), OsStr::new("sh"), None);
        assert_eq!(find("/nonexistent:/bin"), Program::Found("/bin/sh".into()));
        assert_eq!(find("/nonexistent"), Program::NotFound);
    }

    #[test]
    fn the_wrapper_itself_is_passed_over() {
        let own = FileId::of(Path::new("/bin/sh"));
        let found = Program::find_on(OsStr::new("/bin"), OsStr::new("sh"), own.as_ref());
        assert_eq!(found, Program::NotFound);
    }

    #[test]
    fn a_directory_and_a_plain_file_are_not_executable() {
        assert_eq!(Program::at("/tmp".into()), Program::NotExecutable("/tmp".into()));
        assert_eq!(
            Program::find(OsStr::new("/proc/self/status")),
            Program::NotExecutable("/proc/self/status".into())
        );
        let tmp = Program::find_on(OsStr::new("/"), OsStr::new("tmp"), None);
        assert_eq!(tmp, Program::NotExecutable("/tmp".into()));
        assert_eq!(Program::find(OsStr::new("")), Program::NotFound);
    }
}
