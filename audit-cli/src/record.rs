//! Write it down: the audit records of a command, how they reach the kernel, and the line in the
//! journal.
//!
//! This room must not know docker's command line, and it decides nothing about the command.

mod command_records;
mod journal_line;
mod recorder;

pub(crate) use command_records::{CommandRecords, Ended};
pub(crate) use journal_line::write_journal_line;
pub(crate) use recorder::{ANSWER_TIMEOUT, Recorder, write, write_with_receipt};
