//! Every exit code of `audit-cli`, as a shell and docker use them.

/// The trail cannot be trusted: `doctor` found a fault.
pub(crate) const NOT_TRUSTED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// What was to be recorded could not be, so a command was not run.
pub(crate) const NOT_RECORDED: u8 = 125;
/// No template allows the command, so it was not run.
pub(crate) const NOT_ALLOWED: u8 = 125;
/// The command was found and could not be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// The command was not found.
pub(crate) const NOT_FOUND: u8 = 127;
