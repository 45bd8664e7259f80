//! Volumes, as dockerd describes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::api::request::ApiVersion;
use crate::api::volume::VolumeCreate;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};

/// A volume, with its driver options.
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

/// Finds a volume by its name.
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

/// Creates a volume, or finds it if it exists.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn make_volume(
    volume: &VolumeCreate,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Volume>, Unreachable> {
    // Strings and maps of strings always have a JSON form.
    let document = serde_json::to_vec(volume).unwrap_or_default();
    upstream.make(&format!("/v{version}/volumes/create"), document).await
}
