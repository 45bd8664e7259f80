//! The quota of networks for each owner.
//!
//! dockerd takes the addresses of all networks from one pool, with room for about thirty networks unless
//! `default-address-pools` sets another. Without a quota, one owner could use up the pool and leave no
//! network for others, root included.

use std::collections::BTreeMap;

use tokio::sync::OwnedMutexGuard;

use crate::api::body::Body;
use crate::api::request::ApiVersion;
use crate::call::owner_lock::OwnerLocks;
use crate::dockerd::find_error::FindError;
use crate::dockerd::listing::{Filters, list};
use crate::dockerd::upstream::{Unreachable, Upstream};
use crate::judge::action::Action;
use crate::judge::permissions::{Permissions, Reach};
use crate::owner::{LABEL, OwnedKind, Owner};
use crate::refusal::Refusal;

/// The lock under which an owner creates a network. The call holds it from the count until dockerd has
/// responded, so that two calls of one owner cannot both take the last place.
pub(crate) type NetworkLock = Option<OwnedMutexGuard<()>>;

/// The quota of networks, and the locks of those who use it.
pub(crate) struct NetworkQuota<'a> {
    /// How many networks one owner may have.
    pub(crate) limit: u32,
    pub(crate) locks: &'a OwnerLocks,
}

impl NetworkQuota<'_> {
    /// If the call creates a network, waits for the owner's lock and checks the quota. A caller who may
    /// remove any network has no quota.
    ///
    /// # Errors
    /// If the owner has used up the quota, or if dockerd cannot be reached.
    pub(crate) async fn take(
        &self,
        action: &Action,
        permissions: Permissions<'_>,
        version: ApiVersion,
        upstream: &Upstream,
    ) -> Result<NetworkLock, FindError> {
        if !matches!(action.body, Body::NetworkCreate(_))
            || permissions.may_reach_all(Reach::RemoveNetworks)
        {
            return Ok(None);
        }
        let (owner, limit) = (&action.owner, self.limit);
        let lock = self.locks.of(owner).lock_owned().await;
        let count = count(owner, version, upstream).await?;
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
}

/// How many networks have the owner's label.
async fn count(
    owner: &Owner,
    version: ApiVersion,
    upstream: &Upstream,
) -> Result<usize, Unreachable> {
    let label = BTreeMap::from([(format!("{LABEL}={owner}"), true)]);
    let filters = Filters::from([("label".to_owned(), label)]);
    let networks = list(OwnedKind::Network, Some(&filters), version, upstream).await?;
    // Without a count, the broker refuses the network.
    Ok(networks.map_or(usize::MAX, |networks| networks.len()))
}
