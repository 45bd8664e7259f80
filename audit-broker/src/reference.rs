//! From the names in a request to the things they name.
//!
//! A container can get the host from another one, or from a volume that somebody made before: what
//! those have is part of what is asked for. Ids take the place of names, as in the path.

use std::collections::HashSet;

use crate::action::References;
use crate::api::body::Body;
use crate::api::host_config::HostConfig;
use crate::api::mount::Mount;
use crate::api::service::ServiceSpec;
use crate::object::{self, Container, Object};
use crate::refusal::Refusal;
use crate::request::{ApiVersion, Head};
use crate::upstream::{Found, Unreachable, Upstream};

/// Most things that one request may name. dockerd is asked for each once.
const NAMES_LIMIT: usize = 200;

/// Asks dockerd for what a request names.
pub(crate) struct Finder<'a> {
    version: ApiVersion,
    upstream: &'a Upstream,
    /// What was asked for already.
    asked: HashSet<String>,
    references: References,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(version: ApiVersion, upstream: &'a Upstream) -> Self {
        Self { version, upstream, asked: HashSet::new(), references: References::default() }
    }

    /// Finds what the request and its object refer to. What is not there is left for dockerd to
    /// complain of. A request that names too much is refused.
    ///
    /// # Errors
    /// If dockerd cannot be reached.
    pub(crate) async fn find(
        mut self,
        head: &mut Head,
        body: &mut Body,
        object: &Object,
    ) -> Result<Result<References, Refusal>, Unreachable> {
        match body {
            Body::ContainerCreate(config) => {
                if let Some(host_config) = &config.host_config {
                    self.follow(host_config).await?;
                }
            }
            Body::NetworkConnect(connect) => self.find_member(&mut connect.container).await?,
            Body::NetworkDisconnect(disconnect) => {
                self.find_member(&mut disconnect.container).await?;
            }
            Body::Commit(_) => {
                let mut name = head.query.text("container").map(str::to_owned);
                self.find_member(&mut name).await?;
                if let Some(id) = name {
                    head.query.set("container", id);
                }
            }
            Body::Service(service) => self.find_of_service(service).await?,
            _ => {}
        }
        if let Some(container) = object.entered(head.route.op) {
            self.follow(&container.host_config).await?;
        }
        if self.asked.len() > NAMES_LIMIT {
            return Ok(Err(Refusal::bad_request(format!(
                "the request names more than {NAMES_LIMIT} containers, volumes and networks"
            ))));
        }
        Ok(Ok(self.references))
    }

    /// The container that the call is about, whose id takes the place of its name.
    async fn find_member(&mut self, name: &mut Option<String>) -> Result<(), Unreachable> {
        let Some(given) = name.as_deref().filter(|name| object::is_name(name)) else {
            return Ok(());
        };
        if let Found::Yes(container) = object::container(given, self.version, self.upstream).await?
        {
            *name = Some(container.id.clone());
            self.references.member = Some(container);
        }
        Ok(())
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
            if let Found::Yes(object::Volume { options: Some(options) }) = found {
                self.references.volume_options.push(options);
            }
        }
        Ok(())
    }

    async fn find_container(&mut self, name: &str) -> Result<Option<Container>, Unreachable> {
        if !self.is_new("container", name) {
            return Ok(None);
        }
        match object::container(name, self.version, self.upstream).await? {
            Found::Yes(container) => Ok(Some(container)),
            Found::No(..) => Ok(None),
        }
    }

    /// What a container uses of others, and what those use of others in turn.
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
            self.references.joined.push(container.host_config);
        }
        Ok(())
    }

    /// Whether dockerd is to be asked for it: once, and only while there are not too many.
    fn is_new(&mut self, kind: &str, name: &str) -> bool {
        object::is_name(name)
            && self.asked.len() <= NAMES_LIMIT
            && self.asked.insert(format!("{kind} {name}"))
    }
}

/// The volumes that a container mounts by name: what is no path is a name.
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

/// The containers whose namespaces a container joins or whose volumes it uses.
fn joined_names(config: &HostConfig) -> impl Iterator<Item = &str> {
    let modes = [&config.network_mode, &config.pid_mode, &config.ipc_mode];
    let joined = modes.into_iter().filter_map(|mode| mode.as_deref()?.strip_prefix("container:"));
    let used = config.volumes_from.iter().flatten();
    joined.chain(used.filter_map(|from| from.split(':').next()))
}
