//! Finds the object that a call is about.
//!
//! dockerd finds an object by its name or by the beginning of its id. The broker asks dockerd once, and
//! then puts the full id into the request. So no caller can move the name to another object in the
//! meantime. This file must not know who calls.

mod image;
mod inspected;
mod network;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::class::Class;
use crate::api::container::HealthConfig;
use crate::api::host_config::HostConfig;
use crate::api::operation::{ContainerOperation, ExecOperation, ImageOperation, Operation};
use crate::api::request::{ApiVersion, Head};
use crate::api::route::ObjectKind;
use crate::api::string_list::StringList;
use crate::api::volume::VolumeCreate;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::owner::shown_image;
pub(crate) use audit_host::options::bind::is_name;

pub(crate) use image::{Image, NamedImage, image, image_for};
pub(crate) use inspected::{Resolved, resolve};
pub(crate) use network::{Network, may_be_network, members, network};

/// The object that a call is about.
#[derive(Debug)]
pub(crate) enum Object {
    /// The path names no object.
    None,
    Container(Container),
    /// A process in a container.
    Exec(Exec),
    Network(Network),
    Image(NamedImage),
    Volume(Volume),
    /// A plugin or an object of the swarm, by the caller's own name for it.
    Named(String),
}

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
    config: Config,
    #[serde(default)]
    pub(crate) host_config: HostConfig,
    #[serde(default)]
    state: ContainerState,
    #[serde(default)]
    mounts: Vec<MountPoint>,
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

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: String,
    user: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    entrypoint: Option<StringList>,
    cmd: Option<StringList>,
    env: Option<Vec<String>>,
    volumes: Option<Map<String, Value>>,
    healthcheck: Option<HealthConfig>,
    working_dir: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ContainerState {
    pid: u32,
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
            (String::new(), Config::default(), ContainerState::default());
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

/// A process that `docker exec` creates in a container and then starts.
#[derive(Debug)]
pub(crate) struct Exec {
    pub(crate) id: String,
    pub(crate) command: Vec<String>,
    pub(crate) is_privileged: bool,
    /// As the request that created the process has it; empty if it names none.
    pub(crate) user: String,
    pub(crate) container: Container,
}

/// A volume, with its driver options.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Volume {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) driver: String,
    #[serde(default)]
    pub(crate) labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) options: Option<BTreeMap<String, String>>,
}

/// dockerd's description of an exec process.
#[derive(Debug, Deserialize)]
struct ExecDocument {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "ContainerID")]
    container: String,
    #[serde(rename = "ExitCode", default)]
    exit_code: Option<i64>,
    #[serde(rename = "ProcessConfig", default)]
    process: ProcessDocument,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProcessDocument {
    entrypoint: String,
    arguments: Vec<String>,
    privileged: bool,
    user: String,
}

impl Object {
    /// The id that replaces the client's name in the request.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Container(container) => Some(&container.id),
            Self::Exec(exec) => Some(&exec.id),
            Self::Network(network) => Some(&network.id),
            Self::Image(image) => Some(&image.given),
            Self::Volume(volume) => Some(&volume.name),
            Self::Named(name) => Some(name),
        }
    }

    /// The container that the operation starts or enters. The caller then gets all access that the
    /// container has.
    pub(crate) fn entered(&self, operation: Operation) -> Option<&Container> {
        match (operation, self) {
            (Operation::Container(operation), Self::Container(container)) => {
                is_entered(operation, container).then_some(container)
            }
            (Operation::Exec(ExecOperation::Create), Self::Container(container)) => {
                Some(container).filter(|container| container.pid().is_some())
            }
            (Operation::Exec(ExecOperation::Start), Self::Exec(exec)) => Some(&exec.container),
            (
                Operation::Container(_)
                | Operation::Exec(_)
                | Operation::System(_)
                | Operation::Registry(_)
                | Operation::Image(_)
                | Operation::Volume(_)
                | Operation::Network(_)
                | Operation::Build(_)
                | Operation::Plugin(_)
                | Operation::Swarm(_),
                _,
            ) => None,
        }
    }
}

