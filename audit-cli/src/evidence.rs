//! The records of a command.
//!
//! Knows which records say that somebody ran a command. Sends nothing.

use audit_core::{CommandLine, Outcome, Record, RecordType, Subject};
use audit_host::host_access::HostAccess;

/// Who ran which command, and what it asked for.
pub(crate) struct Evidence {
    pub(crate) subject: Subject,
    /// The command as typed, secrets masked.
    pub(crate) line: CommandLine,
    /// The file that is run, where neither the command nor root's settings name it.
    pub(crate) program: Option<Vec<u8>>,
    pub(crate) host_access: Vec<HostAccess>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The exit status as a shell gives it: 128 and the signal for a command that was killed.
    pub(crate) exit: u8,
    /// The signal that killed it.
    pub(crate) signal: Option<u8>,
}

/// What libaudit, too, writes in place of a working directory that is not known.
const UNKNOWN_CWD: &[u8] = b"?";

impl Evidence {
    /// What is written before the command runs: a `USER_CMD`, and a `USER_ROLE_CHANGE` for each
    /// way in which it asks for the host.
    pub(crate) fn of_start(&self, outcome: Outcome) -> Vec<Record<'_>> {
        let user_cmd = self.user_cmd(Record::new(RecordType::USER_CMD)).outcome(outcome);
        let role_changes = self.host_access.iter().map(|way| {
            let record = way.role_change(self.subject.label.as_deref());
            record.subject(&self.subject).outcome(outcome)
        });
        std::iter::once(user_cmd).chain(role_changes).collect()
    }

    /// What is written when the command could not be executed after all.
    pub(crate) fn of_failed_start(&self) -> Record<'_> {
        let record = Record::new(RecordType::USER_CMD).word("op", "exec");
        self.user_cmd(record).outcome(Outcome::Failed)
    }

    /// What is written when the command has ended. Success is exit status 0.
    pub(crate) fn of_end(&self, ended: Ended) -> Record<'_> {
        let outcome = if ended.exit == 0 { Outcome::Success } else { Outcome::Failed };
        let record = Record::new(RecordType::USER_CMD).word("op", "exit");
        let record = self.user_cmd(record).number("exit", ended.exit).outcome(outcome);
        match ended.signal {
            Some(signal) => record.number("sig", signal),
            None => record,
        }
    }

    /// `cwd` and `cmd`, as sudo writes them, and `path` for a file that the caller's PATH chose.
    fn user_cmd<'a>(&'a self, record: Record<'a>) -> Record<'a> {
        let record = record
            .untrusted("cwd", self.subject.cwd.as_deref().unwrap_or(UNKNOWN_CWD))
            .command_line("cmd", &self.line);
        let record = match &self.program {
            Some(program) => record.untrusted("path", program),
            None => record,
        };
        record.subject(&self.subject)
    }
}

#[cfg(test)]
mod tests;
