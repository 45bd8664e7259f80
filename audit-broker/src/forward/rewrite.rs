//! Rewrites a request before dockerd gets it.
//!
//! The broker puts a label with the owner on each new object. It replaces the name of an image with the
//! id of the image that was judged, so that dockerd does not use another image that takes the name. It
//! withholds options that the caller may not set, and limits a call to what the caller may reach.

use std::collections::BTreeMap;

use audit_host::image_name::has_tag;

use crate::api::body::Body;
use crate::api::container::ContainerConfig;
use crate::api::operation::{
    BuildOperation, ContainerOperation, ImageOperation, NetworkOperation, Operation,
    VolumeOperation,
};
use crate::api::query_json;
use crate::api::request::Query;
use crate::api::service::ServiceSpec;
use crate::call::plan::Plan;
use crate::dockerd::object::{Container, Image};
use crate::dockerd::references::References;
use crate::judge::action::Action;
use crate::judge::build_cache;
use crate::judge::permissions::{Permissions, Reach};
use crate::judge::withheld::Withheld;
use crate::owner::{
    IMAGE_LABEL, LABEL, LABEL_PREFIX, Owner, OwnerTable, refuse_broker_labels, refuse_oversized,
    stamp,
};
use crate::refusal::Refusal;

/// What a rewrite depends on, besides the request.
pub(crate) struct Rewriter<'a> {
    pub(crate) permissions: Permissions<'a>,
    pub(crate) owners: &'a OwnerTable,
    /// The options that the broker withholds from a new container.
    pub(crate) withheld: &'a [Withheld],
}

