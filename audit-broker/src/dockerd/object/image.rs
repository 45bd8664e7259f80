//! Images, as dockerd describes them.

use std::collections::BTreeMap;

use audit_host::image_name::{full_name, has_tag, is_ambiguous, repository_and_tag};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::container::CreatedConfig;
use crate::api::container::HealthConfig;
use crate::api::request::{ApiVersion, percent};
use crate::api::string_list::StringList;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};

/// An image as it was when the call arrived.
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
    config: Option<CreatedConfig>,
}

/// An image, with the name that the client uses for it.
#[derive(Debug)]
pub(crate) struct NamedImage {
    pub(crate) given: String,
    pub(crate) image: Image,
}

impl Image {
    /// All names of the image: `fedora:latest`, `fedora@sha256:...`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.repo_tags.iter().chain(&self.repo_digests).flatten().map(String::as_str)
    }

    /// Whether the image has only this tag, and only digests in the same repository.
    ///
    /// # Source
    /// `isSingleReference` in `daemon/images/image_delete.go` of moby.
    pub(crate) fn has_only_name(&self, name: &str) -> bool {
        let (repository, _) = repository_and_tag(name);
        let mut digests = self.repo_digests.iter().flatten();
        self.tags() == [name] && digests.all(|digest| digest.split('@').next() == Some(repository))
    }

    /// The full tag that a client means by a name; `None` if the image has no such tag.
    pub(crate) fn tag_of(&self, name: &str) -> Option<String> {
        let full = full_name(name);
        (self.tags().contains(&full) && !is_ambiguous(name)).then_some(full)
    }

    /// The name for which dockerd exports this image alone. For a name without a tag, dockerd exports all
    /// tags of that name.
    ///
    /// # Source
    /// `parseNames` in `image/tarexport/save.go` of moby.
    pub(crate) fn exported(&self, name: &str) -> String {
        let by_digest = name.contains('@').then(|| name.to_owned());
        self.tag_of(name).or(by_digest).unwrap_or_else(|| self.id.clone())
    }

    /// The names of the image that have a tag, as docker writes them.
    pub(crate) fn tags(&self) -> &[String] {
        self.repo_tags.as_deref().unwrap_or_default()
    }

    pub(crate) fn labels(&self) -> Option<&BTreeMap<String, String>> {
        self.config.as_ref()?.labels.as_ref()
    }

    /// The configuration of this image, with the id and names of another.
    pub(crate) fn within(self, other: &Self) -> Self {
        Self { config: self.config, ..other.clone() }
    }

    /// The default entry point, and its default arguments.
    pub(crate) fn command(&self) -> (&[String], &[String]) {
        let config = self.config.as_ref();
        let entrypoint = config.and_then(|config| config.entrypoint.as_ref());
        let arguments = config.and_then(|config| config.cmd.as_ref());
        (words_of(entrypoint), words_of(arguments))
    }

    /// The paths at which each container of the image gets an anonymous volume.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = &String> {
        let volumes = self.config.as_ref().and_then(|config| config.volumes.as_ref());
        volumes.into_iter().flat_map(Map::keys)
    }

    /// The command of the default health check.
    pub(crate) fn health_check(&self) -> &[String] {
        let health = self.config.as_ref().and_then(|config| config.healthcheck.as_ref());
        health.and_then(|health| health.test.as_deref()).unwrap_or_default()
    }

    /// The default health check, with its intervals and timeouts.
    pub(crate) fn health(&self) -> Option<&HealthConfig> {
        self.config.as_ref()?.healthcheck.as_ref()
    }

    /// The default working directory.
    pub(crate) fn working_directory(&self) -> &str {
        self.config.as_ref().and_then(|config| config.working_dir.as_deref()).unwrap_or_default()
    }

    /// The default environment.
    pub(crate) fn environment(&self) -> &[String] {
        let environment = self.config.as_ref().and_then(|config| config.env.as_ref());
        environment.map_or(&[], Vec::as_slice)
    }

    /// The default user.
    pub(crate) fn user(&self) -> &str {
        self.config.as_ref().and_then(|config| config.user.as_deref()).unwrap_or_default()
    }
}

fn words_of(words: Option<&StringList>) -> &[String] {
    words.map_or(&[], |words| &words.0)
}

/// Finds an image by its name, its id or the beginning of its id.
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

/// Finds the variant of an image for a platform, by the image's id.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn image_for(
    id: &str,
    platform: &Value,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Image>, Unreachable> {
    let platform = percent::encode_path(&platform.to_string());
    let id = percent::encode_path(id);
    upstream.ask(&format!("/v{version}/images/{id}/json?platform={platform}")).await
}

/// Finds the image that a call pushes. A push without a tag pushes every tag of the repository; then
/// this is one of the images.
pub(super) async fn pushed(
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
        Found::Yes(_) | Found::No(..) => Ok(found),
    }
}

/// An image in a list.
#[derive(Deserialize)]
struct Tagged {
    #[serde(rename = "Id")]
    id: String,
}
