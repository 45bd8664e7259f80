//! From a name to the thing it names.
//!
//! Knows how dockerd finds an object by name or the beginning of an id, and asks it which one it
//! is; the request then goes on with the full id, so that nobody can put another in its place.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::class::Class;
use crate::api::host_config::HostConfig;
use crate::api::route::ObjectKind;
use crate::api::volume::VolumeCreate;
use crate::api::words::Words;
use crate::owner::{full_name, has_tag, is_ambiguous, shown_image};
use crate::request::{ApiVersion, Head, percent};
use crate::upstream::{Found, Unreachable, Upstream};

/// What a call is about.
#[derive(Debug)]
pub(crate) enum Object {
    /// Nothing in particular.
    None,
    Container(Container),
    /// A process in a container.
    Exec(Exec),
    Network(Network),
    Image(NamedImage),
    Volume(Volume),
    /// A plugin or an object of the swarm, which goes by the name as it was given.
    Named(String),
}

/// A container as it was when the call came.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Container {
    pub(crate) id: String,
    /// With a `/` in front, as docker has it.
    #[serde(default)]
    name: String,
    /// The id of the image that it was made from.
    #[serde(default, rename = "Image")]
    pub(crate) image_id: String,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    pub(crate) host_config: HostConfig,
    #[serde(default)]
    state: State,
    #[serde(default)]
    mounts: Vec<MountPoint>,
}

/// What a container has mounted.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MountPoint {
    r#type: String,
    /// Of a volume.
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: String,
    user: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    entrypoint: Option<Words>,
    cmd: Option<Words>,
    env: Option<Vec<String>>,
    volumes: Option<Map<String, Value>>,
    healthcheck: Option<Health>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Health {
    test: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    pid: u32,
}

impl Container {
    pub(crate) fn name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    /// The image's name as given when the container was made, also where dockerd was given its id.
    pub(crate) fn image(&self) -> &str {
        let image = &self.config.image;
        if image.starts_with("sha256:") { shown_image(image, self.labels()) } else { image }
    }

    /// The image as dockerd was given it.
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

    /// Its first process; `None` if it does not run.
    pub(crate) fn pid(&self) -> Option<u32> {
        (self.state.pid != 0).then_some(self.state.pid)
    }
}

/// A process in a container, made to be started.
#[derive(Debug)]
pub(crate) struct Exec {
    pub(crate) id: String,
    pub(crate) command: Vec<String>,
    pub(crate) is_privileged: bool,
    pub(crate) container: Container,
}

/// A network.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Network {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) driver: String,
    #[serde(default)]
    pub(crate) labels: Option<BTreeMap<String, String>>,
}

/// An image as it was when the call came.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Image {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) created: Option<DateTime<Utc>>,
    #[serde(default)]
    pub(crate) repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    config: Option<Config>,
}

/// An image, and the name by which the client asks for it.
#[derive(Debug)]
pub(crate) struct NamedImage {
    pub(crate) given: String,
    pub(crate) image: Image,
}

impl Image {
    /// Everything that it goes by: `fedora:latest`, `fedora@sha256:...`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.repo_tags.iter().chain(&self.repo_digests).flatten().map(String::as_str)
    }

    /// Whether it was pulled from, or pushed to, the place where this name is.
    pub(crate) fn is_from(&self, name: &str) -> bool {
        let repository = name.rsplit_once(':').map_or(name, |(repository, _)| repository);
        let mut digests = self.repo_digests.iter().flatten();
        digests.any(|digest| digest.split('@').next() == Some(repository))
    }

    /// Its names with a tag, as docker writes them.
    pub(crate) fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }

    pub(crate) fn labels(&self) -> Option<&BTreeMap<String, String>> {
        self.config.as_ref()?.labels.as_ref()
    }

    /// What is run where nobody says anything else: the entry point, and its arguments.
    pub(crate) fn command(&self) -> (&[String], &[String]) {
        let config = self.config.as_ref();
        let entrypoint = config.and_then(|config| config.entrypoint.as_ref());
        let arguments = config.and_then(|config| config.cmd.as_ref());
        (words_of(entrypoint), words_of(arguments))
    }

    /// Where a container of it has volumes that nobody asks for.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = &String> {
        let volumes = self.config.as_ref().and_then(|config| config.volumes.as_ref());
        volumes.into_iter().flat_map(Map::keys)
    }

    /// What docker runs in it from time to time where nobody says anything else.
    pub(crate) fn health_check(&self) -> &[String] {
        let health = self.config.as_ref().and_then(|config| config.healthcheck.as_ref());
        health.and_then(|health| health.test.as_deref()).unwrap_or_default()
    }

    /// What is in the environment where nobody says anything else.
    pub(crate) fn environment(&self) -> &[String] {
        let environment = self.config.as_ref().and_then(|config| config.env.as_ref());
        environment.map_or(&[], Vec::as_slice)
    }

    /// As whom it is run where nobody says anything else.
    pub(crate) fn user(&self) -> &str {
        self.config.as_ref().and_then(|config| config.user.as_deref()).unwrap_or_default()
    }
}