impl Rewriter<'_> {
    /// Rewrites the request, and plans how the broker serves it.
    ///
    /// # Errors
    /// If the client sets labels of the broker, or if the broker cannot limit the call to what the
    /// caller may reach.
    pub(crate) fn rewrite(&self, action: &mut Action) -> Result<Plan, Refusal> {
        self.rewrite_body(action)?;
        match action.head.route.operation {
            Operation::Container(operation) => self.container(operation, action),
            Operation::Image(operation) => self.image(operation, action),
            Operation::Build(BuildOperation::Run) => self.build(action),
            Operation::Volume(VolumeOperation::Prune) => {
                Ok(self.prune_by_label(action, Reach::RemoveVolumes))
            }
            Operation::Network(NetworkOperation::Prune) => {
                Ok(self.prune_by_label(action, Reach::RemoveNetworks))
            }
            Operation::Volume(_)
            | Operation::Network(_)
            | Operation::Build(_)
            | Operation::Exec(_)
            | Operation::System(_)
            | Operation::Registry(_)
            | Operation::Plugin(_)
            | Operation::Swarm(_) => Ok(Plan::default()),
        }
    }

    fn rewrite_body(&self, action: &mut Action) -> Result<(), Refusal> {
        let (owner, references) = (&action.owner, &mut action.references);
        match &mut action.body {
            Body::ContainerCreate(config) => {
                self.new_container(config, owner, references)?;
            }
            Body::VolumeCreate(volume) => stamp(&mut volume.labels, owner)?,
            Body::NetworkCreate(network) => {
                stamp(&mut network.labels, owner)?;
                // Before API 1.44, dockerd makes a second network of the name unless it is told not to.
                network.check_duplicate = Some(true);
            }
            Body::Commit(config) => hide_broker_labels(config, references.member.as_ref()),
            Body::Service(service) => refuse_broker_labels_in_service(service)?,
            // The other bodies create no object with labels.
            Body::None
            | Body::Stream
            | Body::Auth(_)
            | Body::ContainerUpdate(_)
            | Body::ExecCreate(_)
            | Body::ExecStart(_)
            | Body::VolumeUpdate(_)
            | Body::NetworkConnect(_)
            | Body::NetworkDisconnect(_)
            | Body::PluginPrivileges(_)
            | Body::PluginSet(_)
            | Body::SwarmInit(_)
            | Body::SwarmJoin(_)
            | Body::SwarmUpdate(_)
            | Body::SwarmUnlock(_)
            | Body::NodeUpdate(_)
            | Body::Secret(_)
            | Body::Config(_) => {}
        }
        Ok(())
    }

    fn new_container(
        &self,
        config: &mut ContainerConfig,
        owner: &Owner,
        references: &mut References,
    ) -> Result<(), Refusal> {
        let of_image = references.images.first().and_then(Image::labels);
        refuse_oversized(config.labels.iter().chain(of_image).flatten())?;
        stamp(&mut config.labels, owner)?;
        let host_config = config.host_config.iter();
        let mounts = host_config.filter_map(|host_config| host_config.mounts.as_ref()).flatten();
        let options = mounts.filter_map(|mount| mount.volume_options.as_ref());
        for labels in options.filter_map(|options| options.labels.as_ref()) {
            refuse_broker_labels(labels.keys())?;
        }
        if let Some(image) = references.images.first() {
            let given = config.image.replace(image.id.clone());
            let labels = config.labels.get_or_insert_default();
            labels.insert(IMAGE_LABEL.to_owned(), given.unwrap_or_default());
        }
        for withheld in self.withheld {
            withheld.take_from(config.host_config.get_or_insert_default());
        }
        for volume in &mut references.missing_volumes {
            stamp(&mut volume.labels, owner)?;
        }
        Ok(())
    }

    fn container(
        &self,
        operation: ContainerOperation,
        action: &mut Action,
    ) -> Result<Plan, Refusal> {
        match operation {
            ContainerOperation::List => Ok(limit_list(&mut action.head.query)),
            ContainerOperation::Commit => {
                Ok(Plan { broker_names_image: broker_names_image(action), ..Plan::default() })
            }
            ContainerOperation::Prune => self.prune_one_by_one(action, Reach::RemoveContainers),
            ContainerOperation::Create
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
            | ContainerOperation::Attach
            | ContainerOperation::AttachWs
            | ContainerOperation::Resize => Ok(Plan::default()),
        }
    }

    fn image(&self, operation: ImageOperation, action: &mut Action) -> Result<Plan, Refusal> {
        match operation {
            ImageOperation::Pull => {
                self.mark_cache(action);
                let is_import = action.head.query.text("fromSrc").is_some();
                Ok(Plan {
                    broker_names_image: is_import && broker_names_image(action),
                    ..Plan::default()
                })
            }
            ImageOperation::Load => {
                self.mark_cache(action);
                let reads_archive = action.references.names_taken.is_empty();
                Ok(Plan { reads_archive, ..Plan::default() })
            }
            ImageOperation::Push => self.push(action),
            ImageOperation::Remove => {
                // dockerd would also remove layers that other images share with this image.
                if action.head.query.text("platforms").is_some()
                    && !self.permissions.may_reach_all(Reach::RemoveImages)
                {
                    return Err(Refusal::forbidden(
                        "query platforms (flag --platform)",
                        "`platforms` requires permission to remove any image, and no policy gives it",
                        "leave it out",
                    ));
                }
                Ok(Plan::default())
            }
            ImageOperation::Prune => self.prune_one_by_one(action, Reach::RemoveImages),
            ImageOperation::List
            | ImageOperation::Save
            | ImageOperation::Inspect
            | ImageOperation::History
            | ImageOperation::Attestations
            | ImageOperation::Tag => Ok(Plan::default()),
        }
    }

    /// Records that the caller may have added to the build cache: dockerd may use a pulled or loaded image
    /// as a cached step of a build.
    fn mark_cache(&self, action: &Action) {
        if build_cache::trusts_pulled(action.references.engine)
            && !self.permissions.may_take_every_name()
        {
            build_cache::mark(self.owners, &action.owner);
        }
    }

    /// Without a tag, dockerd pushes all tags that the name has at that time.
    fn push(&self, action: &Action) -> Result<Plan, Refusal> {
        let head = &action.head;
        let is_of_all_tags = head.query.text("tag").is_none()
            && !has_tag(head.object.as_deref().unwrap_or_default());
        if is_of_all_tags && !self.permissions.may_reach_all(Reach::PushImages) {
            return Err(Refusal::forbidden(
                "docker push without a tag (flag --all-tags)",
                "pushing all tags requires permission to push any image, and no policy gives it",
                "specify a tag",
            ));
        }
        Ok(Plan::default())
    }

    fn build(&self, action: &mut Action) -> Result<Plan, Refusal> {
        let query = &mut action.head.query;
        let labels = query.text("labels").and_then(|labels| serde_json::from_str(labels).ok());
        let labels: BTreeMap<String, Option<String>> = labels.unwrap_or_default();
        refuse_broker_labels(labels.keys())?;
        let none = String::new();
        let texts = labels.iter().map(|(name, value)| (name, value.as_ref().unwrap_or(&none)));
        refuse_oversized(texts)?;
        if build_cache::is_classic(query) {
            self.keep_cache_apart(&action.owner, query)?;
        } else if build_cache::is_plain_buildkit(query) {
            build_cache::refuse_buildkit(self.permissions.may_take_every_name())?;
        }
        Ok(Plan { broker_names_image: broker_names_image(action), ..Plan::default() })
    }

    /// Keeps the build cache of trusted callers apart. An ordinary caller's build marks the cache as
    /// shared. A trusted caller's build does not use a shared cache.
    ///
    /// # Errors
    /// If the build has an option that is not part of the cache key.
    fn keep_cache_apart(&self, owner: &Owner, query: &mut Query) -> Result<(), Refusal> {
        let is_trusted = self.permissions.may_take_every_name();
        if is_trusted && build_cache::is_shared(self.owners, owner) {
            query.set("nocache", "1".to_owned());
        } else if !is_trusted {
            build_cache::refuse_uncached(query)?;
            build_cache::mark(self.owners, owner);
        }
        Ok(())
    }

    /// Limits a prune to the caller's own objects, by a filter for the broker's label.
    fn prune_by_label(&self, action: &mut Action, reach: Reach) -> Plan {
        let only_own = !self.permissions.may_reach_all(reach);
        if only_own {
            let owner = format!("{LABEL}={}", action.owner);
            let query = &mut action.head.query;
            let filters = query_json::with(query.text("filters"), "label", &owner);
            query.set("filters", filters);
        }
        Plan { only_own, ..Plan::default() }
    }

    /// Plans a prune in which the broker removes the caller's own objects one by one. A label filter
    /// is no proof of ownership here: an image may carry any label, and its containers inherit it.
    ///
    /// # Errors
    /// If the caller filters by age, since lists have no such filter.
    fn prune_one_by_one(&self, action: &Action, reach: Reach) -> Result<Plan, Refusal> {
        let only_own = !self.permissions.may_reach_all(reach);
        let filters = action.head.query.text("filters");
        if only_own && query_json::filtered_by(filters, "until").is_some() {
            return Err(Refusal::bad_request(
                "the filter `until` requires permission to remove any object; leave it out",
            ));
        }
        Ok(Plan { only_own, ..Plan::default() })
    }
}

