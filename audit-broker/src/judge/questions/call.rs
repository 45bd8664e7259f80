//! The question about the call itself.

use super::{Question, QuestionObject, container, exec, image, network, volume};
use crate::api::body::Body;
use crate::api::operation::{ImageOperation, Operation};
use crate::dockerd::object::Object;
use crate::dockerd::upstream::Unreachable;
use crate::judge::action::Action;
use crate::judge::policy_action::PolicyAction;
use crate::policy::{CallFacts, ContainerFacts};
use crate::who::owner_finder::OwnerFinder;

/// The question about the call itself, with the caller's own name for the object.
pub(super) async fn question(
    action: &Action,
    is_privileged: bool,
    call: &CallFacts,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Question, Unreachable> {
    let is_import = action.head.route.operation == Operation::Image(ImageOperation::Pull)
        && action.head.query.text("fromSrc").is_some();
    let operation = if is_import {
        PolicyAction::ImageImport
    } else {
        PolicyAction::of(action.head.route.operation)
    };
    if let Some(question) = container::of_open_network(action, is_privileged, owner_finder).await? {
        return Ok(question);
    }
    let mut question = match &action.object {
        Object::Container(object) => {
            container::question(operation, object, is_privileged, owner_finder).await?
        }
        Object::Exec(exec) => exec::question(operation, exec, is_privileged, owner_finder).await?,
        Object::Image(object) => {
            image::question(operation.action(is_privileged), action, object, owner_finder).await
        }
        Object::Volume(object) => volume::question(operation, object, owner_finder).await,
        Object::Network(object) => {
            network::question(operation, object, is_privileged, owner_finder).await
        }
        Object::None if operation == PolicyAction::ImageExport => {
            image::exported(operation.action(is_privileged), action, owner_finder).await
        }
        Object::None | Object::Named(_) => {
            of_body(operation, action, is_privileged, call, owner_finder).await?
        }
    };
    question.given = given(action, &question, call);
    Ok(question)
}

/// The question about a call whose path names no object that dockerd has.
async fn of_body(
    operation: PolicyAction,
    action: &Action,
    is_privileged: bool,
    call: &CallFacts,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Question, Unreachable> {
    let object = match &action.body {
        Body::Commit(_) => match &action.references.member {
            Some(member) => {
                return container::question(operation, member, is_privileged, owner_finder).await;
            }
            None => QuestionObject::Daemon,
        },
        Body::ContainerCreate(config) => QuestionObject::NewContainer(ContainerFacts {
            id: String::new(),
            name: call.name.clone(),
            image: image::of_container(action, config, owner_finder).await,
            labels: config.labels.clone().unwrap_or_default(),
            maker: owner_finder.maker(Some(&action.owner)).await,
        }),
        Body::VolumeCreate(volume) => {
            QuestionObject::NewVolume(volume::new(action, volume, owner_finder).await)
        }
        Body::NetworkCreate(network) => QuestionObject::NewNetwork(
            network::new(action, &call.name, network, owner_finder).await,
        ),
        Body::None
        | Body::Stream
        | Body::Auth(_)
        | Body::ContainerUpdate(_)
        | Body::ExecCreate(_)
        | Body::ExecStart(_)
        | Body::VolumeUpdate(_)
        | Body::NetworkConnect(_)
        | Body::NetworkDisconnect(_)
        | Body::PluginPrivileges(_)
        | Body::PluginSet(_)
        | Body::SwarmInit(_)
        | Body::SwarmJoin(_)
        | Body::SwarmUpdate(_)
        | Body::SwarmUnlock(_)
        | Body::NodeUpdate(_)
        | Body::Service(_)
        | Body::Secret(_)
        | Body::Config(_) => QuestionObject::Daemon,
    };
    Ok(Question::new(operation.action(is_privileged), object))
}

/// The caller's own name for the object of the call.
fn given(action: &Action, first: &Question, call: &CallFacts) -> String {
    let (head, references) = (&action.head, &action.references);
    if let Body::ContainerCreate(config) = &action.body {
        return config.image.clone().unwrap_or_default();
    }
    if first.action == PolicyAction::ImagePush.plain() && head.query.text("tag").is_some() {
        return call.name.clone();
    }
    let exported = references.images.first().map(|image| &image.id);
    let committed = references.member.as_ref().map(|member| &member.id);
    let used = exported.or(committed).and_then(|id| references.given.get(id));
    head.object.as_ref().or(used).cloned().unwrap_or_default()
}
