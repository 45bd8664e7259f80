//! The settings in `/etc/audit-broker/config.toml`.
//!
//! Each key has a default; `examples/audit-broker.toml` explains them. This file reads and checks the
//! settings. It does not apply them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use audit_host::options::host_path::BROKER_STATE;
use audit_host::recording::OnFailure;
use audit_host::root_file;
use serde::Deserialize;

use crate::api::class::Class;

/// Where the settings are, unless `--config` names another file.
pub(crate) const PATH: &str = "/etc/audit-broker/config.toml";

/// The settings of the daemon.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The socket that people connect to instead of docker's.
    pub(crate) listen: PathBuf,
    /// The mode of that socket, in octal digits.
    listen_mode: String,
    /// The real docker socket.
    pub(crate) upstream: PathBuf,
    /// The socket at which root reads metrics.
    pub(crate) metrics: PathBuf,
    /// The user that the daemon becomes when root starts it.
    pub(crate) user: String,
    /// What to do with a call that the broker cannot record.
    pub(crate) on_failure: OnFailure,
    /// The login uid under which the broker writes records.
    pub(crate) attest: Attest,
    /// Whether the broker writes a line to the journal for each change.
    pub(crate) journal: bool,
    /// How long a call waits until the kernel has its record.
    record_timeout_seconds: u64,
    /// How long dockerd may take to answer a question of the broker itself.
    dockerd_timeout_seconds: u64,
    /// How long a client may take to send the head of a request, from its first byte.
    head_timeout_seconds: u64,
    /// How long open streams may take to finish when the daemon shuts down.
    drain_seconds: u64,
    /// How many connections one login, one container or, without a login, one uid may have open.
    pub(crate) connections_per_uid: u32,
    /// How many refusals of one caller in a minute get a record each.
    pub(crate) refusals_per_minute: u32,
    /// How many networks one owner may have, unless the policies let the owner remove all networks.
    pub(crate) networks_per_user: u32,
    /// The directory of the policies.
    pub(crate) policy_dir: PathBuf,
    /// Whether the policies are enforced.
    pub(crate) mode: Mode,
    /// A sentence at the end of each denial, such as whom to ask.
    pub(crate) denial_help: String,
    /// The directory of the table of owners.
    pub(crate) state_dir: PathBuf,
    /// How much the broker records of the read-only classes whose level is not the default.
    levels: BTreeMap<String, Level>,
}

/// Whether the policies are enforced.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// A call that they deny is refused.
    Enforce,
    /// The broker records a call that the policies deny, and still forwards it.
    Report,
}

/// The login uid under which the broker writes records.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Attest {
    /// That of the caller.
    Login,
    /// None; only the field `sauid` names the caller.
    None,
}

