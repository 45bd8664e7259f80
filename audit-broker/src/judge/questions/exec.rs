//! Questions about processes that a call adds to a container.

use super::{Question, container};
use crate::dockerd::object::{Exec, Object};
use crate::dockerd::upstream::Unreachable;
use crate::judge::action::Action;
use crate::judge::policy_action::PolicyAction;
use crate::owner::OwnedKind;
use crate::who::owner_finder::OwnerFinder;

/// A question about a process that an earlier call described. Policies decide about its container.
pub(super) async fn question(
    operation: PolicyAction,
    exec: &Exec,
    is_privileged: bool,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Question, Unreachable> {
    container::question(operation, &exec.container, is_privileged, owner_finder).await
}

/// Whether the call is about a process that another caller described.
pub(super) fn is_foreign(action: &Action, owner_finder: &OwnerFinder<'_>) -> bool {
    match &action.object {
        Object::Exec(exec) => {
            owner_finder.owners.get(OwnedKind::Exec, &exec.id).as_ref() != Some(&action.owner)
        }
        Object::None
        | Object::Container(_)
        | Object::Network(_)
        | Object::Image(_)
        | Object::Volume(_)
        | Object::Named(_) => false,
    }
}
