//! Docker's options, read as docker's own parser reads them.
//!
//! This file knows the rules of docker's option library. A newer docker has options that this file does
//! not know: it reads them in the way that finds too much rather than too little.
//!
//! # Source
//! `parseLongArg` and `parseSingleShortArg` in spf13/pflag.

use std::borrow::Cow;

use super::grammar::{Grammar, OptionKind};

/// The options of a command, in order.
#[derive(Debug)]
pub(super) struct Flags<'a> {
    pub(super) given: Vec<Flag<'a>>,
    /// The index of the first word after the options.
    pub(super) end: usize,
    /// The words that are no options: those between the options and those after them.
    pub(super) operands: Vec<&'a [u8]>,
}

/// One option, as the caller wrote it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flag<'a> {
    /// The long name.
    pub(super) name: &'a [u8],
    /// The value; `true` for a switch without a value.
    pub(super) value: &'a [u8],
    /// The index of the word that contains the value; `None` for a switch without a value.
    pub(super) value_word: Option<usize>,
}

impl<'a> Flags<'a> {
    /// Reads options, beginning at the word with index `start`.
    pub(super) fn read(words: &'a [Vec<u8>], start: usize, grammar: Grammar) -> Self {
        let mut flags = Self { given: Vec::new(), end: start, operands: Vec::new() };
        while let Some(word) = words.get(flags.end) {
            match word.as_slice() {
                b"--" => {
                    flags.end += 1;
                    break;
                }
                [b'-', b'-', long @ ..] => flags.read_long(words, long, grammar),
                [b'-', short @ ..] if !short.is_empty() => flags.read_short(words, short, grammar),
                operand if grammar.takes_options_after_operands() => {
                    flags.operands.push(operand);
                    flags.end += 1;
                }
                _ => break,
            }
        }
        flags.operands.extend(words.iter().skip(flags.end).map(Vec::as_slice));
        flags
    }

    /// Reads `--name=value`, `--name value` or `--switch`.
    fn read_long(&mut self, words: &'a [Vec<u8>], long: &'a [u8], grammar: Grammar) {
        match split_once(long, b'=') {
            Some((name, value)) => self.push(name, value, Some(self.end)),
            None => self.push_with_next_word(words, long, grammar.kind(long)),
        }
        self.end += 1;
    }

    /// Reads `-abc`: each letter is a switch, up to one that takes the rest of the word, or the next
    /// word, as its value.
    fn read_short(&mut self, words: &'a [Vec<u8>], mut short: &'a [u8], grammar: Grammar) {
        while let [letter, rest @ ..] = short {
            let name = grammar.long_name(*letter);
            let kind = name.map_or(OptionKind::Unknown, |name| grammar.kind(name));
            let name = name.unwrap_or_default();
            match (kind, rest) {
                (_, [b'=', value @ ..]) => {
                    self.push(name, value, Some(self.end));
                    break;
                }
                (OptionKind::Switch, _) => self.push(name, b"true", None),
                (OptionKind::Unknown, [_, ..]) => {}
                (OptionKind::Value, [_, ..]) => {
                    self.push(name, rest, Some(self.end));
                    break;
                }
                (OptionKind::Value | OptionKind::Unknown, []) => {
                    self.push_with_next_word(words, name, kind);
                }
            }
            short = rest;
        }
        self.end += 1;
    }

    /// Takes the next word as the value. An unknown option may be a switch, so it takes no word that
    /// looks like an option.
    fn push_with_next_word(&mut self, words: &'a [Vec<u8>], name: &'a [u8], kind: OptionKind) {
        let next = words.get(self.end + 1).filter(|next| match kind {
            OptionKind::Value => true,
            OptionKind::Switch => false,
            OptionKind::Unknown => !next.starts_with(b"-"),
        });
        match next {
            Some(value) => {
                self.end += 1;
                self.push(name, value, Some(self.end));
            }
            None => self.push(name, b"true", None),
        }
    }

