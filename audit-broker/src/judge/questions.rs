//! What has to be allowed so that a call may be made.
//!
//! A call is one question, and one more for each thing that it uses: the image of a new container,
//! the volumes and networks that it gets, the containers that it joins. Knows which those are, and
//! asks nothing.

mod context;
mod image;

use crate::api::body::Body;
use crate::api::container::ContainerConfig;
use crate::api::operation::{ImageOperation, Operation};
use crate::api::volume::VolumeCreate;
use crate::dockerd::object::{Container, Network, Object, Volume};
use crate::dockerd::references::{FilteredBy, NameHolder, NameTaken};
use crate::dockerd::upstream::Unreachable;
use crate::judge::action::Action;
use crate::judge::danger::{self, Dangers};
use crate::judge::policy_action::{self, PolicyAction};
use crate::owner::{OwnedKind, name_key};
use crate::policy::{self, ContainerFacts, ImageFacts, Maker, ObjectFacts, Resource};
use crate::who::registrar::Registrar;
use image::{name_only, source_question};
pub(crate) use image::{names_removed, removal_questions};

/// Everything that has to be allowed.
#[derive(Debug)]
pub(crate) struct Questions {
    /// What the request says.
    pub(crate) call: policy::CallFacts,
    /// The call itself first.
    pub(crate) all: Vec<Question>,
    /// Whether it is about a process that somebody else has made, which nobody else can know of.
    pub(crate) is_foreign_exec: bool,
    /// Where the request asks for something of the host, in words for people.
    pub(crate) asks_for: Vec<String>,
}

/// One thing that has to be allowed.
#[derive(Debug)]
pub(crate) struct Question {
    /// The action, in the words of policies.
    pub(crate) action: &'static str,
    pub(crate) object: QuestionObject,
    /// A name that is taken by this step and is not that of the call.
    pub(crate) name: Option<String>,
    /// How who asks calls the thing, as far as that is known.
    pub(crate) given: String,
    /// Whether it is a container that has something of the host, whatever is asked for with it.
    pub(crate) is_on_privileged: bool,
}

/// What it is done with.
#[derive(Debug)]
pub(crate) enum QuestionObject {
    Daemon,
    Container(ContainerFacts),
    Image(ImageFacts),
    Volume(ObjectFacts),
    Network(ObjectFacts),
    /// The same, yet to be made.
    NewContainer(ContainerFacts),
    NewVolume(ObjectFacts),
    NewNetwork(ObjectFacts),
}

impl Question {
    fn new(action: &'static str, object: QuestionObject) -> Self {
        let given = match &object {
            QuestionObject::Container(container) => container.id.chars().take(SHORT_ID).collect(),
            QuestionObject::Image(image) => image.id.clone(),
            QuestionObject::Volume(volume) => volume.name.clone(),
            QuestionObject::Network(network) => network.id.chars().take(SHORT_ID).collect(),
            _ => String::new(),
        };
        Self { action, object, name: None, given, is_on_privileged: false }
    }

    /// Under the name that who asks has for it: by its id it would be told that it is there.
    fn given_as(mut self, name: Option<&String>) -> Self {
        if let Some(name) = name {
            self.given.clone_from(name);
        }
        self
    }
}

/// How much of an id docker shows.
const SHORT_ID: usize = 12;

impl QuestionObject {
    /// Who made it, or is to make it.
    pub(crate) const fn maker(&self) -> Option<&Maker> {
        match self {
            Self::Daemon => None,
            Self::Container(container) | Self::NewContainer(container) => Some(&container.maker),
            Self::Image(image) => Some(&image.maker),
            Self::Volume(object)
            | Self::NewVolume(object)
            | Self::Network(object)
            | Self::NewNetwork(object) => Some(&object.maker),
        }
    }

    pub(crate) fn resource(&self) -> Resource<'_> {
        match self {
            Self::Daemon => Resource::Daemon,
            Self::Container(container) | Self::NewContainer(container) => {
                Resource::Container(container)
            }
            Self::Image(image) => Resource::Image(image),
            Self::Volume(volume) | Self::NewVolume(volume) => Resource::Volume(volume),
            Self::Network(network) | Self::NewNetwork(network) => Resource::Network(network),
        }
    }
}

