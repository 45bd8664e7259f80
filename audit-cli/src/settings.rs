//! The settings in `/etc/audit-cli/config.toml`.
//!
//! Only root can weaken the trail: the file and its directory must belong to root, and nobody else
//! may be able to write to them. No environment variable or option replaces them.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use audit_host::recording::OnFailure;
use audit_host::root_file;
use serde::Deserialize;

/// The file with the settings. If it does not exist, the defaults hold.
pub(crate) const PATH: &str = "/etc/audit-cli/config.toml";

/// The settings.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The file of docker. If unset, it is the first `docker` on PATH that is not audit-cli.
    pub(crate) docker_path: Option<PathBuf>,
    /// What to do with a command that cannot be recorded.
    pub(crate) on_failure: OnFailure,
    /// Whether to wait for every command and record its exit.
    pub(crate) record_exit: bool,
    /// Whether to record what docker's completion of a half-typed line asks.
    pub(crate) record_completion: bool,
    /// Whether to record the secrets in a command as `***`.
    pub(crate) redact: bool,
    /// A variable whose name contains one of these words, in upper or lower case, holds a secret.
    pub(crate) secret_names: Vec<String>,
}

/// The words of `secret_names`, unless the settings have others.
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
            record_completion: false,
            redact: true,
            secret_names: SECRET_NAMES.map(str::to_owned).to_vec(),
        }
    }
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// If a user other than root could change the file, it cannot be read, or it has a mistake.
    pub(crate) fn load() -> anyhow::Result<Self> {
        root_file::read(Path::new(PATH))
            .and_then(|text| text.map_or_else(|| Ok(Self::default()), |text| Self::parse(&text)))
            .with_context(|| format!("bad configuration `{PATH}`"))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let settings: Self = root_file::parse(text)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Settings::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn each_setting_has_a_default() {
        let settings = Settings::parse("").unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.on_failure, OnFailure::Refuse);
        assert!(settings.redact && !settings.record_completion);
    }

    #[test]
    fn each_setting_is_read() {
        let text = "docker_path = '/opt/docker'\non_failure = 'warn'\nrecord_exit = true\n\
                    record_completion = true\nredact = false\nsecret_names = ['pin']";
        let expected = Settings {
            docker_path: Some("/opt/docker".into()),
            on_failure: OnFailure::Warn,
            record_exit: true,
            record_completion: true,
            redact: false,
            secret_names: vec!["pin".to_owned()],
        };
        assert_eq!(Settings::parse(text).unwrap(), expected);
    }

    #[test]
    fn each_mistake_has_its_line_and_column() {
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
    }
}
