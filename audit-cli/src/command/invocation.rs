//! What the caller typed.
//!
//! This file knows where the words of `audit-cli` end and those of the command begin. Everything after
//! `docker`, or after the name of a template, is data: audit-cli never reads it as its own options. This
//! file does not judge the command, and it looks at no file.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What the caller wants `audit-cli` to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Record a command, then run it.
    Run(Invocation),
    /// Record and run the command of a template.
    Template(TemplateCall),
    /// One of the program's own commands. Its arguments are not parsed yet.
    Own(Vec<OsString>),
}

/// A command to record and run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// The command as typed, then its arguments. Never empty.
    pub(crate) words: Vec<OsString>,
    /// Whether the command is docker; its file may come from `docker_path` in the settings.
    pub(crate) is_docker: bool,
    /// Whether to record the exit too.
    pub(crate) record_exit: bool,
    /// What the template adds, if the command comes from one.
    pub(crate) terms: Terms,
}

/// What a template says about its command besides the words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The daemon that docker talks to; if unset, the environment chooses it.
    pub(crate) docker_host: Option<String>,
    /// Why the command must not run; the refusal is recorded.
    pub(crate) refusal: Option<String>,
}

/// A template that the caller names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TemplateCall {
    /// Its name, as typed: not checked yet.
    pub(crate) name: OsString,
    /// The words after the name.
    pub(crate) arguments: Vec<OsString>,
    /// Whether to record the exit too.
    pub(crate) record_exit: bool,
}

impl Request {
    /// Reads the arguments of the process. The first is the name under which it was called.
    pub(crate) fn from_arguments(arguments: Vec<OsString>) -> Self {
        if arguments.first().is_some_and(|name| is_docker(name)) {
            return Self::Run(Invocation::typed(arguments, true, false));
        }
        if let Some(name) = arguments.first().and_then(|program| template_of_symlink(program)) {
            return Self::template(name, arguments.get(1..).unwrap_or_default(), false);
        }
        let own: usize =
            arguments.iter().skip(1).take_while(|word| *word == "--record-exit").count();
        let record_exit = own > 0;
        let rest = arguments.get(1 + own..).unwrap_or_default();
        match rest {
            [docker, ..] if docker == "docker" => {
                Self::Run(Invocation::typed(rest.to_vec(), true, record_exit))
            }
            [run, name, words @ ..] if run == "run" && !starts_with_dash(Some(name)) => {
                Self::template(name, words, record_exit)
            }
            [exec, dashes, command @ ..] if exec == "exec" && dashes == "--" => {
                Self::run(command, record_exit).unwrap_or(Self::Own(arguments))
            }
            [exec, command @ ..] if exec == "exec" && !starts_with_dash(command.first()) => {
                Self::run(command, record_exit).unwrap_or(Self::Own(arguments))
            }
            _ => Self::Own(arguments),
        }
    }

    fn run(words: &[OsString], record_exit: bool) -> Option<Self> {
        let is_docker = *words.first()? == "docker";
        Some(Self::Run(Invocation::typed(words.to_vec(), is_docker, record_exit)))
    }

    fn template(name: &OsStr, arguments: &[OsString], record_exit: bool) -> Self {
        let (name, arguments) = (name.to_owned(), arguments.to_vec());
        Self::Template(TemplateCall { name, arguments, record_exit })
    }
}

impl Invocation {
    /// A command whose words are all on the command line.
    fn typed(words: Vec<OsString>, is_docker: bool, record_exit: bool) -> Self {
        Self { words, is_docker, record_exit, terms: Terms::default() }
    }
}

/// Whether the program is named `docker`, in any directory.
pub(crate) fn is_docker(program: &OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == "docker")
}

/// The NAME of a template, if this program was called through a symlink named `docker-NAME`.
fn template_of_symlink(program: &OsStr) -> Option<&OsStr> {
    let name = Path::new(program).file_name()?.as_bytes();
    name.strip_prefix(b"docker-").map(OsStr::from_bytes)
}

