//! What the administrator has set in `/etc/audit-broker/config.toml`.
//!
//! Each key has a default; `examples/audit-broker.toml` explains them. Knows what the keys mean,
//! and applies none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use audit_host::options::host_path::BROKER_STATE;
use audit_host::recording::OnFailure;
use audit_host::root_file;
use serde::Deserialize;

use crate::api::class::Class;

/// Where the settings are unless `--config` says otherwise.
pub(crate) const PATH: &str = "/etc/audit-broker/config.toml";

/// What the administrator has set.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The socket that people use in place of docker's.
    pub(crate) listen: PathBuf,
    /// Its mode, in octal digits.
    listen_mode: String,
    /// The real docker socket.
    pub(crate) upstream: PathBuf,
    /// The socket at which root reads metrics.
    pub(crate) metrics: PathBuf,
    /// Whom the daemon becomes when root starts it.
    pub(crate) user: String,
    /// What to do with a call that cannot be recorded.
    pub(crate) on_failure: OnFailure,
    /// Under whose login uid records are written.
    pub(crate) attest: Attest,
    /// Whether a line goes to the journal for each change.
    pub(crate) journal: bool,
    /// How long a call waits for its record.
    record_timeout_seconds: u64,
    /// How long dockerd may take to answer what the broker itself asks.
    dockerd_timeout_seconds: u64,
    /// How long a client may take to send the head of a request, once it has begun.
    head_timeout_seconds: u64,
    /// How long streams may go on when the daemon is told to stop.
    drain_seconds: u64,
    /// How many connections one uid may have open.
    pub(crate) connections_per_uid: u32,
    /// How many refusals of one caller in a minute are recorded one by one.
    pub(crate) refusals_per_minute: u32,
    /// How many networks one owner may have.
    pub(crate) networks_per_user: u32,
    /// Headers that clients may send besides the known ones. They are not passed on.
    pub(crate) ignore_headers: Vec<String>,
    /// The directory of the policies.
    pub(crate) policy_dir: PathBuf,
    /// Whether denials count.
    pub(crate) mode: Mode,
    /// What is told to who is denied something: whom to ask.
    pub(crate) denial_help: String,
    /// The directory in which it is kept who made what.
    pub(crate) state_dir: PathBuf,
    /// How much of a class that only reads is recorded, where it is not the default.
    levels: BTreeMap<String, Level>,
}

/// Whether denials count.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// They do.
    Enforce,
    /// They are recorded, and what is denied is done all the same.
    Report,
}

/// Under whose login uid records are written.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Attest {
    /// That of who calls.
    Login,
    /// None; who calls is in `sauid` only.
    None,
}