/// Whether an operation on a container starts it or enters it.
fn is_entered(operation: ContainerOperation, container: &Container) -> bool {
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

/// Finds the object that the path of a request names.
///
/// # Errors
/// If dockerd cannot be reached.
async fn named(
    head: &Head,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Object>, Unreachable> {
    let Some(name) = head.object.as_deref() else { return Ok(Found::Yes(Object::None)) };
    Ok(match head.route.object {
        ObjectKind::Container => {
            let found = match container(name, version, upstream).await {
                Err(error) => Found::Yes(unreadable(head, name, error)?),
                Ok(found) => found,
            };
            found.map(Object::Container)
        }
        ObjectKind::Exec => exec(name, version, upstream).await?.map(Object::Exec),
        ObjectKind::Network => {
            let scope = head.query.text("scope");
            network(name, scope, version, upstream).await?.map(Object::Network)
        }
        ObjectKind::Volume => volume(name, version, upstream).await?.map(Object::Volume),
        // An image in a registry need not exist on this host.
        ObjectKind::Image if head.route.class == Class::RegistryRead => {
            Found::Yes(Object::Named(name.to_owned()))
        }
        ObjectKind::Image if head.route.operation == Operation::Image(ImageOperation::Push) => {
            let pushed = image::pushed(name, head.query.text("tag"), version, upstream).await?;
            pushed.map(|image| Object::Image(NamedImage { given: name.to_owned(), image }))
        }
        ObjectKind::Image => image(name, version, upstream).await?.map(|image| {
            let given = match head.route.operation {
                // The full name, so that dockerd does not take a name for an id.
                Operation::Image(ImageOperation::Remove) => {
                    image.tag_of(name).unwrap_or_else(|| name.to_owned())
                }
                Operation::Image(ImageOperation::Save) => image.exported(name),
                Operation::System(_)
                | Operation::Registry(_)
                | Operation::Build(_)
                | Operation::Container(_)
                | Operation::Exec(_)
                | Operation::Image(_)
                | Operation::Volume(_)
                | Operation::Network(_)
                | Operation::Plugin(_)
                | Operation::Swarm(_) => name.to_owned(),
            };
            Object::Image(NamedImage { given, image })
        }),
        ObjectKind::None
        | ObjectKind::Plugin
        | ObjectKind::Node
        | ObjectKind::Service
        | ObjectKind::Task
        | ObjectKind::Secret
        | ObjectKind::Config => Found::Yes(Object::Named(name.to_owned())),
    })
}

/// The container, if its description is too long to read and the call stops or removes it. A caller
/// with full permissions can then still get rid of such a container.
///
/// # Errors
/// The given error, for any other call or any other error.
fn unreadable(head: &Head, name: &str, error: Unreachable) -> Result<Container, Unreachable> {
    match (&error, head.route.operation) {
        (
            Unreachable::TooLong { beginning, .. },
            Operation::Container(
                ContainerOperation::Remove | ContainerOperation::Kill | ContainerOperation::Stop,
            ),
        ) => Container::unreadable(name, beginning).ok_or(error),
        _ => Err(error),
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

/// Finds a volume by its name.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn volume(
    name: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Volume>, Unreachable> {
    upstream.ask(&format!("/v{version}/volumes/{name}")).await
}

/// Creates a volume, or finds it if it exists.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn make_volume(
    volume: &VolumeCreate,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Volume>, Unreachable> {
    // Strings and maps of strings always have a JSON form.
    let document = serde_json::to_vec(volume).unwrap_or_default();
    upstream.make(&format!("/v{version}/volumes/create"), document).await
}

/// The runtime, the log driver and the cgroup namespace that docker uses if a request names none.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Defaults {
    #[serde(default, rename = "DefaultRuntime")]
    pub(crate) runtime: String,
    #[serde(default, rename = "LoggingDriver")]
    pub(crate) log_driver: String,
    /// `None` in the response of a dockerd that does not list them.
    #[serde(default, rename = "SecurityOptions")]
    pub(crate) security_options: Option<Vec<String>>,
    /// Whether docker can limit the swap of a container.
    #[serde(default, rename = "SwapLimit")]
    pub(crate) swap_limit: Option<bool>,
}

impl Defaults {
    /// Whether docker gives a container the host's control groups by default, as it does with cgroup v1.
    ///
    /// # Source
    /// `fillSecurityOptions` in `daemon/info.go` of moby.
    pub(crate) fn share_cgroup_namespace(&self) -> bool {
        const PRIVATE: &str = "name=cgroupns";
        let options = self.security_options.as_ref();
        options.is_some_and(|options| !options.iter().any(|option| option == PRIVATE))
    }
}

/// Asks dockerd for its defaults.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn defaults(
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Defaults>, Unreachable> {
    upstream.ask(&format!("/v{version}/info")).await
}

/// Whether a text may be the name of a container: a name, or `CONTAINER/ALIAS` for a container to which
/// another has a link.
pub(crate) fn may_be_container(name: &str) -> bool {
    name.split('/').count() <= 2 && name.split('/').all(is_name)
}

/// The exit status of an exec process; `None` while it runs or if the status is unknown.
pub(crate) async fn exit_code(id: &str, version: ApiVersion, upstream: &Upstream) -> Option<u32> {
    match exec_document(id, version, upstream).await {
        Ok(Found::Yes(exec)) => exec.exit_code.and_then(|code| u32::try_from(code).ok()),
        Ok(Found::No(..)) | Err(_) => None,
    }
}

async fn exec(
    id: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Exec>, Unreachable> {
    let document = match exec_document(id, version, upstream).await? {
        Found::Yes(document) => document,
        Found::No(status, answer) => return Ok(Found::No(status, answer)),
    };
    let found = container(&document.container, version, upstream).await?;
    Ok(found.map(|container| Exec {
        id: document.id,
        command: [vec![document.process.entrypoint], document.process.arguments].concat(),
        is_privileged: document.process.privileged,
        user: document.process.user,
        container,
    }))
}

async fn exec_document(
    id: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<ExecDocument>, Unreachable> {
    upstream.ask(&format!("/v{version}/exec/{id}/json")).await
}
