//! The objects that a request names besides the object of its path.

use std::collections::HashMap;

use audit_host::image_name::no_such_image;
use audit_host::options::subnet::Subnet;
use bytes::Bytes;
use hyper::StatusCode;

use crate::api::volume::VolumeCreate;
use crate::dockerd::host_sysctl::HostSysctls;
use crate::dockerd::object::{Container, Defaults, Image, Network, Volume};

/// Stands for any name, if a call may give or take every name.
pub(crate) const ANY_NAME: &str = "*";

/// The objects that a request names besides the object of its path.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// The container that the call connects to a network, disconnects from it, or commits to an image, or
    /// whose alias for another container it removes.
    pub(crate) member: Option<Container>,
    /// The containers whose namespaces or volumes the call uses.
    pub(crate) joined: Vec<Container>,
    /// The names that the request uses for containers, networks and images, by their ids.
    pub(crate) given: HashMap<String, String>,
    /// How the request mentions these containers, networks and images, by their ids.
    pub(crate) mentions: HashMap<String, Mention>,
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
    pub(crate) host_sysctls: HostSysctls,
    /// The ranges of addresses that a new network must not have, if the request chooses some. `None` if
    /// they are not known.
    pub(crate) taken_subnets: Option<Vec<Subnet>>,
    /// The release of docker, if known.
    pub(crate) engine: Option<[u32; 3]>,
    /// The name that a pull gives to the image from the registry.
    pub(crate) name_pulled: Option<NameTaken>,
    /// Whether a service uses the network of the host, under any name.
    pub(crate) is_on_host_network: bool,
}

impl References {
    /// The names that the call gives to an image and that an image has already.
    pub(crate) fn held_names_mut(&mut self) -> impl Iterator<Item = &mut NameTaken> {
        let taken = self.names_taken.iter_mut().chain(&mut self.name_pulled);
        taken.filter(|taken| matches!(taken.holder, NameHolder::Image(_)))
    }

    /// Notes how the request mentions an object. The first mention counts.
    pub(crate) fn mention(&mut self, id: &str, name: &str, mention: Mention) {
        self.given.entry(id.to_owned()).or_insert_with(|| name.to_owned());
        self.mentions.entry(id.to_owned()).or_insert(mention);
    }
}

/// How a request mentions an object besides the object of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mention {
    /// A container whose volumes, process ids or shared memory the new container uses.
    Joined,
    /// A container in `HostConfig.Links`.
    Linked,
    /// A container that dockerd looks up only when the new container starts: of its network, of its
    /// control group, or a link in a network.
    JoinedAtStart,
    /// A network.
    Network,
    /// An image that a container mounts.
    MountedImage,
}

impl Mention {
    /// dockerd's message about such an object that does not exist. dockerd accepts some names of objects
    /// that do not exist yet. The broker does not: at the start, it could not keep dockerd from using
    /// another object that takes the name in the meantime.
    ///
    /// # Source
    /// `registerLinks` in `daemon/daemon_unix.go`, `GetContainer` in `daemon/container.go` and
    /// `FindNetwork` in `daemon/network.go` of moby.
    pub(crate) fn missing(self, name: &str) -> String {
        const FIRST: &str = "create it first: audit-broker accepts no name of a later object";
        match self {
            Self::Joined => format!("No such container: {name}"),
            Self::Linked => {
                format!("could not get container for {name}: No such container: {name}")
            }
            Self::JoinedAtStart => format!("No such container: {name}; {FIRST}"),
            Self::Network => format!("network {name} not found; {FIRST}"),
            Self::MountedImage => no_such_image(name),
        }
    }
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
    Unused,
    Image(Box<Image>),
    /// The broker cannot tell.
    Unknown,
}
