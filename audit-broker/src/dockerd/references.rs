//! The objects that a request names besides the object of its path.

use std::collections::HashMap;

use bytes::Bytes;
use hyper::StatusCode;

use crate::api::volume::VolumeCreate;
use crate::dockerd::host_switch::HostSwitches;
use crate::dockerd::object::{Container, Defaults, Image, Network, Volume};

/// Stands for any name, where a call may give or take every name.
pub(crate) const ANY_NAME: &str = "*";

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
    pub(crate) holder: NameHolder,
}

/// What has a name so far.
#[derive(Debug)]
pub(crate) enum NameHolder {
    Nobody,
    Image(Box<Image>),
    /// That cannot be told.
    Unknown,
}
