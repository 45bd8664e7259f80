//! Every exit code of `audit-cli`. Shells and docker use the same numbers.

/// `doctor` found a fault, so the trail cannot be trusted; or `digest` was given another value.
pub(crate) const NOT_TRUSTED: u8 = 1;
/// `doctor` found no fault, but could not make every check.
pub(crate) const NOT_CHECKED: u8 = 3;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// The record could not be written, so the command was not run.
pub(crate) const NOT_RECORDED: u8 = 125;
/// No template allows the command, so it was not run.
pub(crate) const NOT_ALLOWED: u8 = 125;
/// The command's file was found, but it cannot be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// The command was not found.
pub(crate) const NOT_FOUND: u8 = 127;
