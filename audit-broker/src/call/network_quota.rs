//! The quota of networks for each owner.
//!
//! dockerd takes the addresses of all networks from one pool, with room for about thirty networks unless
//! `default-address-pools` sets another. Without a quota, one owner could use up the pool and leave no
//! network for others, root included.

use serde::de::IgnoredAny;
use tokio::sync::OwnedMutexGuard;

use crate::api::body::Body;
use crate::api::query_json;
use crate::api::request::percent;
use crate::call::Call;
use crate::dockerd::find_error::FindError;
use crate::dockerd::upstream::{Found, Unreachable, Upstream};
use crate::judge::permissions::Reach;
use crate::owner::{LABEL, Owner};
use crate::refusal::Refusal;

/// The lock under which an owner creates a network. The call holds it from the count until dockerd has
/// responded, so that two calls of one owner cannot both take the last place.
pub(crate) type NetworkLock = Option<OwnedMutexGuard<()>>;

/// Waits for the owner's lock, and checks the quota. A caller who may remove any network has no quota.
///
/// # Errors
/// If the owner has used up the quota, or if dockerd cannot be reached.
pub(crate) async fn take_network_lock(
    call: &Call,
    upstream: &Upstream,
) -> Result<NetworkLock, FindError> {
    if !matches!(call.action.body, Body::NetworkCreate(_)) {
        return Ok(None);
    }
    let state = &call.connection.state;
    let limit = call.settings.networks_per_user;
    if call.permissions(&state.policy()).may_reach_all(Reach::RemoveNetworks) {
        return Ok(None);
    }
    let owner = &call.action.owner;
    let lock = state.network_locks.of(owner).lock_owned().await;
    let count = count(owner, call, upstream).await?;
    if count >= usize::try_from(limit).unwrap_or(usize::MAX) {
        return Err(Refusal::forbidden(
            "docker network create",
            format!("you have {count} networks, and networks_per_user allows {limit}"),
            "remove an unused one (docker network prune), or use an existing one",
        )
        .into());
    }
    Ok(Some(lock))
}

/// How many networks have the owner's label.
async fn count(owner: &Owner, call: &Call, upstream: &Upstream) -> Result<usize, Unreachable> {
    let filters = query_json::with(None, "label", &format!("{LABEL}={owner}"));
    let filters = percent::encode_path(&filters);
    let target = format!("/v{}/networks?filters={filters}", call.version);
    Ok(match upstream.ask::<Vec<IgnoredAny>>(&target).await? {
        Found::Yes(networks) => networks.len(),
        // Without a count, the broker refuses the network.
        Found::No(..) => usize::MAX,
    })
}
