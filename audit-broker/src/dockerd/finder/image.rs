//! Finds the images that a request names, and the current holders of the names that it gives.

use std::collections::HashSet;

use audit_host::image_name::{full_name, has_tag, is_ambiguous, no_such_image, repository_and_tag};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{Finder, NAMES_LIMIT, missing, platform};
use crate::api::host_config::HostConfig;
use crate::api::mount::Mount;
use crate::api::operation::{BuildOperation, ContainerOperation, ImageOperation, Operation};
use crate::api::query_json;
use crate::api::request::{ApiVersion, Head, Query, percent};
use crate::dockerd::find_error::FindError;
use crate::dockerd::object::{self, Image};
use crate::dockerd::references::{ANY_NAME, Mention, NameHolder, NameTaken};
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::refusal::{self, Refusal};

impl Finder<'_> {
    /// Finds the names that a call gives to images, and the current holder of each.
    pub(super) async fn find_names_taken(&mut self, head: &Head) -> Result<(), FindError> {
        let query = &head.query;
        if query.text("fromImage").is_some() && query.text("fromSrc").is_some() {
            let message = "`fromImage` pulls and `fromSrc` imports; leave one out";
            return Err(Refusal::bad_request(message.to_owned()).into());
        }
        let names = ["repo", "fromImage", "t"].into_iter().flat_map(|key| query.all(key));
        if let Some(name) = names.into_iter().find(|name| is_ambiguous(name)) {
            return Err(ambiguous(name).into());
        }
        let repository = query.text("repo").unwrap_or_default();
        if has_tag(repository) && query.text("tag").is_some() {
            return Err(Refusal::bad_request(format!(
                "`{}` has a tag already, and `tag` gives another; leave one out",
                repository.escape_debug()
            ))
            .into());
        }
        // docker treats a repeated name as one.
        let mut names = names_taken(head);
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if names.len() > NAMES_LIMIT {
            return Err(Refusal::bad_request(format!(
                "the request gives more than {NAMES_LIMIT} names to an image"
            ))
            .into());
        }
        for name in names {
            self.find_holder(name).await?;
        }
        if let Some(name) = name_pulled(head) {
            let holder = match name.as_str() {
                ANY_NAME => NameHolder::Unknown,
                name => holder_of(name, self.version, self.upstream).await?,
            };
            self.references.name_pulled = Some(NameTaken { name, holder });
        }
        Ok(())
    }

    /// Finds the images that a call exports by name. For a name without a tag, dockerd exports all tags of
    /// the name, so the tags replace the name. A name without an image is refused, because an image could
    /// get the name before dockerd looks for it.
    pub(super) async fn find_exported(&mut self, query: &mut Query) -> Result<(), FindError> {
        let given: Vec<String> = query.all("names").map(str::to_owned).collect();
        let mut exported = Vec::new();
        for name in given {
            if is_ambiguous(&name) {
                return Err(ambiguous(&name).into());
            }
            for tag in self.tags_meant(&name).await? {
                if !self.is_first_question("image", &tag) {
                    continue;
                }
                let Some(image) = self.find_image(&tag).await? else {
                    return Err(Refusal::not_found(no_such_image(&name)).into());
                };
                exported.push(image.exported(&tag));
                self.references.given.insert(image.id.clone(), name.clone());
                self.references.images.push(image);
            }
        }
        query.set_all("names", exported);
        Ok(())
    }

    /// All tags that a name without a tag stands for; otherwise the name itself.
    async fn tags_meant(&self, name: &str) -> Result<Vec<String>, Unreachable> {
        let mut tags = Vec::new();
        let full = full_name(name);
        let (repository, _) = repository_and_tag(&full);
        if may_be_image(name) && !has_tag(name) {
            let filters = json!({ "reference": { repository: true } }).to_string();
            let filters = percent::encode_path(&filters);
            let target = format!("/v{}/images/json?filters={filters}", self.version);
            if let Found::Yes(listed) = self.upstream.ask::<Vec<Tags>>(&target).await? {
                tags = listed.into_iter().flat_map(|tags| tags.tags.unwrap_or_default()).collect();
                tags.retain(|tag| repository_and_tag(tag).0 == repository);
            }
        }
        if tags.is_empty() {
            tags.push(name.to_owned());
        }
        Ok(tags)
    }

    async fn find_image(&self, name: &str) -> Result<Option<Image>, Unreachable> {
        if !may_be_image(name) {
            return Ok(None);
        }
        Ok(match object::image(name, self.version, self.upstream).await? {
            Found::Yes(image) => Some(image),
            Found::No(..) => None,
        })
    }

    /// Finds the image of a new container, or notes dockerd's response if the image does not exist.
    pub(super) async fn find_used_image(
        &mut self,
        name: &str,
        platform: Option<&str>,
    ) -> Result<(), Unreachable> {
        if !may_be_image(name) {
            return Ok(());
        }
        let mut found = object::image(name, self.version, self.upstream).await?;
        match (&mut found, platform) {
            (Found::Yes(image), Some(platform)) => {
                found = platform::variant(image, platform, self.upstream).await?;
            }
            // The text that docker clients get when they create a container.
            (Found::No(StatusCode::NOT_FOUND, answer), _) => {
                let message = no_such_image(name);
                *answer = refusal::document(&message);
            }
            (Found::Yes(_), None) | (Found::No(..), _) => {}
        }
        match found {
            Found::Yes(image) => self.references.images.push(image),
            Found::No(status, answer) => self.references.missing_image = Some((status, answer)),
        }
        Ok(())
    }

    /// Adds the ids of images to an event filter by image name. The broker creates containers by image
    /// id, so their events show the id.
    pub(super) async fn filter_by_ids(&mut self, query: &mut Query) -> Result<(), Unreachable> {
        let names = query_json::filtered_by(query.text("filters"), "image");
        let mut ids = Vec::new();
        for name in names.into_iter().flatten() {
            if may_be_image(&name)
                && self.is_first_question("image", &name)
                && let Found::Yes(image) = object::image(&name, self.version, self.upstream).await?
            {
                ids.push(image.id);
            }
        }
        if !ids.is_empty() {
            let filters = query_json::with_all(query.text("filters"), "image", ids);
            query.set("filters", filters);
        }
        Ok(())
    }

    /// Finds the image that currently has a name. Beyond the limit of names, the holder is unknown.
    async fn find_holder(&mut self, name: String) -> Result<(), Unreachable> {
        let holder = if self.is_first_question("name", &name) {
            holder_of(&name, self.version, self.upstream).await?
        } else {
            NameHolder::Unknown
        };
        self.references.names_taken.push(NameTaken { name, holder });
        Ok(())
    }

    /// Finds the images that a new container mounts, and replaces their names by ids.
    ///
    /// # Errors
    /// If an image does not exist: another image could get the name before it is mounted.
    pub(super) async fn find_mounted_images(
        &mut self,
        config: &mut HostConfig,
    ) -> Result<(), FindError> {
        for mount in config.mounts.iter_mut().flatten().filter(|mount| is_image(mount)) {
            let name = mount.source.clone().unwrap_or_default();
            if !may_be_image(&name) || self.references.mounted_images.len() > NAMES_LIMIT {
                return Err(missing(Mention::MountedImage, &name).into());
            }
            let Found::Yes(image) = object::image(&name, self.version, self.upstream).await? else {
                return Err(missing(Mention::MountedImage, &name).into());
            };
            mount.source = Some(image.id.clone());
            self.references.mention(&image.id, &name, Mention::MountedImage);
            self.references.mounted_images.push(image);
        }
        Ok(())
    }
}

