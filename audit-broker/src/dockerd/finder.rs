//! Finds the objects that a request names besides the object of its path.
//!
//! A container can get access to the host through another container, or through an existing volume. So
//! the dangers of these objects count for the request too. The finder replaces names by ids, so that no
//! other object can take a name in the meantime. It must not know who calls.

mod device;
mod filter;
mod image;
mod network;
mod platform;

use std::collections::{HashMap, HashSet};

pub(crate) use device::wanted_devices;
pub(crate) use image::{holder_of, name_pulled};

use hyper::StatusCode;

use audit_host::options::log::judge_option;

use crate::api::body::Body;
use crate::api::container::ContainerConfig;
use crate::api::host_config::HostConfig;
use crate::api::mount::Mount;
use crate::api::network::EndpointSettings;
use crate::api::operation::{
    BuildOperation, ContainerOperation, ImageOperation, Operation, SystemOperation,
};
use crate::api::request::{ApiVersion, Head};
use crate::api::service::ServiceSpec;
use crate::api::volume::VolumeCreate;
use crate::dockerd::find_error::FindError;
use crate::dockerd::host_switch::HostSwitches;
use crate::dockerd::object::{self, Container, Object};
use crate::dockerd::references::References;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::owner::is_ambiguous;
use crate::refusal::Refusal;

/// The most objects that one request may name. The finder asks dockerd once for each.
const NAMES_LIMIT: usize = 200;

