//! What the administrator has set in `/etc/audit-cli/config.toml`.
//!
//! Only root can weaken the trail: the file and its directory must belong to root and be writable
//! by nobody else, and no environment variable or option replaces them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

/// Where the settings are; without the file, the defaults hold.
pub(crate) const PATH: &str = "/etc/audit-cli/config.toml";

/// What the administrator has set.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The real docker; unset is the first `docker` on PATH that is not audit-cli.
    pub(crate) docker_path: Option<PathBuf>,
    /// What to do with a command that cannot be recorded.
    pub(crate) on_failure: OnFailure,
    /// Whether to stay as parent and record the exit of every command.
    pub(crate) record_exit: bool,
    /// Whether secrets in a command are recorded as `***`.
    pub(crate) redact: bool,
    /// A variable whose name contains one of these, in upper or lower case, holds a secret.
    pub(crate) secret_names: Vec<String>,
}

/// What to do with a command that cannot be recorded.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFailure {
    /// Do not run it.
    Refuse,
    /// Say so and run it.
    Warn,
}

const SECRET_NAMES: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "access_key",
    "private_key",
    "credential",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            docker_path: None,
            on_failure: OnFailure::Refuse,
            record_exit: false,
            redact: true,
            secret_names: SECRET_NAMES.map(str::to_owned).to_vec(),
        }
    }
}

impl Settings {
    /// Reads the administrator's settings.
    ///
    /// # Errors
    /// If the file could be somebody else's, cannot be read, or says something unknown.
    pub(crate) fn load() -> anyhow::Result<Self> {
        Self::load_from(Path::new(PATH)).with_context(|| format!("bad configuration `{PATH}`"))
    }

    fn load_from(path: &Path) -> anyhow::Result<Self> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                bail!("it is a symbolic link; put the file itself there")
            }
            Err(error) => return Err(error.into()),
        };
        check_owner("the file", &file)?;
        ensure!(file.metadata()?.is_file(), "it is not a regular file");
        if let Some(directory) = path.parent() {
            check_owner("its directory", &File::open(directory)?)?;
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            let message = error.message().trim_end().replace('\n', " ");
            anyhow::anyhow!("line {line}, column {column}: {message}")
        })?;
        if let Some(path) = &settings.docker_path {
            let shown = path.display();
            ensure!(path.is_absolute(), "docker_path must be an absolute path, not `{shown}`");
        }
        ensure!(
            !settings.secret_names.iter().any(String::is_empty),
            "an empty entry in secret_names would match every name"
        );
        Ok(settings)
    }
}

fn check_owner(what: &str, file: &File) -> anyhow::Result<()> {
    let metadata = file.metadata()?;
    ensure!(metadata.uid() == 0, "{what} must belong to root; chown root it");
    ensure!(
        metadata.mode() & 0o022 == 0,
        "{what} must not be writable by others than root; chmod go-w it"
    );
    Ok(())
}

/// Line and column, both counted from 1, of a place in the text.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Settings::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn everything_has_a_default() {
        let settings = Settings::parse("").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.on_failure, OnFailure::Refuse);
        assert!(settings.redact);
    }

    #[test]
    fn each_setting_is_read() {
        let text = "docker_path = '/opt/docker'\non_failure = 'warn'\nrecord_exit = true\n\
                    redact = false\nsecret_names = ['pin']";
        let expected = Settings {
            docker_path: Some("/opt/docker".into()),
            on_failure: OnFailure::Warn,
            record_exit: true,
            redact: false,
            secret_names: vec!["pin".to_owned()],
        };
        assert_eq!(Settings::parse(text).unwrap(), expected);
    }

    #[test]
    fn mistakes_are_named_with_line_and_column() {
        assert!(
            problem("\n  on_fail = 'warn'")
                .starts_with("line 2, column 3: unknown field `on_fail`")
        );
        assert!(
            problem("on_failure = 'ignore'")
                .starts_with("line 1, column 14: unknown variant `ignore`")
        );
        assert!(problem("redact = 1").starts_with("line 1, column 10: invalid type"));
        assert!(problem("redact = ").starts_with("line 1, column 1"));
        assert!(problem("docker_path = 'docker'").contains("absolute"));
        assert!(problem("secret_names = ['']").contains("empty"));
        for text in ["redact =", "on_failure = 3", "a = [", "\u{e9} = 1"] {
            assert!(!problem(text).contains('\n'), "{text}");
        }
    }

    #[test]
    fn no_file_is_no_error() {
        let settings = Settings::load_from(Path::new("/nonexistent/config.toml"));
        assert_eq!(settings.unwrap(), Settings::default());
    }

    #[test]
    fn a_link_is_refused() {
        let error = Settings::load_from(Path::new("/proc/self/exe")).unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
}
