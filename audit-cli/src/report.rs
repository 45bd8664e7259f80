//! How `audit-cli` tells its user that something went wrong.

use std::io::{self, Write};

/// Why a command ended without success.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code of the process.
    pub(crate) code: u8,
    /// What to say.
    pub(crate) error: anyhow::Error,
}

/// Writes the error with its causes as one line to standard error.
pub(crate) fn line(error: &anyhow::Error) {
    // There is nobody left to tell if standard error is closed.
    let _ = writeln!(io::stderr(), "audit-cli: {}", visible(&format!("{error:#}")));
}

/// The text with everything escaped that a terminal would act on.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            _ if character.is_control() => character.escape_default().to_string(),
            _ => character.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_acts_on_nothing() {
        assert_eq!(visible("a\u{1b}[2J\nb\u{9b}é"), "a\\u{1b}[2J\\nb\\u{9b}é");
    }
}