/// Finds the objects that a request names, by asking dockerd.
pub(crate) struct Finder<'a> {
    version: ApiVersion,
    upstream: &'a Upstream,
    /// The objects that the finder has already asked for.
    asked: HashSet<String>,
    /// The ids of the containers found, by the names that the request uses.
    ids: HashMap<String, String>,
    /// The ids of the networks found, by the names that the request uses.
    network_ids: HashMap<String, String>,
    references: References,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(version: ApiVersion, upstream: &'a Upstream) -> Self {
        let (asked, references) = (HashSet::new(), References::default());
        let (ids, network_ids) = (HashMap::new(), HashMap::new());
        Self { version, upstream, asked, ids, network_ids, references }
    }

    /// Finds the objects that the request and its object refer to.
    ///
    /// # Errors
    /// If dockerd cannot be reached, if the request names too many objects, or if it names an object
    /// that does not exist now but could exist when dockerd uses it.
    pub(crate) async fn find(
        mut self,
        head: &mut Head,
        body: &mut Body,
        object: &Object,
    ) -> Result<References, FindError> {
        self.find_in_body(head, body, object).await?;
        self.find_in_query(head).await?;
        if let Object::Image(image) = object
            && is_ambiguous(&image.given)
        {
            return Err(image::ambiguous(&image.given).into());
        }
        self.find_names_taken(head).await?;
        if let Some(container) = object.entered(head.route.operation) {
            self.follow(&container.host_config).await?;
        }
        if self.asked.len() > NAMES_LIMIT {
            return Err(Refusal::bad_request(format!(
                "the request names more than {NAMES_LIMIT} containers, volumes and networks"
            ))
            .into());
        }
        self.references.engine = self.upstream.engine();
        Ok(self.references)
    }

    async fn find_in_body(
        &mut self,
        head: &mut Head,
        body: &mut Body,
        object: &Object,
    ) -> Result<(), FindError> {
        match body {
            Body::ContainerCreate(config) => {
                let platform = head.query.text("platform").filter(|platform| !platform.is_empty());
                self.find_of_container(config, platform).await?;
            }
            Body::NetworkConnect(connect) => {
                let endpoint = connect.endpoint_config.as_ref();
                network::refuse_another(object, endpoint)?;
                self.find_linked(endpoint).await?;
                self.find_member(&mut connect.container).await?;
                if self.references.member.is_none() {
                    return Err(no_such_container(connect.container.as_deref()).into());
                }
            }
            // A forced disconnect works even if the container no longer exists.
            Body::NetworkDisconnect(disconnect) => {
                let is_gone = self.find_member(&mut disconnect.container).await?;
                let is_by_force = is_gone && disconnect.force == Some(true);
                if self.references.member.is_none() && !is_by_force {
                    return Err(no_such_container(disconnect.container.as_deref()).into());
                }
            }
            Body::Commit(_) => {
                let mut name = head.query.text("container").map(str::to_owned);
                self.find_member(&mut name).await?;
                match (name, &self.references.member) {
                    (Some(id), Some(_)) => head.query.set("container", id),
                    (name, _) => return Err(no_such_container(name.as_deref()).into()),
                }
            }
            Body::NetworkCreate(_) => self.references.switches = HostSwitches::read(),
            Body::VolumeCreate(volume) => {
                if let Some(name) = &volume.name {
                    self.find_volume(name).await?;
                }
            }
            Body::Service(service) => self.find_of_service(service).await?,
            _ => {}
        }
        Ok(())
    }

    async fn find_in_query(&mut self, head: &mut Head) -> Result<(), FindError> {
        let operation = head.route.operation;
        if operation == Operation::Build(BuildOperation::Run) {
            self.find_of_build(head).await?;
        }
        self.find_exported(&mut head.query).await?;
        match operation {
            Operation::Container(ContainerOperation::List)
            | Operation::Image(ImageOperation::List) => self.find_of_filters(head).await,
            Operation::System(SystemOperation::Events) => {
                Ok(self.filter_by_ids(&mut head.query).await?)
            }
            _ => Ok(()),
        }
    }

    /// The objects that a new container uses.
    async fn find_of_container(
        &mut self,
        config: &mut ContainerConfig,
        platform: Option<&str>,
    ) -> Result<(), FindError> {
        if let Some(image) = &config.image {
            self.find_used_image(image, platform).await?;
        }
        let wants_devices = wanted_devices(config, self.references.images.first()).is_some();
        if wants_devices || depends_on_log_driver(config) {
            let found = object::defaults(self.version, self.upstream).await?;
            if let Found::Yes(defaults) = found {
                self.references.defaults = Some(Box::new(defaults));
            }
        }
        self.find_networks(config).await?;
        let networking = config.networking_config.as_ref();
        let endpoints = networking.and_then(|networking| networking.endpoints_config.as_ref());
        for endpoint in endpoints.into_iter().flat_map(|endpoints| endpoints.values()) {
            self.find_linked(endpoint.as_ref()).await?;
        }
        let Some(host_config) = &mut config.host_config else { return Ok(()) };
        self.find_mounted_images(host_config).await?;
        self.follow(host_config).await?;
        // A container created later under this name would be joined when the new container starts.
        if let Some(name) = joined_names(host_config).find(|name| !self.ids.contains_key(*name)) {
            return Err(no_such_container(Some(name)).into());
        }
        self.put_ids(host_config);
        let existing = self.references.volumes.iter().map(|volume| volume.name.clone());
        let mut known: HashSet<String> = existing.collect();
        for volume in volumes_to_make(host_config) {
            let name = volume.name.clone().unwrap_or_default();
            if object::is_name(&name) && known.insert(name) {
                self.references.missing_volumes.push(volume);
            }
        }
        Ok(())
    }

    /// The network in which the steps of a build run: a container's network, or a network by name or id.
    /// It must exist, because another network could get the name before a step runs.
    async fn find_of_build(&mut self, head: &mut Head) -> Result<(), FindError> {
        let mode = head.query.text("networkmode").unwrap_or_default().to_owned();
        if let Some(name) = mode.strip_prefix(JOINED) {
            let name = name.trim_start_matches('/');
            let config = HostConfig { network_mode: Some(mode.clone()), ..HostConfig::default() };
            self.follow(&config).await?;
            let Some(id) = self.ids.get(name) else {
                return Err(no_such_container(Some(name)).into());
            };
            head.query.set("networkmode", format!("{JOINED}{id}"));
        } else if !DOCKERS_NETWORKS.contains(&mode.as_str()) {
            let Some(id) = self.find_network(&mode).await? else {
                return Err(network::none(&mode).into());
            };
            head.query.set("networkmode", id);
        }
        Ok(())
    }

    /// The containers that an endpoint links to.
    async fn find_linked(&mut self, endpoint: Option<&EndpointSettings>) -> Result<(), FindError> {
        for link in endpoint.and_then(|endpoint| endpoint.links.as_ref()).into_iter().flatten() {
            let name = link.split(':').next().unwrap_or_default().trim_start_matches('/');
            if let Some(container) = self.find_container(name).await? {
                self.references.joined.push(container);
            }
            if !self.ids.contains_key(name) {
                return Err(no_such_container(Some(name)).into());
            }
        }
        Ok(())
    }

    /// Replaces the names of containers by their ids, so that dockerd joins no other containers.
    fn put_ids(&self, config: &mut HostConfig) {
        let modes = [
            &mut config.network_mode,
            &mut config.pid_mode,
            &mut config.ipc_mode,
            &mut config.cgroup,
        ];
        for mode in modes.into_iter().flatten() {
            let Some(name) = mode.strip_prefix(JOINED) else { continue };
            if let Some(id) = self.ids.get(name.trim_start_matches('/')) {
                *mode = format!("{JOINED}{id}");
            }
        }
        for from in config.volumes_from.iter_mut().flatten() {
            let (name, options) = match from.split_once(':') {
                Some((name, options)) => (name, format!(":{options}")),
                None => (from.as_str(), String::new()),
            };
            if let Some(id) = self.ids.get(name.trim_start_matches('/')) {
                *from = format!("{id}{options}");
            }
        }
    }

    /// Finds the container that the call is about, and replaces its name by its id. Returns whether
    /// dockerd reports that it does not exist.
    async fn find_member(&mut self, name: &mut Option<String>) -> Result<bool, Unreachable> {
        // docker also accepts a name that starts with `/`.
        let given = name.as_deref().map(|name| name.trim_start_matches('/'));
        let Some(given) = given.filter(|name| object::is_name(name)) else { return Ok(false) };
        match object::container(given, self.version, self.upstream).await? {
            Found::Yes(container) => {
                *name = Some(container.id.clone());
                self.references.member = Some(container);
                Ok(false)
            }
            Found::No(status, _) => Ok(status == StatusCode::NOT_FOUND),
        }
    }

    async fn find_of_service(&mut self, service: &ServiceSpec) -> Result<(), Unreachable> {
        let Some(task) = &service.task_template else { return Ok(()) };
        for network in task.networks.iter().chain(&service.networks).flatten() {
            let Some(target) = network.target.as_deref() else { continue };
            let found = target == "host" || self.is_host_network(target).await?;
            self.references.is_on_host_network |= found;
        }
        if let Some(container) = &task.container_spec {
            for name in mounted_volumes(container.mounts.as_ref()) {
                self.find_volume(name).await?;
            }
        }
        Ok(())
    }

    async fn is_host_network(&mut self, name: &str) -> Result<bool, Unreachable> {
        if !self.is_new("network", name) {
            return Ok(false);
        }
        let found = object::network(name, self.version, self.upstream).await?;
        Ok(matches!(found, Found::Yes(network) if network.name == "host"))
    }

    async fn find_volume(&mut self, name: &str) -> Result<(), Unreachable> {
        if self.is_new("volume", name) {
            let found = object::volume(name, self.version, self.upstream).await?;
            if let Found::Yes(volume) = found {
                self.references.volumes.push(volume);
            }
        }
        Ok(())
    }

    async fn find_container(&mut self, name: &str) -> Result<Option<Container>, Unreachable> {
        if !self.is_new("container", name) {
            return Ok(None);
        }
        match object::container(name, self.version, self.upstream).await? {
            Found::Yes(container) => {
                self.ids.insert(name.to_owned(), container.id.clone());
                self.references.given.insert(container.id.clone(), name.to_owned());
                Ok(Some(container))
            }
            Found::No(..) => Ok(None),
        }
    }

    /// Finds the volumes and containers that a container uses, and those that they use in turn.
    async fn follow(&mut self, config: &HostConfig) -> Result<(), Unreachable> {
        for name in volume_names(config) {
            self.find_volume(name).await?;
        }
        let mut names: Vec<String> = joined_names(config).map(str::to_owned).collect();
        while let Some(name) = names.pop() {
            let Some(container) = self.find_container(&name).await? else { continue };
            for name in volume_names(&container.host_config) {
                self.find_volume(name).await?;
            }
            names.extend(joined_names(&container.host_config).map(str::to_owned));
            self.references.joined.push(container);
        }
        Ok(())
    }

    /// Whether to ask dockerd for an object: only once, and only up to the limit.
    fn is_new(&mut self, kind: &str, name: &str) -> bool {
        object::is_name(name) && self.is_unasked(kind, name)
    }

    fn is_unasked(&mut self, kind: &str, name: &str) -> bool {
        self.asked.len() <= NAMES_LIMIT && self.asked.insert(format!("{kind} {name}"))
    }
}