    fn push(&mut self, name: &'a [u8], value: &'a [u8], value_word: Option<usize>) {
        self.given.push(Flag { name, value, value_word });
    }
}

impl Flag<'_> {
    /// The value as text. Docker's client replaces bytes that are not UTF-8, so the broker sees the
    /// same text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.value)
    }

    /// Whether the switch is on. Docker refuses values that `strconv.ParseBool` of Go does not know.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.value, b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True")
    }
}

/// The bytes before and after the first separator.
pub(super) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let index = bytes.iter().position(|byte| *byte == separator)?;
    Some((bytes.get(..index)?, bytes.get(index + 1..)?))
}

/// The parts of `NAME=VALUE`; the value is empty if there is no `=`.
pub(super) fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

/// The values of all options with this name, as text.
pub(super) fn texts(given: &[Flag<'_>], name: &[u8]) -> Vec<String> {
    given.iter().filter(|flag| flag.name == name).map(|flag| flag.text().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    /// The options as `name=value`, and the index of the word after them.
    fn read(line: &str) -> (Vec<String>, usize) {
        let words = words(line);
        let flags = Flags::read(&words, 2, Grammar::Container);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let given = flags.given.iter().map(|flag| text(flag.name) + "=" + &text(flag.value));
        (given.collect(), flags.end)
    }

    #[test]
    fn each_spelling_is_read() {
        for line in ["docker run --volume /:/host fedora", "docker run -v /:/host fedora"] {
            assert_eq!(read(line), (vec!["volume=/:/host".to_owned()], 4), "{line}");
        }
        for line in [
            "docker run --volume=/:/host fedora",
            "docker run -v/:/host fedora",
            "docker run -v=/:/host fedora",
        ] {
            assert_eq!(read(line), (vec!["volume=/:/host".to_owned()], 3), "{line}");
        }
        let cluster = read("docker run -tiv/:/host fedora");
        assert_eq!(cluster.0, ["tty=true", "interactive=true", "volume=/:/host"]);
        let cluster = read("docker run -tiv /:/host fedora");
        assert_eq!(
            cluster,
            (
                vec![
                    "tty=true".to_owned(),
                    "interactive=true".to_owned(),
                    "volume=/:/host".to_owned()
                ],
                4
            )
        );
    }

    #[test]
    fn options_end_at_the_image_or_at_two_dashes() {
        assert_eq!(read("docker run --rm fedora -v /:/host"), (vec!["rm=true".to_owned()], 3));
        assert_eq!(read("docker run --rm -- -v /:/host"), (vec!["rm=true".to_owned()], 4));
        assert_eq!(read("docker run --rm - -v /:/host"), (vec!["rm=true".to_owned()], 3));
    }

    #[test]
    fn a_value_may_look_like_an_option() {
        assert_eq!(read("docker run --name --privileged fedora").0, ["name=--privileged"]);
        assert_eq!(read("docker run -e -v fedora").0, ["env=-v"]);
    }

    #[test]
    fn a_switch_takes_a_value_only_after_an_equals_sign() {
        assert_eq!(read("docker run --privileged false x").0, ["privileged=true"]);
        assert_eq!(read("docker run --privileged=false x").0, ["privileged=false"]);
        assert_eq!(read("docker run -t=false x").0, ["tty=false"]);
    }

    #[test]
    fn an_unknown_option_hides_nothing() {
        assert_eq!(read("docker run --new --privileged fedora").0, ["new=true", "privileged=true"]);
        assert_eq!(read("docker run --new 3 --privileged fedora").0, ["new=3", "privileged=true"]);
        assert_eq!(read("docker run -Xv /:/h fedora").0, ["volume=/:/h"]);
    }

    #[test]
    fn incomplete_words_are_no_error() {
        for line in [
            "docker run",
            "docker run -v",
            "docker run --",
            "docker run -",
            "docker run --=",
            "docker run -=",
            "docker run --volume",
        ] {
            read(line);
        }
    }
}
