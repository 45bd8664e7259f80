//! Questions about images and their names.
//!
//! A name may have another owner than its image. This file knows which of the two a removal or a push
//! is about.

use audit_host::image_name::full_name;

use super::{Question, QuestionObject};
use crate::api::body::Body;
use crate::api::container::ContainerConfig;
use crate::api::operation::{ImageOperation, Operation};
use crate::api::request::Head;
use crate::dockerd::object::{Image, NamedImage, Object};
use crate::dockerd::references::{NameHolder, NameTaken};
use crate::judge::action::Action;
use crate::judge::policy_action::{AskedAction, PolicyAction};
use crate::owner::{OwnedKind, Owner, name_key};
use crate::policy::ImageFacts;
use crate::who::owner_finder::OwnerFinder;

/// The question about a call on an image, or on a name of the image.
pub(super) async fn question(
    name: AskedAction,
    action: &Action,
    image: &NamedImage,
    owner_finder: &OwnerFinder<'_>,
) -> Question {
    if name == PolicyAction::ImageName.plain() {
        return match action.references.names_taken.first() {
            Some(taken) => name_question(taken, owner_finder).await,
            // Without a name, dockerd refuses the call.
            None => Question::new(name, QuestionObject::Daemon),
        };
    }
    let facts = match name_only(action, image, owner_finder) {
        Some(removed) => owner_finder.named_image(removed, &image.image).await,
        None => owner_finder.image(&image.image).await,
    };
    Question::new(name, QuestionObject::Image(facts))
}

/// The question about the first of the images that a call copies out.
pub(super) async fn exported(
    name: AskedAction,
    action: &Action,
    owner_finder: &OwnerFinder<'_>,
) -> Question {
    let first = match action.references.images.first() {
        Some(image) => owner_finder.image(image).await,
        None => ImageFacts::of_name(action.head.query.text("names").unwrap_or_default()),
    };
    Question::new(name, QuestionObject::Image(first))
}

/// The images that a new container uses, or that a call copies out besides the first.
pub(super) async fn used(action: &Action, owner_finder: &OwnerFinder<'_>) -> Vec<Question> {
    let (references, mut questions) = (&action.references, Vec::new());
    let Body::ContainerCreate(config) = &action.body else {
        for image in references.images.iter().skip(1) {
            let export = PolicyAction::ImageExport.plain();
            questions.push(given(export, image, action, owner_finder).await);
        }
        return questions;
    };
    let facts = of_container(action, config, owner_finder).await;
    let name = PolicyAction::ImageUse.plain();
    let question = Question::new(name, QuestionObject::Image(facts));
    questions.push(Question { given: config.image.clone().unwrap_or_default(), ..question });
    for image in &references.mounted_images {
        questions.push(given(name, image, action, owner_finder).await);
    }
    questions
}

async fn given(
    name: AskedAction,
    image: &Image,
    action: &Action,
    owner_finder: &OwnerFinder<'_>,
) -> Question {
    let facts = owner_finder.image(image).await;
    let question = Question::new(name, QuestionObject::Image(facts));
    question.mentioned(&action.references, &image.id)
}

/// The images and names that a call tags, removes, pushes or pulls, besides its own object.
pub(super) async fn changed(action: &Action, owner_finder: &OwnerFinder<'_>) -> Vec<Question> {
    let mut questions = Vec::new();
    if let Object::Image(image) = &action.object {
        if action.head.route.operation == Operation::Image(ImageOperation::Tag) {
            let facts = owner_finder.image(&image.image).await;
            let name = PolicyAction::ImageUse.plain();
            let question = Question::new(name, QuestionObject::Image(facts));
            questions.push(Question { given: image.given.clone(), ..question });
        }
        // The first question is the call itself.
        questions.extend(removal_questions(action, image, owner_finder).await.into_iter().skip(1));
        questions.extend(source_question(action, image, owner_finder).await);
    }
    if let Some(pulled) = &action.references.name_pulled {
        questions.extend(pull_question(pulled, owner_finder).await);
    }
    questions
}

/// The question about a name that an image gets: it is about the image that has the name now.
pub(crate) async fn name_question(taken: &NameTaken, owner_finder: &OwnerFinder<'_>) -> Question {
    let object = match &taken.holder {
        NameHolder::Unused => QuestionObject::Daemon,
        NameHolder::Image(image) => {
            QuestionObject::Image(owner_finder.named_image(&taken.name, image).await)
        }
        // The name may be root's.
        NameHolder::Unknown => QuestionObject::Image(ImageFacts::of_name(&taken.name)),
    };
    let question = Question::new(PolicyAction::ImageName.plain(), object);
    Question { name: Some(taken.name.clone()), given: taken.name.clone(), ..question }
}

/// The question about a name that a pull sets. A name that is free, or that a pull has set before, is
/// for the registry to set.
pub(crate) async fn pull_question(
    pulled: &NameTaken,
    owner_finder: &OwnerFinder<'_>,
) -> Option<Question> {
    let is_free = match &pulled.holder {
        NameHolder::Unused => true,
        NameHolder::Image(image) => {
            let key = name_key(&pulled.name, &image.id);
            owner_finder.owners.get(OwnedKind::PulledName, &key).is_some()
        }
        NameHolder::Unknown => false,
    };
    if is_free { None } else { Some(name_question(pulled, owner_finder).await) }
}

/// The image of a new container. Only its name is known if dockerd does not have the image.
pub(super) async fn of_container(
    action: &Action,
    config: &ContainerConfig,
    owner_finder: &OwnerFinder<'_>,
) -> ImageFacts {
    match action.references.images.first() {
        Some(image) => owner_finder.image(image).await,
        None => ImageFacts::of_name(config.image.as_deref().unwrap_or_default()),
    }
}

