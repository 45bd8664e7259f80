//! Calls that are about an image or about a name of it.
//!
//! A name may have another owner than its image. Knows which of the two a removal or a push is about.

use super::{Question, QuestionObject};
use crate::api::operation::{ImageOperation, Operation};
use crate::api::request::Head;
use crate::dockerd::object::{Image, NamedImage};
use crate::judge::action::Action;
use crate::judge::policy_action;
use crate::owner::{OwnedKind, full_name, name_key};
use crate::who::registrar::Registrar;

/// The names that go when an image is removed: the one by which that is asked for, or else all. The
/// image itself goes with the last.
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

/// What must be allowed so that an image, or names of it, may be removed: nothing for other calls.
/// The owner of a name may always give it up, also the last one of another's image.
pub(crate) async fn removal_questions(
    action: &Action,
    image: &NamedImage,
    registrar: &Registrar<'_>,
) -> Vec<Question> {
    let head = &action.head;
    if head.route.operation != Operation::Image(ImageOperation::Remove) {
        return Vec::new();
    }
    let name = policy_action::IMAGE_DELETE.name;
    let question = |facts, given: &String| Question {
        given: given.clone(),
        ..Question::new(name, QuestionObject::Image(facts))
    };
    if let Some(removed) = name_only(action, image, registrar) {
        return vec![question(registrar.named_image(removed, &image.image).await, &image.given)];
    }
    let mut questions = vec![question(registrar.image(&image.image).await, &image.given)];
    for removed in names_removed(head, image) {
        // A denial tells no name but the caller's own word for the image.
        questions.push(question(registrar.named_image(removed, &image.image).await, &image.given));
    }
    questions
}

/// The name that the call is about, where it is not about the image: one that goes where the image has
/// others, and one of the caller's own that is removed or pushed.
pub(super) fn name_only<'a>(
    action: &Action,
    image: &'a NamedImage,
    registrar: &Registrar<'_>,
) -> Option<&'a String> {
    let is_own = |name: &String| is_own_name(action, name, &image.image, registrar);
    match names_removed(&action.head, image) {
        [name] if image.image.tags().len() > 1 || is_own(name) => Some(name),
        _ => pushed_name(&action.head, image).filter(|name| is_own(name)),
    }
}

fn is_own_name(action: &Action, name: &str, image: &Image, registrar: &Registrar<'_>) -> bool {
    let owner = registrar.owners.get(OwnedKind::ImageName, &name_key(name, &image.id));
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

/// What must be allowed with an image to which only a name of the caller's leads. What is pushed by
/// such a name is the content of the image, so that the caller must be allowed to use it. An image
/// that has no name goes with the one that it gets, so that the caller must be allowed to remove it.
pub(super) async fn source_question(
    action: &Action,
    image: &NamedImage,
    registrar: &Registrar<'_>,
) -> Option<Question> {
    let is_own =
        registrar.owners.get(OwnedKind::Image, &image.image.id).as_ref() == Some(&action.owner);
    let is_pushed = pushed_name(&action.head, image)
        .is_some_and(|name| is_own_name(action, name, &image.image, registrar));
    let operation = match action.head.route.operation {
        Operation::Image(ImageOperation::Push) if is_pushed && !is_own => policy_action::IMAGE_USE,
        Operation::Image(ImageOperation::Tag)
            if image.image.names().next().is_none() && !is_own =>
        {
            policy_action::IMAGE_DELETE
        }
        _ => return None,
    };
    let facts = registrar.image(&image.image).await;
    let question = Question::new(operation.name, QuestionObject::Image(facts));
    Some(question.given_as(Some(&image.given)))
}
