//! What a container runs, since when, and how it ended.

use serde::Deserialize;

use super::Container;

/// # Source
/// `ContainerState` in moby's `api/swagger.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ContainerState {
    pub(super) pid: u32,
    exit_code: i64,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    started_at: String,
}

impl Container {
    /// The command of its first process, including the part from the image.
    pub(crate) fn command(&self) -> Vec<String> {
        let parts = [&self.config.entrypoint, &self.config.cmd];
        parts.into_iter().flatten().flat_map(|words| &words.0).cloned().collect()
    }

    /// When its first process started, as docker writes it; `None` if the container does not run.
    pub(crate) fn started_at(&self) -> Option<&str> {
        self.pid().map(|_| self.state.started_at.as_str())
    }

    /// The exit code of its last process.
    pub(crate) fn exit_code(&self) -> u32 {
        self.state.exit_code.try_into().unwrap_or_default()
    }

    /// Whether the kernel killed its last process because the container used too much memory.
    pub(crate) const fn is_out_of_memory(&self) -> bool {
        self.state.oom_killed
    }

    /// Whether dockerd starts it again without a request.
    pub(crate) fn restarts(&self) -> bool {
        let policy =
            self.host_config.restart_policy.as_ref().and_then(|policy| policy.name.as_deref());
        policy.is_some_and(|name| !matches!(name, "" | "no"))
    }
}
