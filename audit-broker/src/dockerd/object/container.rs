//! Containers, as dockerd describes them.

mod state;

use std::collections::BTreeMap;

use audit_host::options::bind::is_name;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::container::HealthConfig;
use crate::api::host_config::HostConfig;
use crate::api::operation::{ContainerOperation, Operation};
use crate::api::request::{ApiVersion, Head};
use crate::api::string_list::StringList;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::owner::shown_image;
use state::ContainerState;

/// A container as it was when the call arrived.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Container {
    pub(crate) id: String,
    /// Starts with `/`, as docker writes it.
    #[serde(default)]
    name: String,
    /// The id of its image.
    #[serde(default, rename = "Image")]
    pub(crate) image_id: String,
    /// The storage driver of its files.
    #[serde(default)]
    pub(crate) driver: String,
    #[serde(default)]
    config: CreatedConfig,
    #[serde(default)]
    pub(crate) host_config: HostConfig,
    #[serde(default)]
    state: ContainerState,
    #[serde(default)]
    mounts: Vec<MountPoint>,
    /// How often dockerd has started it again by its restart policy.
    #[serde(default)]
    pub(crate) restart_count: u32,
    /// Whether dockerd's description of it is too long to read. Then only its id and a name are known.
    #[serde(skip)]
    pub(crate) is_unreadable: bool,
}

/// A mount of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MountPoint {
    r#type: String,
    /// The name of a volume; otherwise empty.
    name: String,
    source: String,
    destination: String,
}

/// The configuration of an image, or with which a container was created.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CreatedConfig {
    pub(super) image: String,
    pub(super) user: Option<String>,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) entrypoint: Option<StringList>,
    pub(super) cmd: Option<StringList>,
    pub(super) env: Option<Vec<String>>,
    pub(super) volumes: Option<Map<String, Value>>,
    pub(super) healthcheck: Option<HealthConfig>,
    pub(super) working_dir: Option<String>,
}

impl Container {
    /// A container whose description is too long to read. The id comes from its beginning.
    ///
    /// # Source
    /// `ContainerJSONBase` in `api/types/types.go` of moby: the id comes first.
    fn unreadable(name: &str, beginning: &[u8]) -> Option<Self> {
        let id = beginning.strip_prefix(b"{\"Id\":\"")?.get(..64)?;
        let id = std::str::from_utf8(id).ok().filter(|id| is_name(id))?.to_owned();
        let (image_id, config, state) =
            (String::new(), CreatedConfig::default(), ContainerState::default());
        let (host_config, mounts) = (HostConfig::default(), Vec::new());
        let name = name.to_owned();
        // An unknown driver counts as dangerous.
        let driver = String::new();
        Some(Self {
            id,
            name,
            image_id,
            driver,
            config,
            host_config,
            state,
            mounts,
            restart_count: 0,
            is_unreadable: true,
        })
    }

    pub(crate) fn name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    /// The name of the image that the caller gave when the container was created. The broker gave dockerd
    /// the image's id instead.
    pub(crate) fn image(&self) -> &str {
        let image = &self.config.image;
        if image.starts_with("sha256:") { shown_image(image, self.labels()) } else { image }
    }

    /// The name or id of the image that dockerd got.
    pub(crate) fn given_image(&self) -> &str {
        &self.config.image
    }

    pub(crate) fn labels(&self) -> &BTreeMap<String, String> {
        const NONE: &BTreeMap<String, String> = &BTreeMap::new();
        self.config.labels.as_ref().unwrap_or(NONE)
    }

    /// The names of its volumes.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = &str> {
        let volumes = self.mounts.iter().filter(|mount| mount.r#type == "volume");
        volumes.map(|mount| mount.name.as_str())
    }

