//! Templates: docker commands that root has prepared for other people to run.
//!
//! The caller chooses the name of a template. If the template allows it, the caller also adds words
//! at the end. Like the settings, templates must belong to root. Neither the environment nor the
//! path of the program can make audit-cli read templates from another place.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use audit_host::root_file;
use serde::Deserialize;

use super::invocation::{Invocation, TemplateCall, Terms};
use crate::exit;
use crate::report::{self, Failure, visible};

/// The directory of the templates. Each is a file `NAME.toml`.
const DIRECTORY: &str = "/etc/audit-cli/templates";

/// A docker command, and how much of it the caller may choose.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Template {
    /// The words after `docker`.
    command: Vec<String>,
    /// What it is for, in one line.
    #[serde(default)]
    description: String,
    /// What to do with the words that the caller adds.
    #[serde(default)]
    arguments: AddedWords,
    /// The daemon that docker talks to; if unset, the environment chooses it.
    docker_host: Option<String>,
}

/// What to do with the words that the caller adds to a template.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum AddedWords {
    /// Refuse: with any added word, the command does not run.
    #[default]
    None,
    /// Append them to the command.
    Append,
}

/// Reads the template that the caller names, and returns its command.
///
/// If the template does not take the caller's words, this is no error: the returned command carries
/// the refusal, because the attempt must be recorded.
///
/// # Errors
/// If the template does not exist or is bad.
pub(crate) fn open(call: TemplateCall) -> Result<Invocation, Failure> {
    let name = call.name.to_string_lossy().into_owned();
    let template = load(&name).and_then(|template| template.ok_or_else(|| unknown(&name)));
    match template {
        Ok(template) => Ok(template.invocation(&name, call)),
        Err(error) => {
            let error = error.context("the command was not run");
            Err(Failure { code: exit::NOT_ALLOWED, error })
        }
    }
}

/// Prints the name and description of each template, and returns the exit code. For a bad template
/// it prints the mistake to standard error and returns [`exit::NOT_ALLOWED`].
///
/// # Errors
/// If the directory cannot be read, or standard output cannot be written.
pub(crate) fn list() -> Result<u8, Failure> {
    try_list().map_err(|error| Failure { code: exit::NOT_ALLOWED, error })
}

fn try_list() -> anyhow::Result<u8> {
    let names = names()?;
    if names.is_empty() {
        report::line(&anyhow!("there are no templates in {DIRECTORY}"));
    }
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let mut code = 0;
    for name in names {
        match load(&name) {
            Ok(Some(template)) => {
                let line = format!("{name:width$}  {}", visible(&template.description));
                writeln!(io::stdout(), "{}", line.trim_end())?;
            }
            // Another process removed it after the directory was read.
            Ok(None) => {}
            Err(error) => {
                report::line(&error);
                code = exit::NOT_ALLOWED;
            }
        }
    }
    Ok(code)
}

/// Reads a template; `None` if no template has that name.
fn load(name: &str) -> anyhow::Result<Option<Template>> {
    ensure!(
        is_name(name),
        "`{name}` cannot be the name of a template: a name has only letters, digits, `_`, `.` \
         and `-`, and does not begin with `.` or `-`"
    );
    let path = path_of(name);
    check_place()
        .and_then(|()| root_file::read(&path))
        .and_then(|text| text.map(|text| Template::parse(&text)).transpose())
        .with_context(|| format!("bad template `{}`", path.display()))
}

/// The names of all templates, sorted.
fn names() -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context(DIRECTORY)?,
    };
    let files: io::Result<Vec<OsString>> =
        entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
    let mut names: Vec<String> =
        files.context(DIRECTORY)?.iter().filter_map(name_of).map(str::to_owned).collect();
    names.sort_unstable();
    Ok(names)
}

/// Checks the parent directory too: a person who can write to it could replace the directory of
/// templates.
fn check_place() -> anyhow::Result<()> {
    match Path::new(DIRECTORY).parent() {
        Some(above) if above.exists() => {
            root_file::check_directory(above).with_context(|| above.display().to_string())
        }
        _ => Ok(()),
    }
}

fn path_of(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{name}.toml"))
}

/// The name of the template in a file of this name, if it is a template.
fn name_of(file: &OsString) -> Option<&str> {
    file.to_str()?.strip_suffix(".toml").filter(|name| is_name(name))
}

/// Whether the name is a plain word, so that it cannot lead to another directory or look like an
/// option.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(is_allowed)
}

fn unknown(name: &str) -> anyhow::Error {
    let names = names().unwrap_or_default();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    anyhow!(
        "there is no template `{name}`; templates in {DIRECTORY}: {known} \
         (a symlink docker-NAME to audit-cli runs the template NAME)"
    )
}