fn words_of(words: Option<&Words>) -> &[String] {
    words.map_or(&[], |words| &words.0)
}

/// A volume, with what its driver was told when it was made.
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

/// What dockerd tells of a process in a container.
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
}

impl Object {
    /// The id to put in place of what the client named.
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

    /// The container that the operation starts or enters: who does gets what it was given when it
    /// was made.
    pub(crate) fn entered(&self, op: &str) -> Option<&Container> {
        match (self, op) {
            // For files that are copied, dockerd mounts what a container has where it does not run.
            (
                Self::Container(container),
                "start" | "restart" | "unpause" | "archive-read" | "archive-write",
            ) => Some(container),
            (Self::Container(container), "exec" | "attach" | "attach-ws") => {
                Some(container).filter(|container| container.pid().is_some())
            }
            (Self::Exec(exec), "exec-start") => Some(&exec.container),
            _ => None,
        }
    }
}

/// Finds what the head names.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn resolve(
    head: &Head,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Object>, Unreachable> {
    let Some(name) = head.object.as_deref() else { return Ok(Found::Yes(Object::None)) };
    Ok(match head.route.object {
        ObjectKind::Container => container(name, version, upstream).await?.map(Object::Container),
        ObjectKind::Exec => exec(name, version, upstream).await?.map(Object::Exec),
        ObjectKind::Network => network(name, version, upstream).await?.map(Object::Network),
        ObjectKind::Volume => volume(name, version, upstream).await?.map(Object::Volume),
        // What a registry is asked for need not be here.
        ObjectKind::Image if head.route.class == Class::RegistryRead => {
            Found::Yes(Object::Named(name.to_owned()))
        }
        ObjectKind::Image if head.route.op == "image-push" => {
            let pushed = pushed(name, head.query.text("tag"), version, upstream).await?;
            pushed.map(|image| Object::Image(NamedImage { given: name.to_owned(), image }))
        }
        ObjectKind::Image => image(name, version, upstream).await?.map(|image| {
            // What is removed by a name must not be taken for an id.
            let full = full_name(name);
            let is_removed_by_name = head.route.op == "image-remove"
                && image.tags().contains(&full)
                && !is_ambiguous(name);
            let given = if is_removed_by_name { full } else { name.to_owned() };
            Object::Image(NamedImage { given, image })
        }),
        _ => Found::Yes(Object::Named(name.to_owned())),
    })
}

/// A container by id, name or the beginning of an id.
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

/// A volume by its name.
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

/// An image by its name, id or the beginning of an id.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn image(
    name: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Image>, Unreachable> {
    upstream.ask(&format!("/v{version}/images/{}/json", percent::encode_path(name))).await
}

/// Makes a volume, unless it is there.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn make_volume(
    volume: &VolumeCreate,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Volume>, Unreachable> {
    // Texts and maps of texts have a JSON form always.
    let document = serde_json::to_vec(volume).unwrap_or_default();
    upstream.make(&format!("/v{version}/volumes/create"), document).await
}

/// Whether a text can be the name or id of a container, volume or network, and so part of a path.
///
/// # Source
/// `RestrictedNameChars` in moby's `daemon/names`.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(default)]
    default_runtime: String,
}

/// The runtime that docker uses where nobody says which.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn default_runtime(
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<String>, Unreachable> {
    let found: Found<Info> = upstream.ask(&format!("/v{version}/info")).await?;
    Ok(found.map(|info| info.default_runtime))
}

/// A network by id, name or the beginning of an id.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn network(
    name: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Network>, Unreachable> {
    upstream.ask(&format!("/v{version}/networks/{name}")).await
}

/// The exit status of a process in a container; `None` while it runs, and if it cannot be known.
pub(crate) async fn exit_code(id: &str, version: ApiVersion, upstream: &Upstream) -> Option<u32> {
    match exec_document(id, version, upstream).await {
        Ok(Found::Yes(exec)) => exec.exit_code.and_then(|code| u32::try_from(code).ok()),
        _ => None,
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

/// The image that is pushed. Without a tag it is each that is tagged in the repository, of which this
/// is one.
async fn pushed(
    name: &str,
    tag: Option<&str>,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Image>, Unreachable> {
    if let Some(tag) = tag {
        return image(&format!("{name}:{tag}"), version, upstream).await;
    }
    let found = image(name, version, upstream).await?;
    if matches!(found, Found::Yes(_)) || has_tag(name) {
        return Ok(found);
    }
    let filters = serde_json::json!({ "reference": [name] }).to_string();
    let target = format!("/v{version}/images/json?filters={}", percent::encode_path(&filters));
    match upstream.ask::<Vec<Tagged>>(&target).await? {
        Found::Yes(tagged) if !tagged.is_empty() => {
            image(tagged.first().map_or(name, |tagged| &tagged.id), version, upstream).await
        }
        _ => Ok(found),
    }
}

/// An image in a list.
#[derive(Deserialize)]
struct Tagged {
    #[serde(rename = "Id")]
    id: String,
}
