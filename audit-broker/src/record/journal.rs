//! Writes a line to the journal for each change, on a thread that may block.
//!
//! This file knows the fields of a line. The caller chooses which calls get one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use audit_core::Auid;
use audit_host::journal::{self, Entry, user_name};

use crate::who::subject::Subject;

/// Longest queue of lines. If the journal hangs, further lines are dropped: the audit trail is
/// authoritative.
const QUEUE_LIMIT: usize = 1024;

/// Sends lines to the thread.
#[derive(Debug)]
pub(crate) struct Journal {
    lines: SyncSender<JournalLine>,
}

/// The fields of one line.
#[derive(Debug)]
pub(crate) struct JournalLine {
    login_uid: u32,
    terminal: Option<String>,
    cwd: Option<Vec<u8>>,
    /// The socket of dockerd, which executes the request as root.
    program: PathBuf,
    /// The operation and its objects.
    arguments: Vec<Vec<u8>>,
    /// The reason if the call was denied.
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

    /// The same line for a denied call.
    pub(crate) fn rejected(self, reason: &'static str) -> Self {
        Self { rejected: Some(reason), ..self }
    }
}

impl Journal {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (lines, incoming) = sync_channel::<JournalLine>(QUEUE_LIMIT);
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            for line in incoming {
                write(&line);
            }
        })?;
        Ok(Self { lines })
    }

    pub(crate) fn write(&self, line: JournalLine) {
        if self.lines.try_send(line).is_err() {
            tracing::warn!(
                "dropped a journal line because the journal is slow; it is in the audit trail"
            );
        }
    }
}

fn write(line: &JournalLine) {
    journal::write(|| Entry {
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
