//! Checks the completions of the shells against the arguments of a program.

use std::collections::HashSet;

use clap::Command;

/// Fails if a completion lacks a command or an option. `spelled` gives the word for the long name of an
/// option.
pub(crate) fn check(program: &Command, scripts: [(&str, &str); 3], spelled: fn(&str) -> String) {
    for (shell, script) in scripts {
        let words: HashSet<&str> = script
            .split(|letter: char| letter.is_whitespace() || "\"'[]():{}*".contains(letter))
            .collect();
        let mut ahead = vec![program];
        while let Some(command) = ahead.pop() {
            for option in command.get_arguments().filter_map(clap::Arg::get_long) {
                let word = spelled(option);
                assert!(words.contains(word.as_str()), "{shell}: {word}");
            }
            for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
                assert!(words.contains(inner.get_name()), "{shell}: {}", inner.get_name());
                ahead.push(inner);
            }
        }
    }
}
