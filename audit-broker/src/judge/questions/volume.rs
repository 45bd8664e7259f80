//! Questions about volumes.

use super::{Question, QuestionObject};
use crate::api::volume::VolumeCreate;
use crate::dockerd::object::Volume;
use crate::judge::action::Action;
use crate::judge::danger;
use crate::judge::policy_action::PolicyAction;
use crate::policy::ObjectFacts;
use crate::who::owner_finder::OwnerFinder;

/// A question about an existing volume. It may already have access to the host.
pub(super) async fn question(
    operation: PolicyAction,
    volume: &Volume,
    owner_finder: &OwnerFinder<'_>,
) -> Question {
    let action = operation.action(danger::of_volume(volume).gives_host_access());
    Question::new(action, QuestionObject::Volume(owner_finder.volume(volume).await))
}

/// The volumes that the request mounts by name.
pub(super) async fn used(action: &Action, owner_finder: &OwnerFinder<'_>) -> Vec<Question> {
    let mut questions = Vec::new();
    for volume in &action.references.volumes {
        questions.push(question(PolicyAction::VolumeUse, volume, owner_finder).await);
    }
    questions
}

/// The volumes that the request mounts by name and that do not exist yet.
pub(super) async fn missing(
    action: &Action,
    is_privileged: bool,
    owner_finder: &OwnerFinder<'_>,
) -> Vec<Question> {
    let mut questions = Vec::new();
    for volume in &action.references.missing_volumes {
        let create = PolicyAction::VolumeCreate.action(is_privileged);
        let facts = new(action, volume, owner_finder).await;
        questions.push(Question::new(create, QuestionObject::NewVolume(facts)));
    }
    questions
}

/// A volume that the call makes.
pub(super) async fn new(
    action: &Action,
    volume: &VolumeCreate,
    owner_finder: &OwnerFinder<'_>,
) -> ObjectFacts {
    let name = volume.name.clone().unwrap_or_default();
    ObjectFacts {
        id: name.clone(),
        name,
        driver: volume.driver.clone().unwrap_or_default(),
        labels: volume.labels.clone().unwrap_or_default(),
        maker: owner_finder.maker(Some(&action.owner)).await,
    }
}
