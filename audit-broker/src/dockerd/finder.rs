//! Finds the objects that a request names besides the object of its path.
//!
//! A container can get access to the host through another container, or through an existing volume. So
//! the dangers of these objects count for the request too. The finder replaces names by ids, so that no
//! other object can take a name in the meantime. It must not know who calls.

mod defaults;
mod device;
mod filter;
mod image;
mod joined;
mod network;
mod platform;

use std::collections::{HashMap, HashSet, VecDeque};

pub(crate) use device::wanted_devices;
pub(crate) use image::{ambiguous, holder_of, name_pulled};
pub(crate) use joined::JOINED;
use joined::{bare, joined_names};

use audit_host::image_name::is_ambiguous;
use hyper::StatusCode;

use crate::api::body::Body;
use crate::api::container::ContainerConfig;
use crate::api::host_config::HostConfig;
use crate::api::mount::Mount;
use crate::api::network::{EndpointSettings, NetworkConnect};
use crate::api::operation::{
    BuildOperation, ContainerOperation, ImageOperation, Operation, SystemOperation,
};
use crate::api::request::{ApiVersion, Head};
use crate::api::service::ServiceSpec;
use crate::api::volume::VolumeCreate;
use crate::dockerd::find_error::FindError;
use crate::dockerd::host_sysctl::HostSysctls;
use crate::dockerd::object::{self, Container, Object};
use crate::dockerd::references::{Mention, References};
use crate::dockerd::taken_subnets::taken_subnets;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
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
        let (asked, ids, network_ids, references) = Default::default();
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
        self.find_linking(head).await?;
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
                network::refuse_other_network(object, connect.endpoint_config.as_ref())?;
                self.find_connected(connect).await?;
            }
            // A forced disconnect works even if the container no longer exists.
            Body::NetworkDisconnect(disconnect) => {
                let is_gone = self.find_member(&mut disconnect.container).await?;
                let is_by_force = is_gone && disconnect.force == Some(true);
                if self.references.member.is_none() && !is_by_force {
                    return Err(no_such_container(disconnect.container.as_deref()).into());
                }
            }
            Body::Commit(_) => self.find_committed(head).await?,
            Body::NetworkCreate(network) => {
                self.references.host_sysctls = HostSysctls::read();
                self.references.taken_subnets =
                    taken_subnets(network, self.version, self.upstream).await?;
            }
            Body::VolumeCreate(volume) => {
                if let Some(name) = &volume.name {
                    self.find_volume(name).await?;
                }
            }
            Body::Service(service) => self.find_of_service(service).await?,
            // These bodies name no object that dockerd must find.
            Body::None
            | Body::Stream
            | Body::Auth(_)
            | Body::ContainerUpdate(_)
            | Body::ExecCreate(_)
            | Body::ExecStart(_)
            | Body::VolumeUpdate(_)
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

    /// The container that a call connects to a network, with the containers that it links to.
    async fn find_connected(&mut self, connect: &mut NetworkConnect) -> Result<(), FindError> {
        self.find_linked(connect.endpoint_config.as_ref()).await?;
        self.find_member(&mut connect.container).await?;
        if self.references.member.is_none() {
            return Err(no_such_container(connect.container.as_deref()).into());
        }
        Ok(())
    }

    /// The container of which a call makes an image.
    async fn find_committed(&mut self, head: &mut Head) -> Result<(), FindError> {
        let mut name = head.query.text("container").map(str::to_owned);
        self.find_member(&mut name).await?;
        match (name, &self.references.member) {
            (Some(id), Some(_)) => head.query.set("container", id),
            (name, _) => return Err(no_such_container(name.as_deref()).into()),
        }
        Ok(())
    }

    /// The container whose alias for another the request removes.
    async fn find_linking(&mut self, head: &Head) -> Result<(), FindError> {
        let Some((linking, _)) = head.link_removed() else { return Ok(()) };
        self.find_member(&mut Some(linking.to_owned())).await?;
        match &self.references.member {
            Some(_) => Ok(()),
            None => Err(no_such_container(Some(linking)).into()),
        }
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
            Operation::System(_)
            | Operation::Registry(_)
            | Operation::Build(_)
            | Operation::Container(_)
            | Operation::Exec(_)
            | Operation::Image(_)
            | Operation::Volume(_)
            | Operation::Network(_)
            | Operation::Plugin(_)
            | Operation::Swarm(_) => Ok(()),
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
        if defaults::matter(config, self.references.images.first()) {
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
        let mut joined = joined_names(host_config);
        if let Some((mention, name)) = joined.find(|(_, name)| !self.ids.contains_key(bare(name))) {
            return Err(missing(mention, name).into());
        }
        drop(joined);
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
            let name = bare(name);
            let config = HostConfig { network_mode: Some(mode.clone()), ..HostConfig::default() };
            self.follow(&config).await?;
            let Some(id) = self.ids.get(name) else {
                return Err(Refusal::not_found(Mention::JoinedAtStart.missing(name)).into());
            };
            head.query.set("networkmode", format!("{JOINED}{id}"));
        } else if !DOCKERS_NETWORKS.contains(&mode.as_str()) {
            let Some(id) = self.find_network(&mode).await? else {
                return Err(Refusal::not_found(Mention::Network.missing(&mode)).into());
            };
            head.query.set("networkmode", id);
        }
        Ok(())
    }

    /// The containers that an endpoint links to.
    async fn find_linked(&mut self, endpoint: Option<&EndpointSettings>) -> Result<(), FindError> {
        for link in endpoint.and_then(|endpoint| endpoint.links.as_ref()).into_iter().flatten() {
            let name = link.split(':').next().unwrap_or_default();
            if let Some(container) = self.find_container(Mention::JoinedAtStart, name).await? {
                self.references.joined.push(container);
            }
            if !self.ids.contains_key(bare(name)) {
                return Err(missing(Mention::JoinedAtStart, name).into());
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
            if let Some(id) = self.ids.get(bare(name)) {
                *mode = format!("{JOINED}{id}");
            }
        }
        for from in config.volumes_from.iter_mut().flatten() {
            let (name, options) = match from.split_once(':') {
                Some((name, options)) => (name, format!(":{options}")),
                None => (from.as_str(), String::new()),
            };
            if let Some(id) = self.ids.get(bare(name)) {
                *from = format!("{id}{options}");
            }
        }
    }

    /// Finds the container that the call is about, and replaces its name by its id. Returns whether
    /// dockerd reports that it does not exist.
    async fn find_member(&mut self, name: &mut Option<String>) -> Result<bool, Unreachable> {
        // docker also accepts a name that starts with `/`.
        let given = name.as_deref().map(bare);
        let given = given.filter(|name| object::may_be_container(name));
        let Some(given) = given else { return Ok(false) };
        match object::container(given, self.version, self.upstream).await? {
            Found::Yes(container) => {
                self.references.given.insert(container.id.clone(), given.to_owned());
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
        if !self.should_ask_for_network(name) {
            return Ok(false);
        }
        let found = object::network(name, None, self.version, self.upstream).await?;
        Ok(matches!(found, Found::Yes(network) if network.name == "host"))
    }

    async fn find_volume(&mut self, name: &str) -> Result<(), Unreachable> {
        if self.should_ask("volume", name) {
            let found = object::volume(name, self.version, self.upstream).await?;
            if let Found::Yes(volume) = found {
                self.references.volumes.push(volume);
            }
        }
        Ok(())
    }

    /// Finds a container. `given` is its name as the request gives it.
    async fn find_container(
        &mut self,
        mention: Mention,
        given: &str,
    ) -> Result<Option<Container>, Unreachable> {
        let name = bare(given);
        if !object::may_be_container(name) || !self.is_first_question("container", name) {
            return Ok(None);
        }
        match object::container(name, self.version, self.upstream).await? {
            Found::Yes(container) => {
                self.ids.insert(name.to_owned(), container.id.clone());
                self.references.mention(&container.id, given, mention);
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
        let owned = |(mention, name): (Mention, &str)| (mention, name.to_owned());
        let mut names: VecDeque<(Mention, String)> = joined_names(config).map(owned).collect();
        while let Some((mention, name)) = names.pop_front() {
            let Some(container) = self.find_container(mention, &name).await? else { continue };
            for name in volume_names(&container.host_config) {
                self.find_volume(name).await?;
            }
            names.extend(joined_names(&container.host_config).map(owned));
            self.references.joined.push(container);
        }
        Ok(())
    }

    /// Whether to ask dockerd for an object: only once, and only up to the limit.
    fn should_ask(&mut self, kind: &str, name: &str) -> bool {
        object::is_name(name) && self.is_first_question(kind, name)
    }

    fn should_ask_for_network(&mut self, name: &str) -> bool {
        object::may_be_network(name) && self.is_first_question("network", name)
    }

    fn is_first_question(&mut self, kind: &str, name: &str) -> bool {
        self.asked.len() <= NAMES_LIMIT && self.asked.insert(format!("{kind} {name}"))
    }
}

/// Networks that docker creates itself, and modes that are no network.
pub(crate) const DOCKERS_NETWORKS: [&str; 5] = ["", "default", "bridge", "host", "none"];

/// The refusal of a new container that mentions an object that does not exist. A client would take a 404
/// for a missing image, and pull the image.
fn missing(mention: Mention, name: &str) -> Refusal {
    Refusal::bad_request(mention.missing(name))
}

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
