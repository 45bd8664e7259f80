//! How many networks one owner may have.
//!
//! docker takes the addresses of each network from one pool for everybody, with room for some thirty
//! networks unless `default-address-pools` says otherwise. An owner who takes them all leaves none
//! to others, root included.

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

/// Held from the count until dockerd has answered, so that two calls of one owner do not count the
/// same networks.
pub(crate) type Turn = Option<OwnedMutexGuard<()>>;

/// Refuses a network to an owner who has as many as one may have. Callers who may remove everybody's
/// networks have no limit.
///
/// # Errors
/// If dockerd does not tell what networks there are.
pub(crate) async fn take_turn(call: &Call, upstream: &Upstream) -> Result<Turn, FindError> {
    if !matches!(call.action.body, Body::NetworkCreate(_)) {
        return Ok(None);
    }
    let state = &call.connection.state;
    let limit = call.settings.networks_per_user;
    if call.permissions(&state.policy()).may_reach_all(Reach::RemoveNetworks) {
        return Ok(None);
    }
    let owner = &call.action.owner;
    let turn = state.network_turns.of(owner).lock_owned().await;
    let count = count(owner, call, upstream).await?;
    if count >= usize::try_from(limit).unwrap_or(usize::MAX) {
        return Err(Refusal::forbidden(format!(
            "you have {count} networks, and networks_per_user allows {limit}; remove one that is \
             not used (docker network prune), or use one that is there"
        ))
        .into());
    }
    Ok(Some(turn))
}

/// How many networks have the owner's label.
async fn count(owner: &Owner, call: &Call, upstream: &Upstream) -> Result<usize, Unreachable> {
    let filters = query_json::with(None, "label", &format!("{LABEL}={owner}"));
    let filters = percent::encode_path(&filters);
    let target = format!("/v{}/networks?filters={filters}", call.version);
    Ok(match upstream.ask::<Vec<IgnoredAny>>(&target).await? {
        Found::Yes(networks) => networks.len(),
        // dockerd tells of none, so none is to be made.
        Found::No(..) => usize::MAX,
    })
}