fn starts_with_dash(word: Option<&OsString>) -> bool {
    word.is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Request {
        Request::from_arguments(words.iter().map(OsString::from).collect())
    }

    fn run(words: &[&str], is_docker: bool, record_exit: bool) -> Request {
        let words = words.iter().map(OsString::from).collect();
        Request::Run(Invocation::typed(words, is_docker, record_exit))
    }

    fn template(name: &str, arguments: &[&str], record_exit: bool) -> Request {
        let arguments = arguments.iter().map(OsString::from).collect();
        Request::Template(TemplateCall { name: name.into(), arguments, record_exit })
    }

    #[test]
    fn words_after_docker_are_data() {
        for arguments in [
            &["docker"][..],
            &["docker", "--help"],
            &["docker", "--record-exit", "--", "docker", "", "--version"],
        ] {
            let typed = [&["audit-cli"], arguments].concat();
            assert_eq!(read(&typed), run(arguments, true, false));
        }
    }

    #[test]
    fn a_symlink_named_docker_is_docker() {
        assert_eq!(
            read(&["/usr/local/bin/docker", "ps"]),
            run(&["/usr/local/bin/docker", "ps"], true, false)
        );
        assert_eq!(read(&["docker", "emit"]), run(&["docker", "emit"], true, false));
    }

    #[test]
    fn exec_takes_any_command() {
        assert_eq!(
            read(&["audit-cli", "exec", "podman", "--", "-v"]),
            run(&["podman", "--", "-v"], false, false)
        );
        assert_eq!(read(&["audit-cli", "exec", "--", "-x"]), run(&["-x"], false, false));
        assert_eq!(
            read(&["audit-cli", "exec", "docker", "ps"]),
            run(&["docker", "ps"], true, false)
        );
    }

    #[test]
    fn record_exit_counts_only_before_the_command() {
        assert_eq!(
            read(&["audit-cli", "--record-exit", "docker", "ps"]),
            run(&["docker", "ps"], true, true)
        );
        assert_eq!(read(&["audit-cli", "--record-exit", "exec", "id"]), run(&["id"], false, true));
    }

    #[test]
    fn words_after_the_name_of_a_template_are_data() {
        assert_eq!(
            read(&["audit-cli", "run", "fedora", "--", "--help"]),
            template("fedora", &["--", "--help"], false)
        );
        assert_eq!(
            read(&["audit-cli", "--record-exit", "run", "fedora"]),
            template("fedora", &[], true)
        );
        // `template` checks the names later.
        assert_eq!(read(&["audit-cli", "run", "../x"]), template("../x", &[], false));
        assert_eq!(read(&["audit-cli", "run", ""]), template("", &[], false));
    }

    #[test]
    fn a_symlink_named_after_a_template_runs_it() {
        assert_eq!(
            read(&["/usr/bin/docker-fedora", "--record-exit"]),
            template("fedora", &["--record-exit"], false)
        );
        assert_eq!(read(&["docker-compose", "up"]), template("compose", &["up"], false));
        assert_eq!(read(&["docker-"]), template("", &[], false));
        assert_eq!(read(&["docker-.."]), template("..", &[], false));
    }

    #[test]
    fn everything_else_is_a_command_of_audit_cli() {
        for typed in [
            &["audit-cli"][..],
            &["audit-cli", "emit"],
            &["audit-cli", "exec"],
            &["audit-cli", "exec", "--"],
            &["audit-cli", "exec", "--help"],
            &["audit-cli", "--record-exit"],
            &["audit-cli", "Docker"],
            &["audit-cli", "run"],
            &["audit-cli", "run", "--help"],
            &["audit-cli", "run", "--", "fedora"],
            &["docker-a/audit-cli"],
            &[],
        ] {
            assert!(matches!(read(typed), Request::Own(_)), "{typed:?}");
        }
    }
}
