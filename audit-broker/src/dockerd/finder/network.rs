//! Finds the networks that a request names.

use crate::api::container::ContainerConfig;
use crate::api::network::EndpointSettings;
use crate::dockerd::find_error::FindError;
use crate::dockerd::object::{self, Object};
use crate::dockerd::references::Mention;
use crate::dockerd::upstream::{Found, Unreachable};
use crate::refusal::Refusal;

use super::{DOCKERS_NETWORKS, Finder, JOINED, missing};

impl Finder<'_> {
    /// Finds the networks of a new container, and puts the network's id into each endpoint.
    ///
    /// dockerd looks up the name only when the container starts, and it also accepts the beginning of an
    /// id. By then, the name could mean another network.
    ///
    /// # Source
    /// `getNetworkID` in `daemon/container_operations.go` of moby, which prefers the id.
    pub(super) async fn find_networks(
        &mut self,
        config: &mut ContainerConfig,
    ) -> Result<(), FindError> {
        let mode = config.host_config.as_ref().and_then(|host| host.network_mode.clone());
        let mode = mode.filter(|mode| !is_dockers(mode) && !mode.starts_with(JOINED));
        let mut given = config.networking_config.take();
        if let Some(mode) = mode {
            let endpoints = given.get_or_insert_default().endpoints_config.get_or_insert_default();
            endpoints.entry(mode).or_default();
        }
        let endpoints = given.as_mut().and_then(|given| given.endpoints_config.as_mut());
        for (name, endpoint) in endpoints.into_iter().flatten() {
            let id = endpoint.as_ref().and_then(named_id);
            if id.is_none() && is_dockers(name) {
                continue;
            }
            let name = id.unwrap_or(name).to_owned();
            let Some(id) = self.find_network(&name).await? else {
                return Err(missing(Mention::Network, &name).into());
            };
            endpoint.get_or_insert_default().network_id = Some(id);
        }
        config.networking_config = given;
        Ok(())
    }

    /// Finds the id of a network; `None` if the network does not exist.
    pub(super) async fn find_network(&mut self, name: &str) -> Result<Option<String>, Unreachable> {
        if self.should_ask_for_network(name)
            && let Found::Yes(network) =
                object::network(name, None, self.version, self.upstream).await?
        {
            self.network_ids.insert(name.to_owned(), network.id.clone());
            self.references.mention(&network.id, name, Mention::Network);
            self.references.networks.push(network);
        }
        Ok(self.network_ids.get(name).cloned())
    }
}

/// Refuses an endpoint that names another network than the path. dockerd would use the endpoint's.
///
/// # Errors
/// If the endpoint names another network.
pub(super) fn refuse_other_network(
    object: &Object,
    endpoint: Option<&EndpointSettings>,
) -> Result<(), Refusal> {
    let Some(id) = endpoint.and_then(named_id) else { return Ok(()) };
    if matches!(object, Object::Network(network) if network.id == id) {
        return Ok(());
    }
    Err(Refusal::bad_request("EndpointConfig.NetworkID is not the id of the network in the path"))
}

fn named_id(endpoint: &EndpointSettings) -> Option<&str> {
    endpoint.network_id.as_deref().filter(|id| !id.is_empty())
}

fn is_dockers(name: &str) -> bool {
    DOCKERS_NETWORKS.contains(&name)
}
