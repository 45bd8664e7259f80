//! The line in the journal for each change, from a thread that may wait for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use audit_core::Auid;
use audit_host::journal::{self, Entry, user_name};

use crate::who::subject::Subject;

/// Lines that may wait. The trail is the record: when the journal hangs, lines are left out.
const WAITING_LIMIT: usize = 1024;

/// The door to the thread.
#[derive(Debug)]
pub(crate) struct Journal {
    lines: SyncSender<JournalLine>,
}

/// What one line tells, in words of its own.
#[derive(Debug)]
pub(crate) struct JournalLine {
    login_uid: u32,
    terminal: Option<String>,
    cwd: Option<Vec<u8>>,
    /// The socket of the daemon that does the work, as root.
    program: PathBuf,
    /// What is asked of it, and of which object.
    arguments: Vec<Vec<u8>>,
    /// Why it was not done.
    rejected: Option<&'static str>,
}

impl JournalLine {
    pub(crate) fn new(subject: &Subject, program: &Path, arguments: Vec<Vec<u8>>) -> Self {
        Self {
            login_uid: subject.trusted_login().map_or(subject.uid, Auid::number),
            terminal: subject.terminal.clone(),
            cwd: subject.cwd.clone(),
            program: program.to_owned(),
            arguments,
            rejected: None,
        }
    }

    /// The same of what was not done.
    pub(crate) fn rejected(self, reason: &'static str) -> Self {
        Self { rejected: Some(reason), ..self }
    }
}

impl Journal {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (lines, incoming) = sync_channel::<JournalLine>(WAITING_LIMIT);
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            for line in incoming {
                write(&line);
            }
        })?;
        Ok(Self { lines })
    }

    pub(crate) fn write(&self, line: JournalLine) {
        if self.lines.try_send(line).is_err() {
            tracing::warn!("a line for the journal is left out; the audit record is there");
        }
    }
}

fn write(line: &JournalLine) {
    journal::write(&Entry {
        writer: "audit-broker",
        user: user_name(line.login_uid),
        run_as: "root".to_owned(),
        terminal: line.terminal.as_deref().unwrap_or("unknown"),
        cwd: line.cwd.as_deref().unwrap_or(b"unknown"),
        program: &line.program,
        arguments: &line.arguments,
        rejected: line.rejected,
    });
}
