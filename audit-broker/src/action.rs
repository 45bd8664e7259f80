//! What somebody asks for: who, what, and of which object.

use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use hyper::StatusCode;

use crate::api::body::Body;
use crate::api::volume::VolumeCreate;
use crate::host_switch::HostSwitches;
use crate::object::{Container, Defaults, Image, Network, Object, Volume};
use crate::owner::Owner;
use crate::request::Head;
use crate::subject::Subject;

/// One call of the docker API, understood as a whole.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) subject: Rc<Subject>,
    /// Whose what it makes is.
    pub(crate) owner: Owner,
    pub(crate) head: Head,
    pub(crate) body: Body,
    pub(crate) object: Object,
    /// What the body refers to.
    pub(crate) references: References,
}

impl Action {
    /// What is run in a container, in effect: the image's command where the request has none.
    pub(crate) fn command(&self) -> Vec<String> {
        match (&self.body, &self.object) {
            (Body::ContainerCreate(config), _) => {
                let entrypoint = config.entrypoint.as_ref().map(|words| words.0.as_slice());
                let command = config.cmd.as_ref().map(|words| words.0.as_slice());
                effective(entrypoint, command, self.references.images.first())
            }
            (Body::ExecCreate(exec), _) => exec.cmd.clone().unwrap_or_default(),
            (_, Object::Exec(exec)) => exec.command.clone(),
            _ => Vec::new(),
        }
    }
}

/// What is run: arguments that the request leaves out are the image's only where the entry point is
/// the image's too.
///
/// # Source
/// `merge` in `daemon/commit.go` of moby.
fn effective(
    entrypoint: Option<&[String]>,
    command: Option<&[String]>,
    image: Option<&Image>,
) -> Vec<String> {
    let (of_image, arguments_of_image) = image.map_or((&[][..], &[][..]), Image::command);
    let given = |words: Option<&[String]>| words.is_some_and(|words| !words.is_empty());
    let arguments = if given(command) || given(entrypoint) {
        command.unwrap_or_default()
    } else {
        arguments_of_image
    };
    let entrypoint = entrypoint.unwrap_or(of_image);
    // One empty word takes the image's entry point away.
    let entrypoint = if entrypoint == [""] { &[] } else { entrypoint };
    entrypoint.iter().chain(arguments).cloned().collect()
}

/// What a body names besides the object of the call.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// The container that is connected to a network, taken off it, or made an image.
    pub(crate) member: Option<Container>,
    /// The containers whose namespaces are joined or volumes used.
    pub(crate) joined: Vec<Container>,
    /// What the request calls the containers, networks and images that it names, by their ids.
    pub(crate) given: HashMap<String, String>,
    /// The volumes that are mounted by name.
    pub(crate) volumes: Vec<Volume>,
    /// The volumes that are mounted by name and not there yet.
    pub(crate) missing_volumes: Vec<VolumeCreate>,
    /// The networks that a container is connected to when it is made.
    pub(crate) networks: Vec<Network>,
    /// The image of a new container, or those that are copied out.
    pub(crate) images: Vec<Image>,
    /// What dockerd says of the image of a new container that is not there.
    pub(crate) missing_image: Option<(StatusCode, Bytes)>,
    /// The images that a new container mounts.
    pub(crate) mounted_images: Vec<Image>,
    /// What docker uses where a request says nothing else, if a new container depends on it.
    pub(crate) defaults: Option<Box<Defaults>>,
    /// What a list is to begin after or end before, by the name that the client gives it.
    pub(crate) filtered_by: Vec<(String, FilteredBy)>,
    /// The names that images are given.
    pub(crate) names_taken: Vec<NameTaken>,
    /// What the host's kernel does already that a new network would have it do.
    pub(crate) switches: HostSwitches,
    /// The release of docker, as far as it is known.
    pub(crate) engine: Option<[u32; 3]>,
    /// The name that a pull gives to what the registry has.
    pub(crate) name_pulled: Option<NameTaken>,
    /// Whether a service is on the network of the host, by whatever name.
    pub(crate) is_on_host_network: bool,
}

/// An object by which a list is filtered.
#[derive(Debug)]
pub(crate) enum FilteredBy {
    Container(Box<Container>),
    Image(Box<Image>),
}

/// A name that an image is given.
#[derive(Debug)]
pub(crate) struct NameTaken {
    /// As docker writes it.
    pub(crate) name: String,
    pub(crate) holder: Holder,
}

/// What has a name so far.
#[derive(Debug)]
pub(crate) enum Holder {
    Nobody,
    Image(Box<Image>),
    /// That cannot be told.
    Unknown,
}
