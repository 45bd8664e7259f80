//! Networks, as dockerd describes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::api::request::{ApiVersion, percent};
use crate::dockerd::upstream::{Found, Unreachable, Upstream};

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

impl Network {
    /// Whether any container may have this network without naming it as an object: docker's default
    /// bridge, or no network at all. dockerd makes both, and gives these names to no other network.
    ///
    /// # Source
    /// `IsPreDefinedNetwork` in `runconfig/hostconfig_unix.go` of moby.
    pub(crate) fn is_open_to_every_container(&self) -> bool {
        matches!(
            (self.name.as_str(), self.driver.as_str()),
            ("bridge", "bridge") | ("none", "null")
        )
    }
}

/// Whether a text may be the name of a network, and is safe in the path of a request to dockerd. dockerd
/// accepts any name that is not blank, but redirects a path that is not clean.
///
/// # Source
/// `IsValidName` in `libnetwork/config/config.go` of moby.
pub(crate) fn may_be_network(name: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    let is_unsafe = |letter: char| letter.is_control() || letter == '\\';
    name.split('/').all(is_part) && !name.contains(is_unsafe)
}

/// Finds a network by its id, its name or the beginning of its id, in one scope or in all.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn network(
    name: &str,
    scope: Option<&str>,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Network>, Unreachable> {
    let scope = scope.filter(|scope| !scope.is_empty());
    let scope = scope.map(|scope| format!("?scope={}", percent::encode_path(scope)));
    let (name, scope) = (percent::encode_path(name), scope.unwrap_or_default());
    upstream.ask(&format!("/v{version}/networks/{name}{scope}")).await
}

/// The ids of the containers that are connected to a network.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn members(
    id: &str,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Vec<String>, Unreachable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct ConnectedContainers {
        containers: Option<BTreeMap<String, Value>>,
    }
    let found: Found<ConnectedContainers> =
        upstream.ask(&format!("/v{version}/networks/{id}")).await?;
    Ok(match found {
        Found::Yes(members) => members.containers.unwrap_or_default().into_keys().collect(),
        Found::No(..) => Vec::new(),
    })
}