/// The prefix of a mode that joins the namespace of another container.
const JOINED: &str = "container:";

/// Networks that docker creates itself, and modes that are no network.
const DOCKERS_NETWORKS: [&str; 5] = ["", "default", "bridge", "host", "none"];

fn no_such_container(name: Option<&str>) -> Refusal {
    Refusal::not_found(format!("No such container: {}", name.unwrap_or_default()))
}

/// The volumes that dockerd would create for a new container, as dockerd would create them.
fn volumes_to_make(config: &HostConfig) -> impl Iterator<Item = VolumeCreate> {
    let driver = config.volume_driver.clone().filter(|driver| !driver.is_empty());
    let binds = config.binds.iter().flatten().filter_map(|bind| bind.split_once(':'));
    let by_default = driver.clone();
    let binds = binds.map(move |(name, _)| VolumeCreate {
        name: Some(name.to_owned()),
        driver: by_default.clone(),
        ..VolumeCreate::default()
    });
    let mounts = config.mounts.iter().flatten();
    let mounts = mounts.filter(|mount| matches!(mount.kind.as_deref(), None | Some("volume")));
    let mounts = mounts.map(move |mount| {
        let options = mount.volume_options.as_ref();
        let by = options.and_then(|options| options.driver_config.as_ref());
        VolumeCreate {
            name: mount.source.clone(),
            driver: by.and_then(|driver| driver.name.clone()).or_else(|| driver.clone()),
            driver_opts: by.and_then(|driver| driver.options.clone()),
            labels: options.and_then(|options| options.labels.clone()),
            cluster_volume_spec: None,
        }
    });
    binds.chain(mounts)
}