/// Finds what has to be allowed.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn questions_of(
    action: &Action,
    dangers: &Dangers,
    registrar: &Registrar<'_>,
) -> Result<Questions, Unreachable> {
    let call = context::call_of(action, dangers);
    let is_privileged = dangers.yield_host();
    let mut first = the_call(action, is_privileged, &call, registrar).await?;
    first.given = given(action, &first, &call);
    let mut questions = vec![first];
    for container in &action.references.joined {
        let operation = policy_action::CONTAINER_JOIN;
        let question = of_container(operation, container, false, registrar).await?;
        questions.push(question.given_as(action.references.given.get(&container.id)));
    }
    for volume in &action.references.volumes {
        questions.push(of_volume(policy_action::VOLUME_USE, volume, registrar).await);
    }
    for network in &action.references.networks {
        let operation = policy_action::NETWORK_USE.action(is_of_host(network));
        let question =
            Question::new(operation, QuestionObject::Network(registrar.network(network).await));
        questions.push(question.given_as(action.references.given.get(&network.id)));
    }
    for volume in &action.references.missing_volumes {
        let operation = policy_action::VOLUME_CREATE.action(is_privileged);
        questions.push(Question::new(
            operation,
            QuestionObject::NewVolume(new_volume(action, volume, registrar).await),
        ));
    }
    if let Body::ContainerCreate(config) = &action.body {
        let facts = image_of(action, config, registrar).await;
        let given = config.image.clone().unwrap_or_default();
        let question = Question::new(policy_action::IMAGE_USE.name, QuestionObject::Image(facts));
        questions.push(Question { given, ..question });
        for image in &action.references.mounted_images {
            let facts = registrar.image(image).await;
            let question =
                Question::new(policy_action::IMAGE_USE.name, QuestionObject::Image(facts));
            questions.push(question.given_as(action.references.given.get(&image.id)));
        }
    } else {
        for image in action.references.images.iter().skip(1) {
            let facts = registrar.image(image).await;
            let question =
                Question::new(policy_action::IMAGE_EXPORT.name, QuestionObject::Image(facts));
            questions.push(question.given_as(action.references.given.get(&image.id)));
        }
    }
    if let (Some(member), Body::NetworkConnect(_) | Body::NetworkDisconnect(_)) =
        (&action.references.member, &action.body)
    {
        let operation = policy_action::CONTAINER_UPDATE;
        questions.push(of_container(operation, member, is_privileged, registrar).await?);
    }
    if let (Object::Image(source), Operation::Image(ImageOperation::Tag)) =
        (&action.object, action.head.route.operation)
    {
        let facts = registrar.image(&source.image).await;
        let question = Question::new(policy_action::IMAGE_USE.name, QuestionObject::Image(facts));
        questions.push(Question { given: source.given.clone(), ..question });
    }
    if let Object::Image(image) = &action.object {
        // The first of them is the call itself.
        questions.extend(removal_questions(action, image, registrar).await.into_iter().skip(1));
        questions.extend(source_question(action, image, registrar).await);
    }
    if let Some(pulled) = &action.references.name_pulled {
        questions.extend(pull_question(pulled, registrar).await);
    }
    questions.extend(filter_questions(action, registrar).await?);
    let is_first =
        |operation| questions.first().is_some_and(|question| question.action == operation);
    let asked_for = usize::from(is_first(policy_action::IMAGE_NAME.name));
    for taken in action.references.names_taken.iter().skip(asked_for) {
        questions.push(name_question(taken, registrar).await);
    }
    let asks_for = dangers.findings.host_in_words();
    let is_foreign_exec = match &action.object {
        Object::Exec(exec) => {
            registrar.owners.get(OwnedKind::Exec, &exec.id).as_ref() != Some(&action.owner)
        }
        _ => false,
    };
    Ok(Questions { call, all: questions, is_foreign_exec, asks_for })
}

