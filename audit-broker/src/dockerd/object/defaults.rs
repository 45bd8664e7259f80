//! What docker uses if a request names nothing.

use serde::Deserialize;

use crate::api::request::ApiVersion;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};

/// The runtime, the log driver and the cgroup namespace that docker uses if a request names none.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Defaults {
    #[serde(default, rename = "DefaultRuntime")]
    pub(crate) runtime: String,
    #[serde(default, rename = "LoggingDriver")]
    pub(crate) log_driver: String,
    /// `None` in the response of a dockerd that does not list them.
    #[serde(default, rename = "SecurityOptions")]
    pub(crate) security_options: Option<Vec<String>>,
    /// Whether docker can limit the swap of a container.
    #[serde(default, rename = "SwapLimit")]
    pub(crate) swap_limit: Option<bool>,
}

impl Defaults {
    /// Whether docker gives a container the host's control groups by default, as it does with cgroup v1.
    ///
    /// # Source
    /// `fillSecurityOptions` in `daemon/info.go` of moby.
    pub(crate) fn share_cgroup_namespace(&self) -> bool {
        const PRIVATE: &str = "name=cgroupns";
        let options = self.security_options.as_ref();
        options.is_some_and(|options| !options.iter().any(|option| option == PRIVATE))
    }
}

/// Asks dockerd for its defaults.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn defaults(
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<Found<Defaults>, Unreachable> {
    upstream.ask(&format!("/v{version}/info")).await
}
