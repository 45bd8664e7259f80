//! The line that a command leaves in the journal.
//!
//! More people read the journal than the audit trail, so the caller passes words whose secrets have
//! no digests.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use audit_core::{Auid, Subject};
use audit_host::journal::{self, Entry, user_name};
use nix::unistd::Uid;

use crate::command::program::NotRunnable;

/// Writes the line. `words` are the command and its arguments, with secrets masked.
pub(crate) fn write_journal_line(
    program: &Result<PathBuf, NotRunnable>,
    is_refused: bool,
    words: &[Vec<u8>],
    subject: &Subject,
) {
    let Some((command, arguments)) = words.split_first() else { return };
    let (file, rejected) = match program {
        Ok(file) => (file.as_path(), None),
        Err(NotRunnable::NotExecutable(file)) => (file.as_path(), Some("command not executable")),
        Err(NotRunnable::NotFound) => {
            (Path::new(OsStr::from_bytes(command)), Some("command not found"))
        }
    };
    journal::write(|| {
        let login = subject.auid.map_or(subject.uid, Auid::number);
        let run_as = Uid::effective().as_raw();
        let user = user_name(login);
        Entry {
            writer: "audit-cli",
            run_as: if run_as == login { user.clone() } else { user_name(run_as) },
            user,
            terminal: subject.terminal.as_ref().map_or("unknown", AsRef::as_ref),
            cwd: subject.cwd.as_deref().unwrap_or(b"unknown"),
            program: file,
            arguments,
            rejected: is_refused.then_some(journal::NOT_ALLOWED).or(rejected),
        }
    });
}
