//! The audit records of one command.
//!
//! This file knows which records a command leaves, and their fields. It sends nothing.

use audit_core::{CommandLine, Field, Outcome, Record, RecordType, Subject};
use audit_host::host_access::HostAccess;

/// What the records say: who ran which command, and what host access it asked for.
#[derive(Debug)]
pub(crate) struct CommandRecords {
    /// Who runs the command.
    pub(crate) subject: Subject,
    /// The command as typed, with secrets masked.
    pub(crate) line: CommandLine,
    /// The file that runs, if neither the command nor root's settings name it.
    pub(crate) program: Option<Vec<u8>>,
    /// Whether the command only completes a line that the caller is still typing.
    pub(crate) is_completion: bool,
    /// The ways in which the command asks for the host.
    pub(crate) host_access: Vec<HostAccess>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The exit status as a shell reports it: 128 plus the signal if a signal killed the command.
    pub(crate) exit: u8,
    /// The signal that killed the command.
    pub(crate) signal: Option<u8>,
}

/// Stands for an unknown working directory. libaudit writes the same.
const UNKNOWN_CWD: &[u8] = b"?";

impl CommandRecords {
    /// The records to write before the command runs: one `USER_CMD`, and one `USER_ROLE_CHANGE` for
    /// each way in which it asks for the host.
    pub(crate) fn of_start(&self, outcome: Outcome) -> Vec<Record<'_>> {
        let record = Record::new(RecordType::USER_CMD);
        let record = if self.is_completion { record.word(Field::OP, "complete") } else { record };
        let user_cmd = self.user_cmd(record).outcome(outcome);
        let role_changes = self.host_access.iter().map(|way| {
            let record = way.role_change(self.subject.label.as_deref());
            record.subject(&self.subject).outcome(outcome)
        });
        std::iter::once(user_cmd).chain(role_changes).collect()
    }

    /// The record to write if the kernel would not execute the command.
    pub(crate) fn of_failed_start(&self) -> Record<'_> {
        let record = Record::new(RecordType::USER_CMD).word(Field::OP, "exec");
        self.user_cmd(record).outcome(Outcome::Failed)
    }

    /// The record to write when the command has ended. It says success for exit status 0.
    pub(crate) fn of_end(&self, ended: Ended) -> Record<'_> {
        let outcome = if ended.exit == 0 { Outcome::Success } else { Outcome::Failed };
        let record = Record::new(RecordType::USER_CMD).word(Field::OP, "exit");
        let record = self.user_cmd(record).number(Field::EXIT, ended.exit).outcome(outcome);
        match ended.signal {
            Some(signal) => record.number(Field::SIG, signal),
            None => record,
        }
    }

    /// Adds `cwd` and `cmd`, as sudo writes them, and `path` if the caller's PATH chose the file.
    fn user_cmd<'a>(&'a self, record: Record<'a>) -> Record<'a> {
        let record = record
            .untrusted(Field::CWD, self.subject.cwd.as_deref().unwrap_or(UNKNOWN_CWD))
            .command_line(Field::CMD, &self.line);
        let record = match &self.program {
            Some(program) => record.untrusted(Field::PATH, program),
            None => record,
        };
        record.subject(&self.subject)
    }
}

#[cfg(test)]
mod tests;
