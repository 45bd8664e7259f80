//! A command and its arguments as one line.
//!
//! This file knows how a shell splits a line into words. The line keeps the boundaries between arguments:
//! a shell that reads it gets the same arguments.

/// The words of a command, quoted for a shell and joined with spaces.
///
/// Ordinary words are unchanged, so the line looks as sudo writes it. Other words are quoted for a
/// POSIX shell. Words with control characters, invisible characters or bytes that are not UTF-8 are
/// written `$'...'`, so that the result is one line of visible text. bash, zsh, ksh and POSIX.1-2024
/// shells read that form.
///
/// # Example
/// ```
/// use audit_core::CommandLine;
///
/// let line = CommandLine::new(["docker", "run", "fedora", "sh", "-c", "id; date", ""]);
/// assert_eq!(line.as_bytes(), b"docker run fedora sh -c 'id; date' ''");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    line: Vec<u8>,
    word_starts: Vec<usize>,
}

impl CommandLine {
    /// Quotes and joins the words.
    pub fn new<Word: AsRef<[u8]>>(words: impl IntoIterator<Item = Word>) -> Self {
        let mut command_line = Self::default();
        for word in words {
            let position = if command_line.word_starts.is_empty() {
                Position::Command
            } else {
                command_line.line.push(b' ');
                Position::Argument
            };
            command_line.word_starts.push(command_line.line.len());
            quote(word.as_ref(), position, &mut command_line.line);
        }
        command_line
    }

    /// The whole line.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.line
    }

    /// Where each word starts in the line, as byte offsets in order.
    #[must_use]
    pub fn word_starts(&self) -> &[usize] {
        &self.word_starts
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Command,
    Argument,
}

fn quote(word: &[u8], position: Position, line: &mut Vec<u8>) {
    if is_ordinary(word, position) {
        line.extend_from_slice(word);
    } else if std::str::from_utf8(word).is_ok_and(|text| text.chars().all(is_visible)) {
        quote_single(word, line);
    } else {
        quote_dollar(word, line);
    }
}

/// Whether every shell reads the word as it is. A command with `=` would be an assignment, and zsh
/// expands a leading `=`.
fn is_ordinary(word: &[u8], position: Position) -> bool {
    let equals_sign_is_special = position == Position::Command || word.starts_with(b"=");
    let is_special = word.is_empty() || (equals_sign_is_special && word.contains(&b'='));
    !is_special
        && word.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'_' | b'-' | b'.' | b'/' | b':' | b',' | b'+' | b'@' | b'%' | b'='
                )
        })
}

/// Whether a terminal shows the character. The excluded characters hide or reorder text.
fn is_visible(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{E0000}'..='\u{E007F}')
}

fn quote_single(word: &[u8], line: &mut Vec<u8>) {
    line.push(b'\'');
    for byte in word {
        match byte {
            b'\'' => line.extend_from_slice(br"'\''"),
            _ => line.push(*byte),
        }
    }
    line.push(b'\'');
}

fn quote_dollar(word: &[u8], line: &mut Vec<u8>) {
    line.extend_from_slice(b"$'");
    for chunk in word.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => line.extend_from_slice(br"\n"),
                '\r' => line.extend_from_slice(br"\r"),
                '\t' => line.extend_from_slice(br"\t"),
                '\'' => line.extend_from_slice(br"\'"),
                '\\' => line.extend_from_slice(br"\\"),
                _ => {
                    let mut utf8 = [0; 4];
                    let bytes = character.encode_utf8(&mut utf8).as_bytes();
                    if is_visible(character) {
                        line.extend_from_slice(bytes);
                    } else {
                        escape_octal(bytes, line);
                    }
                }
            }
        }
        escape_octal(chunk.invalid(), line);
    }
    line.push(b'\'');
}

/// Writes three octal digits for each byte. Unlike `\xFF`, the escape cannot absorb a digit after it.
fn escape_octal(bytes: &[u8], line: &mut Vec<u8>) {
    for byte in bytes {
        let digit = |shift: u8| b'0' + ((byte >> shift) & 7);
        line.extend_from_slice(&[b'\\', digit(6), digit(3), digit(0)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::process::Command;

    fn line(words: &[&str]) -> String {
        String::from_utf8(CommandLine::new(words).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn ordinary_words_are_unchanged() {
        let typed = "docker run -ti --privileged -v /:/host fedora chroot /host";
        let words: Vec<&str> = typed.split(' ').collect();
        assert_eq!(line(&words), typed);
        assert_eq!(
            line(&["docker", "-e", "A=b", "--label=x:y,z@1%+"]),
            "docker -e A=b --label=x:y,z@1%+"
        );
    }

    #[test]
    fn other_words_are_quoted() {
        assert_eq!(
            line(&["a b", "", "it's", "$HOME", "~", "*"]),
            r"'a b' '' 'it'\''s' '$HOME' '~' '*'"
        );
        assert_eq!(line(&["é"]), "'é'");
        assert_eq!(line(&["A=b", "=ls", "a=b"]), "'A=b' '=ls' a=b");
        assert_eq!(line(&["a\nb\u{1b}[2J'"]), r"$'a\nb\033[2J\''");
        assert_eq!(line(&["\u{202e}x"]), r"$'\342\200\256x'");
        let invalid = CommandLine::new([b"\xff1"]);
        assert_eq!(invalid.as_bytes(), br"$'\3771'");
    }

    #[test]
    fn no_words_give_an_empty_line() {
        assert_eq!(line(&[]), "");
        assert_eq!(line(&[""]), "''");
    }

    #[test]
    fn word_starts_point_at_words() {
        let command_line = CommandLine::new(["a", "b c", "d"]);
        assert_eq!(command_line.as_bytes(), b"a 'b c' d");
        assert_eq!(command_line.word_starts(), [0, 2, 8]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_the_same_words(
            words in prop::collection::vec(prop::collection::vec(1..=255u8, 0..40), 1..6)
        ) {
            let mut script = b"printf '%s\\0' ".to_vec();
            script.extend_from_slice(CommandLine::new(&words).as_bytes());
            let output = Command::new("bash")
                .env("LC_ALL", "C")
                .arg("-c")
                .arg(OsString::from_vec(script))
                .output()
                .unwrap();
            let mut expected = words.join(&0);
            expected.push(0);
            prop_assert_eq!(output.stdout, expected);
        }

        #[test]
        fn the_line_contains_no_control_character(words: Vec<Vec<u8>>) {
            let command_line = CommandLine::new(&words);
            let text = std::str::from_utf8(command_line.as_bytes()).unwrap();
            prop_assert!(text.chars().all(is_visible));
        }
    }
}