impl Template {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let template: Self = root_file::parse(text)?;
        let first = template.command.first();
        ensure!(first.is_some_and(|word| !word.is_empty()), "command must name a docker command");
        ensure!(
            first.is_none_or(|word| word != "docker"),
            "command must begin with the word after `docker`"
        );
        let host = template.docker_host.as_deref();
        ensure!(
            host.is_none_or(|host| host.contains("://")),
            "docker_host must be an address such as unix:///run/docker.sock"
        );
        ensure!(
            !template
                .command
                .iter()
                .map(String::as_str)
                .chain(host)
                .any(|text| text.contains('\0')),
            "command and docker_host cannot contain a NUL character"
        );
        Ok(template)
    }

    /// The command, as if the caller had typed it.
    fn invocation(self, name: &str, call: TemplateCall) -> Invocation {
        let refusal =
            (self.arguments == AddedWords::None && !call.arguments.is_empty()).then(|| {
                format!(
                    "the template `{name}` takes no arguments; root can allow them with \
                 arguments = \"append\" in {}",
                    path_of(name).display()
                )
            });
        let command = self.command.into_iter().map(OsString::from);
        Invocation {
            words: std::iter::once("docker".into()).chain(command).chain(call.arguments).collect(),
            is_docker: true,
            record_exit: call.record_exit,
            terms: Terms { docker_host: self.docker_host, refusal },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEDORA: &str = include_str!("../../../examples/templates/fedora.toml");

    fn problem(text: &str) -> String {
        Template::parse(text).unwrap_err().to_string()
    }

    fn invocation(text: &str, arguments: &[&str]) -> Invocation {
        let arguments = arguments.iter().map(OsString::from).collect();
        let call = TemplateCall { name: "fedora".into(), arguments, record_exit: true };
        Template::parse(text).unwrap().invocation("fedora", call)
    }

    #[test]
    fn the_example_is_the_command_of_the_article() {
        let invocation = invocation(FEDORA, &[]);
        assert_eq!(invocation.words, ["docker", "run", "-ti", "--rm", "fedora", "/bin/sh"]);
        assert!(invocation.is_docker && invocation.record_exit);
        assert_eq!(invocation.terms, Terms::default());
    }

    #[test]
    fn added_words_are_refused_unless_the_template_takes_them() {
        let refused = invocation(FEDORA, &["--privileged"]);
        let reason = refused.terms.refusal.unwrap();
        assert!(reason.contains("`fedora` takes no arguments"), "{reason}");
        assert_eq!(refused.words.last().unwrap(), "--privileged", "for the record");

        let appended = invocation("command = ['logs']\narguments = 'append'", &["-f", "web"]);
        assert_eq!(appended.words, ["docker", "logs", "-f", "web"]);
        assert_eq!(appended.terms.refusal, None);
    }

    #[test]
    fn the_template_chooses_the_daemon() {
        let host = "unix:///run/audit-broker/docker.sock";
        let text = format!("command = ['ps']\ndocker_host = '{host}'");
        assert_eq!(invocation(&text, &[]).terms.docker_host.as_deref(), Some(host));
    }

    #[test]
    fn a_name_cannot_lead_to_another_directory() {
        for name in ["fedora", "a", "0", "_x", "web-1.2_b", "a..b"] {
            assert!(is_name(name), "{name}");
        }
        for name in
            ["", ".", "..", ".x", "-x", "../x", "a/b", "/x", "a b", "a\n", "a\0", "é", "a\u{fffd}"]
        {
            assert!(!is_name(name), "{name:?}");
            assert!(load(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn other_files_are_not_templates() {
        for (file, name) in [
            ("fedora.toml", Some("fedora")),
            (".toml", None),
            (".fedora.toml.swp", None),
            ("fedora.toml~", None),
            ("a b.toml", None),
        ] {
            assert_eq!(name_of(&file.into()), name, "{file}");
        }
    }

    #[test]
    fn each_mistake_has_its_message() {
        for (text, message) in [
            ("", "line 1, column 1: missing field `command`"),
            ("command = 'ps'", "line 1, column 11: invalid type"),
            ("command = ['ps']\nhost = ''", "line 2, column 1: unknown field `host`"),
            ("command = ['ps']\narguments = 'any'", "line 2, column 13: unknown variant `any`"),
            ("command = []", "must name a docker command"),
            ("command = ['']", "must name a docker command"),
            ("command = ['docker', 'ps']", "the word after `docker`"),
            ("command = ['ps']\ndocker_host = ''", "docker_host must be an address"),
            ("command = ['ps']\ndocker_host = '/run/docker.sock'", "must be an address"),
            ("command = [\"ps\", \"\\u0000\"]", "NUL"),
            ("command = ['ps']\ndocker_host = \"unix://\\u0000\"", "NUL"),
        ] {
            assert!(problem(text).contains(message), "{text}: {}", problem(text));
        }
    }
}