/// What the caller calls the thing that the call is about.
fn given(action: &Action, first: &Question, call: &policy::CallFacts) -> String {
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

/// The objects by which a list is filtered, which the caller must be allowed to see.
async fn filter_questions(
    action: &Action,
    registrar: &Registrar<'_>,
) -> Result<Vec<Question>, Unreachable> {
    let mut questions = Vec::new();
    for (name, by) in &action.references.filtered_by {
        let question = match by {
            FilteredBy::Container(container) => {
                of_container(policy_action::CONTAINER_INSPECT, container, false, registrar).await?
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

/// The call itself.
async fn the_call(
    action: &Action,
    is_privileged: bool,
    call: &policy::CallFacts,
    registrar: &Registrar<'_>,
) -> Result<Question, Unreachable> {
    let head = &action.head;
    let operation = match head.route.operation {
        Operation::Image(ImageOperation::Pull) if head.query.text("fromSrc").is_some() => {
            policy_action::IMAGE_IMPORT
        }
        op => policy_action::of(op),
    };
    let name = operation.action(is_privileged);
    Ok(match (&action.object, &action.body) {
        (Object::Container(container), _) => {
            of_container(operation, container, is_privileged, registrar).await?
        }
        (Object::Exec(exec), _) => {
            of_container(operation, &exec.container, is_privileged, registrar).await?
        }
        (Object::Image(_), _) if operation == policy_action::IMAGE_NAME => {
            match action.references.names_taken.first() {
                Some(taken) => name_question(taken, registrar).await,
                // dockerd wants a name.
                None => Question::new(name, QuestionObject::Daemon),
            }
        }
        (Object::Image(image), _) => {
            let facts = match name_only(action, image, registrar) {
                Some(removed) => registrar.named_image(removed, &image.image).await,
                None => registrar.image(&image.image).await,
            };
            Question::new(name, QuestionObject::Image(facts))
        }
        // Several by name, of which the others are asked for below.
        (Object::None, _) if operation == policy_action::IMAGE_EXPORT => {
            let given = head.query.text("names").unwrap_or_default();
            let first = match action.references.images.first() {
                Some(image) => registrar.image(image).await,
                None => ImageFacts::of_name(given),
            };
            Question::new(name, QuestionObject::Image(first))
        }
        (Object::Volume(volume), _) => of_volume(operation, volume, registrar).await,
        (Object::Network(network), _) => {
            let name = operation.action(is_privileged || is_of_host(network));
            Question::new(name, QuestionObject::Network(registrar.network(network).await))
        }
        (_, Body::Commit(_)) => match &action.references.member {
            Some(member) => of_container(operation, member, is_privileged, registrar).await?,
            None => Question::new(name, QuestionObject::Daemon),
        },
        (_, Body::ContainerCreate(config)) => {
            let facts = ContainerFacts {
                id: String::new(),
                name: call.name.clone(),
                image: image_of(action, config, registrar).await,
                labels: config.labels.clone().unwrap_or_default(),
                maker: registrar.maker(Some(&action.owner)).await,
            };
            Question::new(name, QuestionObject::NewContainer(facts))
        }
        (_, Body::VolumeCreate(volume)) => Question::new(
            name,
            QuestionObject::NewVolume(new_volume(action, volume, registrar).await),
        ),
        (_, Body::NetworkCreate(network)) => {
            let facts = ObjectFacts {
                id: String::new(),
                name: call.name.clone(),
                driver: network.driver.clone().unwrap_or_default(),
                labels: network.labels.clone().unwrap_or_default(),
                maker: registrar.maker(Some(&action.owner)).await,
            };
            Question::new(name, QuestionObject::NewNetwork(facts))
        }
        _ => Question::new(name, QuestionObject::Daemon),
    })
}

/// A name that an image is given: that of the image which has it so far, if there is one.
pub(crate) async fn name_question(taken: &NameTaken, registrar: &Registrar<'_>) -> Question {
    let thing = match &taken.holder {
        NameHolder::Nobody => QuestionObject::Daemon,
        NameHolder::Image(image) => {
            QuestionObject::Image(registrar.named_image(&taken.name, image).await)
        }
        // Root's.
        NameHolder::Unknown => QuestionObject::Image(ImageFacts::of_name(&taken.name)),
    };
    let question = Question::new(policy_action::IMAGE_NAME.name, thing);
    Question { name: Some(taken.name.clone()), given: taken.name.clone(), ..question }
}

/// A name that a pull gives, where that may be another's: a name that nothing has, and one that a pull
/// has set before, are for the registry to give.
pub(crate) async fn pull_question(
    pulled: &NameTaken,
    registrar: &Registrar<'_>,
) -> Option<Question> {
    let is_free = match &pulled.holder {
        NameHolder::Nobody => true,
        NameHolder::Image(image) => {
            let key = name_key(&pulled.name, &image.id);
            registrar.owners.get(OwnedKind::PulledName, &key).is_some()
        }
        NameHolder::Unknown => false,
    };
    if is_free { None } else { Some(name_question(pulled, registrar).await) }
}

/// The image of a new container; where it is not here, no more is known of it than its name.
async fn image_of(
    action: &Action,
    config: &ContainerConfig,
    registrar: &Registrar<'_>,
) -> ImageFacts {
    match action.references.images.first() {
        Some(image) => registrar.image(image).await,
        None => ImageFacts::of_name(config.image.as_deref().unwrap_or_default()),
    }
}

async fn new_volume(
    action: &Action,
    volume: &VolumeCreate,
    registrar: &Registrar<'_>,
) -> ObjectFacts {
    let name = volume.name.clone().unwrap_or_default();
    ObjectFacts {
        id: name.clone(),
        name,
        driver: volume.driver.clone().unwrap_or_default(),
        labels: volume.labels.clone().unwrap_or_default(),
        maker: registrar.maker(Some(&action.owner)).await,
    }
}

/// Something done with a container, which may have something of the host since it was made.
async fn of_container(
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

async fn of_volume(
    operation: PolicyAction,
    volume: &Volume,
    registrar: &Registrar<'_>,
) -> Question {
    let is_privileged = danger::of_volume(volume).yield_host();
    Question::new(
        operation.action(is_privileged),
        QuestionObject::Volume(registrar.volume(volume).await),
    )
}

/// Whether a network is the host's own or a part of one outside. The names of those of which docker
/// has one only are looked at with the request.
fn is_of_host(network: &Network) -> bool {
    !matches!(network.driver.as_str(), "bridge" | "overlay" | "null" | "")
}