/// The refusal of a name that docker itself can read in two ways.
pub(crate) fn ambiguous(name: &str) -> Refusal {
    Refusal::bad_request(format!(
        "`{}`: what follows `docker.io/` must not look like a registry",
        name.escape_debug()
    ))
}

/// Finds the current holder of an image name.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn holder_of(
    name: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<NameHolder, Unreachable> {
    if !may_be_image(name) {
        return Ok(NameHolder::Unknown);
    }
    Ok(match object::image(name, version, upstream).await? {
        Found::Yes(image) => NameHolder::Image(Box::new(image)),
        Found::No(StatusCode::NOT_FOUND, _) => NameHolder::Unused,
        Found::No(..) => NameHolder::Unknown,
    })
}

/// The name with the tag of the query, as docker writes it.
fn with_tag(name: &str, query: &Query) -> String {
    match query.text("tag") {
        Some(tag) => full_name(&format!("{name}:{tag}")),
        None => full_name(name),
    }
}

/// The names that a call gives to images, as docker writes them.
fn names_taken(head: &Head) -> Vec<String> {
    let query = &head.query;
    match head.route.operation {
        Operation::Build(BuildOperation::Run) => query.all("t").map(full_name).collect(),
        Operation::Image(ImageOperation::Load) => vec![ANY_NAME.to_owned()],
        Operation::Image(ImageOperation::Pull | ImageOperation::Tag) => {
            query.text("repo").map(|name| with_tag(name, query)).into_iter().collect()
        }
        Operation::Container(operation) => name_committed(operation, query).into_iter().collect(),
        Operation::System(_)
        | Operation::Registry(_)
        | Operation::Build(
            BuildOperation::Prune
            | BuildOperation::Cancel
            | BuildOperation::Session
            | BuildOperation::Grpc,
        )
        | Operation::Exec(_)
        | Operation::Image(
            ImageOperation::List
            | ImageOperation::Save
            | ImageOperation::Inspect
            | ImageOperation::History
            | ImageOperation::Attestations
            | ImageOperation::Push
            | ImageOperation::Remove
            | ImageOperation::Prune,
        )
        | Operation::Volume(_)
        | Operation::Network(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => Vec::new(),
    }
}

/// The name that a commit gives to the new image.
fn name_committed(operation: ContainerOperation, query: &Query) -> Option<String> {
    match operation {
        ContainerOperation::Commit => query.text("repo").map(|name| with_tag(name, query)),
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
        | ContainerOperation::Stop
        | ContainerOperation::Restart
        | ContainerOperation::Kill
        | ContainerOperation::Pause
        | ContainerOperation::Unpause
        | ContainerOperation::Wait
        | ContainerOperation::Update
        | ContainerOperation::Rename
        | ContainerOperation::Remove
        | ContainerOperation::Prune
        | ContainerOperation::Attach
        | ContainerOperation::AttachWs
        | ContainerOperation::Resize => None,
    }
}

/// The name that a pulled image gets; `None` if the call pulls by digest. A call without a tag pulls
/// all tags of the repository.
pub(crate) fn name_pulled(head: &Head) -> Option<String> {
    let name = head
        .query
        .text("fromImage")
        .filter(|_| head.route.operation == Operation::Image(ImageOperation::Pull))?;
    match head.query.text("tag") {
        Some(tag) if tag.contains(':') => None,
        Some(tag) => Some(full_name(&format!("{name}:{tag}"))),
        None if name.contains('@') => None,
        None if has_tag(name) => Some(full_name(name)),
        None => Some(ANY_NAME.to_owned()),
    }
}

/// The tags of an image in a list.
#[derive(Deserialize)]
struct Tags {
    #[serde(rename = "RepoTags", default)]
    tags: Option<Vec<String>>,
}

fn is_image(mount: &Mount) -> bool {
    mount.kind.as_deref() == Some("image")
}

/// Whether the name is safe in the path of a request to dockerd.
pub(super) fn may_be_image(name: &str) -> bool {
    !name.is_empty() && !name.split('/').any(|part| part.starts_with('.'))
}
