//! The objects that a request names besides the object of its path.

use std::collections::HashMap;

use bytes::Bytes;
use hyper::StatusCode;

use crate::api::volume::VolumeCreate;
use crate::dockerd::host_switch::HostSwitches;
use crate::dockerd::object::{Container, Defaults, Image, Network, Volume};

/// Stands for any name, if a call may give or take every name.
pub(crate) const ANY_NAME: &str = "*";

/// The objects that a request names besides the object of its path.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// The container that the call connects to a network, disconnects from it, or commits to an image.
    pub(crate) member: Option<Container>,
    /// The containers whose namespaces or volumes the call uses.
    pub(crate) joined: Vec<Container>,
    /// The names that the request uses for containers, networks and images, by their ids.
    pub(crate) given: HashMap<String, String>,
    /// The existing volumes that the call mounts by name.
    pub(crate) volumes: Vec<Volume>,
    /// The volumes that the call mounts by name and that do not exist yet.
    pub(crate) missing_volumes: Vec<VolumeCreate>,
    /// The networks of a new container.
    pub(crate) networks: Vec<Network>,
    /// The image of a new container, or the images that the call copies out.
    pub(crate) images: Vec<Image>,
    /// dockerd's response if the image of a new container does not exist.
    pub(crate) missing_image: Option<(StatusCode, Bytes)>,
    /// The images that a new container mounts.
    pub(crate) mounted_images: Vec<Image>,
    /// docker's defaults, if a new container depends on them.
    pub(crate) defaults: Option<Box<Defaults>>,
    /// The objects that a list begins after or ends before, with the names that the request uses.
    pub(crate) filtered_by: Vec<(String, FilteredBy)>,
    /// The names that the call gives to images.
    pub(crate) names_taken: Vec<NameTaken>,
    /// The kernel parameters that are already on, so that a new network does not change them.
    pub(crate) switches: HostSwitches,
    /// The release of docker, if known.
    pub(crate) engine: Option<[u32; 3]>,
    /// The name that a pull gives to the image from the registry.
    pub(crate) name_pulled: Option<NameTaken>,
    /// Whether a service uses the network of the host, under any name.
    pub(crate) is_on_host_network: bool,
}

/// An object by which a list is filtered.
#[derive(Debug)]
pub(crate) enum FilteredBy {
    Container(Box<Container>),
    Image(Box<Image>),
}

/// A name that the call gives to an image.
#[derive(Debug)]
pub(crate) struct NameTaken {
    /// As docker writes it.
    pub(crate) name: String,
    pub(crate) holder: NameHolder,
}

/// The current holder of an image name.
#[derive(Debug)]
pub(crate) enum NameHolder {
    Nobody,
    Image(Box<Image>),
    /// The broker cannot tell.
    Unknown,
}
