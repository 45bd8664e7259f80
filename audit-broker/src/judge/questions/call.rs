//! The question about the call itself.

use super::{Question, QuestionObject, container, image, network, volume};
use crate::api::body::Body;
use crate::api::operation::{ImageOperation, Operation};
use crate::dockerd::object::Object;
use crate::dockerd::upstream::Unreachable;
use crate::judge::action::Action;
use crate::judge::policy_action::{self, PolicyAction};
use crate::policy::{CallFacts, ContainerFacts};
use crate::who::registrar::Registrar;

/// The question about the call itself, with the caller's own name for the object.
pub(super) async fn question(
    action: &Action,
    is_privileged: bool,
    call: &CallFacts,
    registrar: &Registrar<'_>,
) -> Result<Question, Unreachable> {
    let operation = match action.head.route.operation {
        Operation::Image(ImageOperation::Pull) if action.head.query.text("fromSrc").is_some() => {
            policy_action::IMAGE_IMPORT
        }
        operation => policy_action::of(operation),
    };
    let mut question = match &action.object {
        Object::Container(object) => {
            container::question(operation, object, is_privileged, registrar).await?
        }
        Object::Exec(exec) => {
            container::question(operation, &exec.container, is_privileged, registrar).await?
        }
        Object::Image(object) => {
            image::question(operation.action(is_privileged), action, object, registrar).await
        }
        Object::Volume(object) => volume::question(operation, object, registrar).await,
        Object::Network(object) => {
            network::question(operation, object, is_privileged, registrar).await
        }
        Object::None if operation == policy_action::IMAGE_EXPORT => {
            image::exported(operation.action(is_privileged), action, registrar).await
        }
        Object::None | Object::Named(_) => {
            of_body(operation, action, is_privileged, call, registrar).await?
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
    registrar: &Registrar<'_>,
) -> Result<Question, Unreachable> {
    let object = match (&action.body, &action.references.member) {
        (Body::Commit(_), Some(member)) => {
            return container::question(operation, member, is_privileged, registrar).await;
        }
        (Body::ContainerCreate(config), _) => QuestionObject::NewContainer(ContainerFacts {
            id: String::new(),
            name: call.name.clone(),
            image: image::of_container(action, config, registrar).await,
            labels: config.labels.clone().unwrap_or_default(),
            maker: registrar.maker(Some(&action.owner)).await,
        }),
        (Body::VolumeCreate(volume), _) => {
            QuestionObject::NewVolume(volume::new(action, volume, registrar).await)
        }
        (Body::NetworkCreate(network), _) => {
            QuestionObject::NewNetwork(network::new(action, &call.name, network, registrar).await)
        }
        _ => QuestionObject::Daemon,
    };
    Ok(Question::new(operation.action(is_privileged), object))
}

/// The caller's own name for the object of the call.
fn given(action: &Action, first: &Question, call: &CallFacts) -> String {
    let (head, references) = (&action.head, &action.references);
    match &action.body {
        Body::ContainerCreate(config) => config.image.clone().unwrap_or_default(),
        _ if first.action == policy_action::IMAGE_PUSH.name && head.query.text("tag").is_some() => {
            call.name.clone()
        }
        _ => {
            let exported = references.images.first();
            let exported = exported.and_then(|image| references.given.get(&image.id));
            head.object.as_ref().or(exported).cloned().unwrap_or_default()
        }
    }
}
