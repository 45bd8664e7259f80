//! Networks, as dockerd describes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::api::request::ApiVersion;
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

/// Finds a network by its id, its name or the beginning of its id.
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
    struct Members {
        containers: Option<BTreeMap<String, Value>>,
    }
    let found: Found<Members> = upstream.ask(&format!("/v{version}/networks/{id}")).await?;
    Ok(match found {
        Found::Yes(members) => members.containers.unwrap_or_default().into_keys().collect(),
        Found::No(..) => Vec::new(),
    })
}