/// The volumes that a container mounts by name. A source that is not a path is a name.
fn volume_names(config: &HostConfig) -> impl Iterator<Item = &str> {
    let binds = config.binds.iter().flatten().filter_map(|bind| bind.split_once(':'));
    binds.map(|(source, _)| source).chain(mounted_volumes(config.mounts.as_ref()))
}

fn mounted_volumes(mounts: Option<&Vec<Mount>>) -> impl Iterator<Item = &str> {
    mounts.into_iter().flatten().filter_map(|mount| {
        let is_volume = matches!(mount.kind.as_deref(), None | Some("volume"));
        mount.source.as_deref().filter(|_| is_volume)
    })
}

/// The containers whose namespaces a container joins or whose volumes it uses. docker also accepts names
/// that start with `/`.
fn joined_names(config: &HostConfig) -> impl Iterator<Item = &str> {
    let modes = [&config.network_mode, &config.pid_mode, &config.ipc_mode, &config.cgroup];
    let joined = modes.into_iter().filter_map(|mode| mode.as_deref()?.strip_prefix(JOINED));
    let used = config.volumes_from.iter().chain(&config.links).flatten();
    let names = joined.chain(used.filter_map(|from| from.split(':').next()));
    names.map(|name| name.trim_start_matches('/'))
}

/// Whether the effect of a new container's log options depends on docker's default log driver.
fn depends_on_log_driver(config: &ContainerConfig) -> bool {
    let log = config.host_config.as_ref().and_then(|config| config.log_config.as_ref());
    log.is_some_and(|log| {
        let mut options = log.config.iter().flatten();
        log.driver.as_deref().unwrap_or_default().is_empty()
            && options.any(|(name, value)| !judge_option("", name, value).is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_containers_are_found_in_every_field() {
        let config = serde_json::json!({
            "NetworkMode": "container:/a",
            "PidMode": "host",
            "IpcMode": "container:b",
            "Cgroup": "container:e",
            "VolumesFrom": ["/c:ro", "d"],
        });
        let config: HostConfig = serde_json::from_value(config).unwrap();
        assert_eq!(joined_names(&config).collect::<Vec<_>>(), ["a", "b", "e", "c", "d"]);
    }
}
