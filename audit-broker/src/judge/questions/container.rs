//! Questions about containers.

use super::{Question, QuestionObject, image};
use crate::api::body::Body;
use crate::dockerd::object::{Container, Object};
use crate::dockerd::references::FilteredBy;
use crate::dockerd::upstream::Unreachable;
use crate::judge::action::Action;
use crate::judge::danger;
use crate::judge::policy_action::PolicyAction;
use crate::policy::ContainerFacts;
use crate::who::owner_finder::OwnerFinder;

/// A question about an existing container. It may already have access to the host.
pub(super) async fn question(
    operation: PolicyAction,
    container: &Container,
    is_privileged: bool,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Question, Unreachable> {
    let is_on_privileged = danger::of_container(container).gives_host_access();
    let action = operation.action(is_privileged || is_on_privileged);
    let facts = owner_finder.container(container).await?;
    Ok(Question { is_on_privileged, ..Question::new(action, QuestionObject::Container(facts)) })
}

/// The containers whose namespaces or volumes a new container joins.
pub(super) async fn joined(
    action: &Action,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Vec<Question>, Unreachable> {
    let mut questions = Vec::new();
    for container in &action.references.joined {
        let joining = PolicyAction::ContainerJoin;
        let question = question(joining, container, false, owner_finder).await?;
        questions.push(question.mentioned(&action.references, &container.id));
    }
    Ok(questions)
}

/// The container that a call connects to a network or disconnects from it, if any container may have the
/// network. The call is then judged as a change of the container alone.
pub(super) async fn of_open_network(
    action: &Action,
    is_privileged: bool,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Option<Question>, Unreachable> {
    match &action.object {
        Object::Network(network) if network.is_open_to_every_container() => {
            member(action, is_privileged, owner_finder).await
        }
        Object::None
        | Object::Container(_)
        | Object::Exec(_)
        | Object::Network(_)
        | Object::Image(_)
        | Object::Volume(_)
        | Object::Named(_) => Ok(None),
    }
}

/// The container that a call connects to a network or disconnects from it, or from which it removes a link.
pub(super) async fn member(
    action: &Action,
    is_privileged: bool,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Option<Question>, Unreachable> {
    let Some(member) = &action.references.member else { return Ok(None) };
    let is_removal = action.head.link_removed().is_some();
    match &action.body {
        Body::None if !is_removal => Ok(None),
        Body::None | Body::NetworkConnect(_) | Body::NetworkDisconnect(_) => {
            let update = PolicyAction::ContainerUpdate;
            let question = question(update, member, is_privileged, owner_finder).await?;
            Ok(Some(question.given_as(action.references.given.get(&member.id))))
        }
        // The first question of a commit is about the container.
        Body::Stream
        | Body::Auth(_)
        | Body::ContainerCreate(_)
        | Body::ContainerUpdate(_)
        | Body::Commit(_)
        | Body::ExecCreate(_)
        | Body::ExecStart(_)
        | Body::VolumeCreate(_)
        | Body::VolumeUpdate(_)
        | Body::NetworkCreate(_)
        | Body::PluginPrivileges(_)
        | Body::PluginSet(_)
        | Body::SwarmInit(_)
        | Body::SwarmJoin(_)
        | Body::SwarmUpdate(_)
        | Body::SwarmUnlock(_)
        | Body::NodeUpdate(_)
        | Body::Service(_)
        | Body::Secret(_)
        | Body::Config(_) => Ok(None),
    }
}

/// The question about the attach that follows after a container is created with `AttachStdin`, as by
/// `docker run -i`. docker's client shows no reason if an attach is denied.
pub(super) async fn attached(
    action: &Action,
    is_privileged: bool,
    owner_finder: &OwnerFinder<'_>,
) -> Option<Question> {
    let Body::ContainerCreate(config) = &action.body else { return None };
    if config.attach_stdin != Some(true) {
        return None;
    }
    let container = ContainerFacts {
        id: String::new(),
        name: action.head.query.text("name").unwrap_or_default().to_owned(),
        image: image::of_container(action, config, owner_finder).await,
        labels: config.labels.clone().unwrap_or_default(),
        maker: owner_finder.maker(Some(&action.owner)).await,
    };
    let attach = PolicyAction::ContainerAttach.action(is_privileged);
    let question = Question::new(attach, QuestionObject::NewContainer(container));
    Some(Question { given: config.image.clone().unwrap_or_default(), ..question })
}

/// The containers and images by which a list is filtered. The caller must be allowed to see them.
pub(super) async fn filtered_by(
    action: &Action,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Vec<Question>, Unreachable> {
    let mut questions = Vec::new();
    for (name, by) in &action.references.filtered_by {
        let question = match by {
            FilteredBy::Container(container) => {
                question(PolicyAction::ContainerInspect, container, false, owner_finder).await?
            }
            FilteredBy::Image(image) => {
                let facts = owner_finder.image(image).await;
                Question::new(PolicyAction::ImageInspect.plain(), QuestionObject::Image(facts))
            }
        };
        questions.push(question.given_as(Some(name)));
    }
    Ok(questions)
}