    /// The source and destination of each mount. The source of a volume is its name.
    pub(crate) fn mounts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.mounts.iter().map(|mount| {
            let source = if mount.name.is_empty() { &mount.source } else { &mount.name };
            (source.as_str(), mount.destination.as_str())
        })
    }

    /// The destinations of the mounts that dockerd also makes outside the container when it copies files.
    /// A tmpfs exists only inside.
    ///
    /// # Source
    /// `setupMounts` in `daemon/volumes_unix.go` of moby.
    pub(crate) fn mounted_outside(&self) -> impl Iterator<Item = &str> {
        let outside = self.mounts.iter().filter(|mount| mount.r#type != "tmpfs");
        outside.map(|mount| mount.destination.as_str())
    }

    /// The pid of its first process; `None` if the container does not run.
    pub(crate) fn pid(&self) -> Option<u32> {
        (self.state.pid != 0).then_some(self.state.pid)
    }
}

/// Whether an operation on a container starts it or enters it.
pub(super) fn is_entered(operation: ContainerOperation, container: &Container) -> bool {
    match operation {
        // To copy files, dockerd mounts the volumes and binds of a stopped container.
        ContainerOperation::Start
        | ContainerOperation::Restart
        | ContainerOperation::Unpause
        | ContainerOperation::ArchiveStat
        | ContainerOperation::ArchiveRead
        | ContainerOperation::ArchiveWrite => true,
        ContainerOperation::Attach | ContainerOperation::AttachWs => container.pid().is_some(),
        ContainerOperation::List
        | ContainerOperation::Create
        | ContainerOperation::Inspect
        | ContainerOperation::Top
        | ContainerOperation::Changes
        | ContainerOperation::Stats
        | ContainerOperation::Logs
        | ContainerOperation::Export
        | ContainerOperation::Stop
        | ContainerOperation::Kill
        | ContainerOperation::Pause
        | ContainerOperation::Wait
        | ContainerOperation::Update
        | ContainerOperation::Rename
        | ContainerOperation::Remove
        | ContainerOperation::Prune
        | ContainerOperation::Resize
        | ContainerOperation::Commit => false,
    }
}

/// The container, if its description is too long to read and the call stops or removes it. A caller
/// with full permissions can then still get rid of such a container.
///
/// # Errors
/// The given error, for any other call or any other error.
pub(super) fn unreadable(
    head: &Head,
    name: &str,
    error: Unreachable,
) -> Result<Container, Unreachable> {
    let Unreachable::TooLong { beginning, .. } = &error else { return Err(error) };
    let container = Container::unreadable(name, beginning);
    container.filter(|_| ends_container(head.route.operation)).ok_or(error)
}

/// Whether an operation stops or removes a container.
const fn ends_container(operation: Operation) -> bool {
    match operation {
        Operation::Container(
            ContainerOperation::Remove | ContainerOperation::Kill | ContainerOperation::Stop,
        ) => true,
        Operation::Container(
            ContainerOperation::List
            | ContainerOperation::Create
            | ContainerOperation::Inspect
            | ContainerOperation::Top
            | ContainerOperation::Changes
            | ContainerOperation::Stats
            | ContainerOperation::Logs
            | ContainerOperation::Export
            | ContainerOperation::ArchiveStat
            | ContainerOperation::ArchiveRead
            | ContainerOperation::ArchiveWrite
            | ContainerOperation::Start
            | ContainerOperation::Restart
            | ContainerOperation::Pause
            | ContainerOperation::Unpause
            | ContainerOperation::Wait
            | ContainerOperation::Update
            | ContainerOperation::Rename
            | ContainerOperation::Prune
            | ContainerOperation::Attach
            | ContainerOperation::AttachWs
            | ContainerOperation::Resize
            | ContainerOperation::Commit,
        )
        | Operation::System(_)
        | Operation::Registry(_)
        | Operation::Build(_)
        | Operation::Exec(_)
        | Operation::Image(_)
        | Operation::Volume(_)
        | Operation::Network(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => false,
    }
}

/// Finds a container by its id, its name or the beginning of its id.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn container(
    name: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Container>, Unreachable> {
    upstream.ask(&format!("/v{version}/containers/{name}/json")).await
}

/// Whether a text may be the name of a container: a name, or `CONTAINER/ALIAS` for a container to which
/// another has a link.
pub(crate) fn may_be_container(name: &str) -> bool {
    name.split('/').count() <= 2 && name.split('/').all(is_name)
}
