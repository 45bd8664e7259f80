//! The questions that a call puts to the policies.
//!
//! A call raises one question about itself, and one about each object that it uses: the image of a new
//! container, the volumes and networks that the container gets, the containers that it joins. This
//! file knows which questions a call raises. It does not put them to the policies.
//!
//! Builds and services have no file of their own: a build raises questions about dockerd and about the
//! names of its image, and a service about dockerd only.

mod call;
mod container;
mod context;
mod exec;
mod image;
mod network;
mod volume;

use audit_host::object_id::short_id;

use crate::api::operation::{ContainerOperation, Operation, VolumeOperation};
use crate::api::request::Head;
use crate::dockerd::references::{Mention, References};
use crate::dockerd::upstream::Unreachable;
use crate::judge::action::Action;
use crate::judge::danger::{Dangers, Findings};
use crate::judge::policy_action::{AskedAction, PolicyAction};
use crate::policy::{self, ContainerFacts, ImageFacts, Maker, ObjectFacts, Resource};
use crate::who::owner_finder::OwnerFinder;
pub(crate) use image::{
    loaded_questions, name_question, names_removed, pull_question, removal_questions,
};

/// Everything that the policies must permit before the broker makes a call.
#[derive(Debug)]
pub(crate) struct Questions {
    /// What the request says.
    pub(crate) call: policy::CallFacts,
    /// The first question is about the call itself.
    pub(crate) all: Vec<Question>,
    /// Whether the call is about a process that another caller started (`docker exec`). Only its starter may
    /// use it.
    pub(crate) is_foreign_exec: bool,
    /// How docker responds if an object of the call does not exist.
    pub(crate) absence: Absence,
    /// The dangers of the request, for the text of a denial.
    pub(crate) findings: Findings,
}

/// One action on one object that the policies must permit.
#[derive(Debug)]
pub(crate) struct Question {
    /// The action, as policies call it.
    pub(crate) action: AskedAction,
    pub(crate) object: QuestionObject,
    /// The name that the object would get, if the question is about a name.
    pub(crate) name: Option<String>,
    /// The name that the caller used for the object; empty if unknown.
    pub(crate) given: String,
    /// How the request mentions the object; `None` for the object of the path and for the image of a new
    /// container.
    pub(crate) mention: Option<Mention>,
    /// Whether the object is a container that already reaches the host.
    pub(crate) is_on_privileged: bool,
}

/// How docker responds to a call about an object that does not exist. The broker hides an object by the
/// same response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Absence {
    #[default]
    NotFound,
    /// A new container: clients take 404 for a missing image, which they then pull.
    NewContainer,
    /// The forced removal of a volume succeeds.
    ForcedRemoval,
}

/// The object of a question.
#[derive(Debug)]
pub(crate) enum QuestionObject {
    Daemon,
    Container(ContainerFacts),
    Image(ImageFacts),
    Volume(ObjectFacts),
    Network(ObjectFacts),
    /// Objects that the call makes.
    NewContainer(ContainerFacts),
    NewVolume(ObjectFacts),
    NewNetwork(ObjectFacts),
}

impl Question {
    fn new(action: AskedAction, object: QuestionObject) -> Self {
        let given = match &object {
            QuestionObject::Container(container) => short_id(&container.id).to_owned(),
            QuestionObject::Image(image) => image.id.clone(),
            QuestionObject::Volume(volume) => volume.name.clone(),
            QuestionObject::Network(network) => short_id(&network.id).to_owned(),
            QuestionObject::Daemon
            | QuestionObject::NewContainer(_)
            | QuestionObject::NewVolume(_)
            | QuestionObject::NewNetwork(_) => String::new(),
        };
        Self { action, object, name: None, given, mention: None, is_on_privileged: false }
    }

    /// Notes how the request mentions the object.
    fn mentioned(self, references: &References, id: &str) -> Self {
        let question = self.given_as(references.given.get(id));
        Self { mention: references.mentions.get(id).copied(), ..question }
    }

    /// Uses the caller's own name for the object. An id would tell the caller that the object exists.
    fn given_as(mut self, name: Option<&String>) -> Self {
        if let Some(name) = name {
            self.given.clone_from(name);
        }
        self
    }
}

impl QuestionObject {
    /// Who made the object, or is about to make it.
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

/// Finds the questions of a call. Their order decides which denial the caller gets.
///
/// # Errors
/// If dockerd cannot be reached.
pub(crate) async fn questions_of(
    action: &Action,
    dangers: &Dangers,
    owner_finder: &OwnerFinder<'_>,
) -> Result<Questions, Unreachable> {
    let call = context::call_of(action, dangers);
    let is_privileged = dangers.gives_host_access();
    let first = call::question(action, is_privileged, &call, owner_finder).await?;
    let is_name = first.action == PolicyAction::ImageName.plain();
    let mut all = vec![first];
    all.extend(container::joined(action, owner_finder).await?);
    all.extend(volume::used(action, owner_finder).await);
    all.extend(network::used(action, owner_finder).await);
    all.extend(volume::missing(action, is_privileged, owner_finder).await);
    all.extend(image::used(action, owner_finder).await);
    if container::of_open_network(action, is_privileged, owner_finder).await?.is_none() {
        all.extend(container::member(action, is_privileged, owner_finder).await?);
    }
    all.extend(image::changed(action, owner_finder).await);
    all.extend(container::filtered_by(action, owner_finder).await?);
    all.extend(container::attached(action, is_privileged, owner_finder).await);
    // The first question may be about the first name.
    for taken in action.references.names_taken.iter().skip(usize::from(is_name)) {
        all.push(name_question(taken, owner_finder).await);
    }
    let is_foreign_exec = exec::is_foreign(action, owner_finder);
    let (absence, findings) = (absence_of(&action.head), dangers.findings.clone());
    Ok(Questions { call, all, is_foreign_exec, absence, findings })
}

/// How docker responds if an object of the call does not exist.
///
/// # Source
/// `run` in `cli/command/container/create.go` of docker/cli pulls the image at a 404. `Remove` in
/// `volume/service/service.go` of moby ignores a missing volume if forced.
pub(crate) fn absence_of(head: &Head) -> Absence {
    match head.route.operation {
        Operation::Container(ContainerOperation::Create) => Absence::NewContainer,
        Operation::Volume(VolumeOperation::Remove) if head.query.text("force") == Some("1") => {
            Absence::ForcedRemoval
        }
        Operation::Container(_)
        | Operation::Volume(_)
        | Operation::System(_)
        | Operation::Registry(_)
        | Operation::Exec(_)
        | Operation::Image(_)
        | Operation::Network(_)
        | Operation::Build(_)
        | Operation::Plugin(_)
        | Operation::Swarm(_) => Absence::NotFound,
    }
}