/// Keeps the values of the broker's labels out of an image that dockerd commits. dockerd copies each label
/// of the container that the request does not set, and it has no way to leave one out.
///
/// # Source
/// `merge` in `daemon/commit.go` of moby.
fn hide_broker_labels(config: &mut ContainerConfig, container: Option<&Container>) {
    let labels = container.into_iter().flat_map(|container| container.labels().keys());
    for name in labels.filter(|name| name.starts_with(LABEL_PREFIX)) {
        config.labels.get_or_insert_default().insert(name.clone(), String::new());
    }
}

/// The tasks of a service are containers and volumes with the service's labels. The broker does not label
/// them with an owner, so a request must not set the broker's labels on them.
fn refuse_broker_labels_in_service(service: &ServiceSpec) -> Result<(), Refusal> {
    let container = service.task_template.as_ref().and_then(|task| task.container_spec.as_ref());
    let of_container = container.and_then(|container| container.labels.as_ref());
    let mounts = container.and_then(|container| container.mounts.as_ref()).into_iter().flatten();
    let options = mounts.filter_map(|mount| mount.volume_options.as_ref());
    let of_volumes = options.filter_map(|options| options.labels.as_ref());
    let labels = service.labels.iter().chain(of_container).chain(of_volumes);
    refuse_broker_labels(labels.flat_map(|labels| labels.keys()))
}

/// Whether the broker itself names the image that a call makes. The classic builder, a
/// commit and an import leave that to the broker.
fn broker_names_image(action: &Action) -> bool {
    !action.references.names_taken.is_empty() && build_cache::is_classic(&action.head.query)
}

/// Takes the limit out of a list, so that the broker applies it: dockerd would also count containers
/// that the caller may not see. In dockerd, a limit also lists stopped containers.
fn limit_list(query: &mut Query) -> Plan {
    let limit = query.take("limit").and_then(|limit| limit.parse().ok());
    let limit = limit.filter(|limit| *limit > 0);
    if limit.is_some() {
        query.set("all", "1".to_owned());
    }
    Plan { limit, ..Plan::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_brings_no_label_of_the_broker() {
        let own = json!({ LABEL: "login:1001:alice" });
        let mount = |labels| json!([{"Type": "volume", "VolumeOptions": {"Labels": labels}}]);
        for (service, is_refused) in [
            (json!({"Labels": own}), true),
            (json!({"TaskTemplate": {"ContainerSpec": {"Labels": own}}}), true),
            (json!({"TaskTemplate": {"ContainerSpec": {"Mounts": mount(own.clone())}}}), true),
            (json!({"TaskTemplate": {"ContainerSpec": {"Labels": {"a": "b"}}}}), false),
            (json!({}), false),
        ] {
            let spec = serde_json::from_value(service.clone()).unwrap();
            assert_eq!(refuse_broker_labels_in_service(&spec).is_err(), is_refused, "{service}");
        }
    }
}
