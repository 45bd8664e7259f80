//! Questions about containers.

use super::{Question, QuestionObject};
use crate::api::body::Body;
use crate::dockerd::object::Container;
use crate::dockerd::references::FilteredBy;
use crate::dockerd::upstream::Unreachable;
use crate::judge::action::Action;
use crate::judge::danger;
use crate::judge::policy_action::{self, PolicyAction};
use crate::who::registrar::Registrar;

/// A question about an existing container. It may already have access to the host.
pub(super) async fn question(
    operation: PolicyAction,
    container: &Container,
    is_privileged: bool,
    registrar: &Registrar<'_>,
) -> Result<Question, Unreachable> {
    let is_on_privileged = danger::of_container(container).yield_host();
    let action = operation.action(is_privileged || is_on_privileged);
    let facts = registrar.container(container).await?;
    Ok(Question { is_on_privileged, ..Question::new(action, QuestionObject::Container(facts)) })
}

/// The containers whose namespaces or volumes a new container joins.
pub(super) async fn joined(
    action: &Action,
    registrar: &Registrar<'_>,
) -> Result<Vec<Question>, Unreachable> {
    let mut questions = Vec::new();
    for container in &action.references.joined {
        let joining = policy_action::CONTAINER_JOIN;
        let question = question(joining, container, false, registrar).await?;
        questions.push(question.given_as(action.references.given.get(&container.id)));
    }
    Ok(questions)
}

/// The container that a call connects to a network or disconnects from it.
pub(super) async fn member(
    action: &Action,
    is_privileged: bool,
    registrar: &Registrar<'_>,
) -> Result<Option<Question>, Unreachable> {
    match (&action.references.member, &action.body) {
        (Some(member), Body::NetworkConnect(_) | Body::NetworkDisconnect(_)) => {
            let update = policy_action::CONTAINER_UPDATE;
            Ok(Some(question(update, member, is_privileged, registrar).await?))
        }
        _ => Ok(None),
    }
}

/// The containers and images by which a list is filtered. The caller must be allowed to see them.
pub(super) async fn filtered_by(
    action: &Action,
    registrar: &Registrar<'_>,
) -> Result<Vec<Question>, Unreachable> {
    let mut questions = Vec::new();
    for (name, by) in &action.references.filtered_by {
        let question = match by {
            FilteredBy::Container(container) => {
                question(policy_action::CONTAINER_INSPECT, container, false, registrar).await?
            }
            FilteredBy::Image(image) => {
                let facts = registrar.image(image).await;
                Question::new(policy_action::IMAGE_INSPECT.name, QuestionObject::Image(facts))
            }
        };
        questions.push(question.given_as(Some(name)));
    }
    Ok(questions)
}