/// The names that go when an image is removed: the name that the caller used, or all names. The image
/// goes with its last name.
pub(crate) fn names_removed<'a>(head: &Head, image: &'a NamedImage) -> &'a [String] {
    let tags = image.image.tags();
    if head.route.operation != Operation::Image(ImageOperation::Remove) {
        return &[];
    }
    match tags.iter().position(|tag| *tag == image.given) {
        Some(place) => tags.get(place..=place).unwrap_or_default(),
        None => tags,
    }
}

/// The questions about the removal of an image or of its names; none for other calls. The owner of a
/// name may always give it up, even the last name of another owner's image.
pub(crate) async fn removal_questions(
    action: &Action,
    image: &NamedImage,
    owner_finder: &OwnerFinder<'_>,
) -> Vec<Question> {
    let head = &action.head;
    if head.route.operation != Operation::Image(ImageOperation::Remove) {
        return Vec::new();
    }
    let name = PolicyAction::ImageDelete.plain();
    let question = |facts, given: &String| Question {
        given: given.clone(),
        ..Question::new(name, QuestionObject::Image(facts))
    };
    if let Some(removed) = name_only(action, image, owner_finder) {
        return vec![question(owner_finder.named_image(removed, &image.image).await, &image.given)];
    }
    let mut questions = vec![question(owner_finder.image(&image.image).await, &image.given)];
    for removed in names_removed(head, image) {
        // A denial shows only the caller's own name for the image.
        questions
            .push(question(owner_finder.named_image(removed, &image.image).await, &image.given));
    }
    questions
}

/// The name that the call is about, if it is not about the image: a removed name of an image that has
/// others, or the caller's own name that is removed or pushed.
fn name_only<'a>(
    action: &Action,
    image: &'a NamedImage,
    owner_finder: &OwnerFinder<'_>,
) -> Option<&'a String> {
    let is_own = |name: &String| is_own_name(action, name, &image.image, owner_finder);
    match names_removed(&action.head, image) {
        [name] if image.image.tags().len() > 1 || is_own(name) => Some(name),
        _ => pushed_name(&action.head, image).filter(|name| is_own(name)),
    }
}

fn is_own_name(action: &Action, name: &str, image: &Image, owner_finder: &OwnerFinder<'_>) -> bool {
    let owner = owner_finder.owners.get(OwnedKind::ImageName, &name_key(name, &image.id));
    owner.as_ref() == Some(&action.owner)
}

fn pushed_name<'a>(head: &Head, image: &'a NamedImage) -> Option<&'a String> {
    if head.route.operation != Operation::Image(ImageOperation::Push) {
        return None;
    }
    let name = match head.query.text("tag") {
        Some(tag) => full_name(&format!("{}:{tag}", image.given)),
        None => full_name(&image.given),
    };
    image.image.tags().iter().find(|tag| **tag == name)
}

/// The questions about an image that existed before the caller loaded it from an archive. Without a name,
/// the image goes with the first name that it gets, so the caller must be allowed to remove it.
pub(crate) async fn loaded_questions(
    owner: &Owner,
    image: &Image,
    owner_finder: &OwnerFinder<'_>,
) -> Vec<Question> {
    if owner_finder.owners.get(OwnedKind::Image, &image.id).as_ref() == Some(owner) {
        return Vec::new();
    }
    let facts = owner_finder.image(image).await;
    let question = |operation: PolicyAction| {
        Question::new(operation.plain(), QuestionObject::Image(facts.clone()))
    };
    let mut questions = vec![question(PolicyAction::ImageUse)];
    if image.tags().is_empty() {
        questions.push(question(PolicyAction::ImageDelete));
    }
    questions
}

/// The question about another owner's image that the caller reaches by the caller's own name. A push by
/// such a name sends the content of the image, so the caller must be allowed to use the image. An
/// image without a name goes with the first name that it gets, so the caller must be allowed to
/// remove it.
async fn source_question(
    action: &Action,
    image: &NamedImage,
    owner_finder: &OwnerFinder<'_>,
) -> Option<Question> {
    let is_own =
        owner_finder.owners.get(OwnedKind::Image, &image.image.id).as_ref() == Some(&action.owner);
    let is_pushed = pushed_name(&action.head, image)
        .is_some_and(|name| is_own_name(action, name, &image.image, owner_finder));
    let operation = match action.head.route.operation {
        Operation::Image(ImageOperation::Push) if is_pushed && !is_own => PolicyAction::ImageUse,
        Operation::Image(ImageOperation::Tag)
            if image.image.names().next().is_none() && !is_own =>
        {
            PolicyAction::ImageDelete
        }
        Operation::System(_)
        | Operation::Registry(_)
        | Operation::Build(_)
        | Operation::Container(_)
        | Operation::Exec(_)
        | Operation::Image(
            ImageOperation::List
            | ImageOperation::Save
            | ImageOperation::Inspect
            | ImageOperation::History
            | ImageOperation::Attestations
            | ImageOperation::Pull
            | ImageOperation::Load
            | ImageOperation::Push
            | ImageOperation::Tag
            | ImageOperation::Remove
            | ImageOperation::Prune,
        )
        | Operation::Volume(_)
        | Operation::Network(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => return None,
    };
    let facts = owner_finder.image(&image.image).await;
    let question = Question::new(operation.plain(), QuestionObject::Image(facts));
    Some(question.given_as(Some(&image.given)))
}