/// How much of a call that only reads is recorded.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Nothing.
    None,
    /// That it was asked for.
    Metadata,
    /// That it was asked for, and what came of it.
    Full,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "/run/audit-broker/docker.sock".into(),
            listen_mode: "0666".to_owned(),
            upstream: "/run/docker.sock".into(),
            metrics: "/run/audit-broker/metrics.sock".into(),
            user: "audit-broker".to_owned(),
            on_failure: OnFailure::Refuse,
            attest: Attest::Login,
            journal: true,
            record_timeout_seconds: 10,
            dockerd_timeout_seconds: 10,
            head_timeout_seconds: 10,
            drain_seconds: 30,
            connections_per_uid: 1000,
            refusals_per_minute: 600,
            networks_per_user: 10,
            ignore_headers: Vec::new(),
            policy_dir: "/etc/audit-broker/policy.d".into(),
            mode: Mode::Enforce,
            denial_help: String::new(),
            state_dir: BROKER_STATE.into(),
            levels: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Reads the settings; the defaults hold where the file is not there.
    ///
    /// # Errors
    /// If the file could be somebody else's, cannot be read, or says something unknown.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        root_file::read(path)
            .and_then(|text| text.map_or_else(|| Ok(Self::default()), |text| Self::parse(&text)))
            .with_context(|| format!("bad configuration `{}`", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let settings: Self = root_file::parse(text)?;
        for (key, path) in [
            ("listen", &settings.listen),
            ("upstream", &settings.upstream),
            ("metrics", &settings.metrics),
            ("policy_dir", &settings.policy_dir),
            ("state_dir", &settings.state_dir),
        ] {
            let shown = path.display();
            ensure!(path.is_absolute(), "{key} must be an absolute path, not `{shown}`");
        }
        ensure!(settings.listen != settings.upstream, "listen and upstream are the same socket");
        ensure!(settings.listen != settings.metrics, "listen and metrics are the same socket");
        settings.listen_mode()?;
        ensure!(settings.connections_per_uid > 0, "connections_per_uid must be at least 1");
        ensure!(settings.refusals_per_minute > 0, "refusals_per_minute must be at least 1");
        ensure!(settings.record_timeout_seconds > 0, "record_timeout_seconds must be at least 1");
        ensure!(settings.dockerd_timeout_seconds > 0, "dockerd_timeout_seconds must be at least 1");
        ensure!(settings.head_timeout_seconds > 0, "head_timeout_seconds must be at least 1");
        for header in &settings.ignore_headers {
            ensure!(
                !header.is_empty() && *header == header.to_ascii_lowercase(),
                "ignore_headers: write `{}` in small letters",
                header.escape_debug()
            );
        }
        for name in settings.levels.keys() {
            let class = Class::from_name(name).ok_or_else(|| {
                let classes = Class::all().filter(|class| class.reads_only());
                let classes: Vec<_> = classes.map(Class::name).collect();
                let (name, classes) = (name.escape_debug(), classes.join(", "));
                anyhow!("levels: no class is named `{name}`; those that only read are {classes}")
            })?;
            ensure!(
                class.reads_only(),
                "levels: `{name}` changes things and is always recorded in full"
            );
        }
        Ok(settings)
    }

    /// The mode of the listening socket.
    pub(crate) fn listen_mode(&self) -> anyhow::Result<u32> {
        u32::from_str_radix(&self.listen_mode, 8).ok().filter(|mode| *mode <= 0o777).ok_or_else(
            || {
                let mode = self.listen_mode.escape_debug();
                anyhow!("listen_mode must be three octal digits such as \"0660\", not `{mode}`")
            },
        )
    }

    /// How much of calls of the class is recorded.
    pub(crate) fn level(&self, class: Class) -> Level {
        if !class.reads_only() {
            return Level::Full;
        }
        self.levels.get(class.name()).copied().unwrap_or_else(|| default_level(class))
    }

    /// Whether something differs that counts from the start of the daemon on.
    pub(crate) fn needs_restart(&self, running: &Self) -> bool {
        let fixed = |settings: &Self| {
            let Self { listen, listen_mode, upstream, metrics, user, .. } = settings.clone();
            let Self { attest, journal, record_timeout_seconds, dockerd_timeout_seconds, .. } =
                *settings;
            let Self { state_dir, policy_dir, .. } = settings.clone();
            let paths = (listen, listen_mode, upstream, metrics, state_dir, policy_dir);
            (paths, user, attest, journal, record_timeout_seconds, dockerd_timeout_seconds)
        };
        fixed(self) != fixed(running)
    }

    pub(crate) const fn record_timeout(&self) -> Duration {
        Duration::from_secs(self.record_timeout_seconds)
    }

    pub(crate) const fn dockerd_timeout(&self) -> Duration {
        Duration::from_secs(self.dockerd_timeout_seconds)
    }

    pub(crate) const fn head_timeout(&self) -> Duration {
        Duration::from_secs(self.head_timeout_seconds)
    }

    pub(crate) const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

/// What clients poll is not recorded; what reveals the configuration of an object is, once; what
/// reveals contents is, with its outcome.
const fn default_level(class: Class) -> Level {
    match class {
        Class::SystemProbe
        | Class::SystemRead
        | Class::ContainerList
        | Class::ContainerStats
        | Class::ImageList => Level::None,
        Class::ContainerFilesRead
        | Class::ContainerLogs
        | Class::ImageSave
        | Class::ServiceLogs => Level::Full,
        _ => Level::Metadata,
    }
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
        assert_eq!(settings.listen_mode().unwrap(), 0o666);
        assert_eq!(settings.on_failure, OnFailure::Refuse);
    }

    #[test]
    fn the_example_holds_the_defaults() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/audit-broker.toml");
        let example = std::fs::read_to_string(example).unwrap();
        assert_eq!(Settings::parse(&example).unwrap(), Settings::default());
        // Every key stands there, each default behind `#`.
        let uncommented: String = example
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => rest,
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let table: toml::Table = uncommented.parse().unwrap();
        let mut settings = Settings::parse(&uncommented).unwrap();
        for class in Class::all().filter(|class| class.reads_only()) {
            let level = settings.levels.remove(class.name());
            assert_eq!(level, Some(default_level(class)), "{}", class.name());
        }
        assert_eq!(settings, Settings::default());
        assert_eq!(table.len(), 2 + 19);
    }

    #[test]
    fn what_changes_things_is_always_recorded() {
        assert_eq!(Settings::default().level(Class::ContainerCreate), Level::Full);
        assert!(problem("[levels]\ncontainer-create = 'none'").contains("always recorded"));
        let settings = Settings::parse("[levels]\ncontainer-list = 'full'").unwrap();
        assert_eq!(settings.level(Class::ContainerList), Level::Full);
        assert_eq!(settings.level(Class::SystemProbe), Level::None);
    }

    #[test]
    fn what_reveals_contents_is_recorded_by_default() {
        for class in [Class::ContainerFilesRead, Class::ContainerLogs, Class::ImageSave] {
            assert_eq!(Settings::default().level(class), Level::Full);
        }
        assert_eq!(Settings::default().level(Class::ContainerView), Level::Metadata);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(problem("listne = '/x'").starts_with("line 1, column 1: unknown field `listne`"));
        assert!(problem("listen = 'x'").contains("absolute"));
        assert!(problem("policy_dir = 'x'").contains("absolute"));
        assert!(problem("mode = 'off'").contains("unknown variant `off`"));
        assert!(problem("listen = '/run/docker.sock'").contains("same socket"));
        assert!(problem("listen_mode = 'rw'").contains("octal"));
        assert!(problem("connections_per_uid = 0").contains("at least 1"));
        assert!(problem("ignore_headers = ['X-A']").contains("small letters"));
        assert!(problem("[levels]\nping = 'none'").contains("no class is named `ping`"));
        assert!(problem("[levels]\nsystem-probe = 'all'").contains("unknown variant `all`"));
    }
}