/// How much the broker records of a call that only reads.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Nothing.
    None,
    /// The request.
    Metadata,
    /// The request and its outcome.
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
            policy_dir: "/etc/audit-broker/policy.d".into(),
            mode: Mode::Enforce,
            denial_help: String::new(),
            state_dir: BROKER_STATE.into(),
            levels: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Reads the settings. If there is no such file, every setting has its default.
    ///
    /// # Errors
    /// If users other than root could have written the file, it cannot be read, or a setting is
    /// unknown or invalid.
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
        for name in settings.levels.keys() {
            let class = Class::from_name(name).ok_or_else(|| {
                let classes = Class::all().filter(|class| class.reads_only());
                let classes: Vec<_> = classes.map(Class::name).collect();
                let (name, classes) = (name.escape_debug(), classes.join(", "));
                anyhow!(
                    "levels: there is no class `{name}`; the classes that only read are {classes}"
                )
            })?;
            ensure!(
                class.reads_only(),
                "levels: calls of class `{name}` change something and are always recorded in full"
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

    /// How much the broker records of calls of the class.
    pub(crate) fn level(&self, class: Class) -> Level {
        if !class.reads_only() {
            return Level::Full;
        }
        self.levels.get(class.name()).copied().unwrap_or_else(|| default_level(class))
    }

    /// The keys whose values differ from the running ones and take effect only after a restart.
    pub(crate) fn changed_until_restart(&self, running: &Self) -> Vec<&'static str> {
        let is_changed = [
            ("listen", self.listen != running.listen),
            ("listen_mode", self.listen_mode != running.listen_mode),
            ("upstream", self.upstream != running.upstream),
            ("metrics", self.metrics != running.metrics),
            ("state_dir", self.state_dir != running.state_dir),
            ("policy_dir", self.policy_dir != running.policy_dir),
            ("user", self.user != running.user),
            ("attest", self.attest != running.attest),
            ("journal", self.journal != running.journal),
            (
                "record_timeout_seconds",
                self.record_timeout_seconds != running.record_timeout_seconds,
            ),
            (
                "dockerd_timeout_seconds",
                self.dockerd_timeout_seconds != running.dockerd_timeout_seconds,
            ),
        ];
        is_changed.into_iter().filter_map(|(key, is_changed)| is_changed.then_some(key)).collect()
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

/// Calls that clients poll with are not recorded. Calls that reveal the configuration of an object get
/// one record, and calls that reveal contents get a second one with the outcome.
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
        Class::Events
        | Class::RegistryAuth
        | Class::RegistryRead
        | Class::ContainerView
        | Class::ContainerFilesWrite
        | Class::ContainerCreate
        | Class::ContainerState
        | Class::ContainerModify
        | Class::ContainerDelete
        | Class::Attach
        | Class::Exec
        | Class::ExecView
        | Class::ImageView
        | Class::ImagePull
        | Class::ImageLoad
        | Class::ImageName
        | Class::ImagePush
        | Class::ImageDelete
        | Class::Build
        | Class::BuildSession
        | Class::VolumeView
        | Class::Volume
        | Class::NetworkView
        | Class::Network
        | Class::PluginView
        | Class::Plugin
        | Class::SwarmView
        | Class::Swarm
        | Class::NodeView
        | Class::Node
        | Class::ServiceView
        | Class::Service
        | Class::SecretView
        | Class::Secret
        | Class::ConfigView
        | Class::Config => Level::Metadata,
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
        // The example has every key, with its default, commented out.
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
        assert_eq!(table.len(), 2 + 18);
    }

    #[test]
    fn calls_that_change_something_are_always_recorded() {
        assert_eq!(Settings::default().level(Class::ContainerCreate), Level::Full);
        assert!(problem("[levels]\ncontainer-create = 'none'").contains("always recorded"));
        let settings = Settings::parse("[levels]\ncontainer-list = 'full'").unwrap();
        assert_eq!(settings.level(Class::ContainerList), Level::Full);
        assert_eq!(settings.level(Class::SystemProbe), Level::None);
    }

    #[test]
    fn calls_that_reveal_contents_are_recorded_by_default() {
        for class in [Class::ContainerFilesRead, Class::ContainerLogs, Class::ImageSave] {
            assert_eq!(Settings::default().level(class), Level::Full);
        }
        assert_eq!(Settings::default().level(Class::ContainerView), Level::Metadata);
    }

    #[test]
    fn each_mistake_has_its_own_message() {
        assert!(problem("listne = '/x'").starts_with("line 1, column 1: unknown field `listne`"));
        assert!(problem("listen = 'x'").contains("absolute"));
        assert!(problem("policy_dir = 'x'").contains("absolute"));
        assert!(problem("mode = 'off'").contains("unknown variant `off`"));
        assert!(problem("listen = '/run/docker.sock'").contains("same socket"));
        assert!(problem("listen_mode = 'rw'").contains("octal"));
        assert!(problem("connections_per_uid = 0").contains("at least 1"));
        assert!(problem("[levels]\nping = 'none'").contains("there is no class `ping`"));
        assert!(problem("[levels]\nsystem-probe = 'all'").contains("unknown variant `all`"));
    }
}
