//! How `audit-cli` tells its user that something went wrong.

use std::io::{self, Write};

/// Why a command ended without success.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code of the process.
    pub(crate) code: u8,
    /// The message for the user.
    pub(crate) error: anyhow::Error,
}

/// Writes the error and its causes to standard error, as one line.
pub(crate) fn line(error: &anyhow::Error) {
    // If standard error is closed, nobody can read the message.
    let _ = writeln!(io::stderr(), "audit-cli: {}", visible(&format!("{error:#}")));
}

/// The text with every character escaped that would control a terminal.
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
    fn text_cannot_control_the_terminal() {
        assert_eq!(visible("a\u{1b}[2J\nb\u{9b}é"), "a\\u{1b}[2J\\nb\\u{9b}é");
    }
}
