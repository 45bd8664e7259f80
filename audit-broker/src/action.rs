//! What somebody asks for: who, what, and of which object.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::api::body::Body;
use crate::api::host_config::HostConfig;
use crate::object::{Container, Object};
use crate::request::Head;
use crate::subject::Subject;

/// One call of the docker API, understood as a whole.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) subject: Rc<Subject>,
    pub(crate) head: Head,
    pub(crate) body: Body,
    pub(crate) object: Object,
    /// What the body refers to.
    pub(crate) references: References,
}

/// What a body names besides the object of the call.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// The container that is connected to a network, taken off it, or made an image.
    pub(crate) member: Option<Container>,
    /// What the containers have whose namespaces are joined or volumes used.
    pub(crate) joined: Vec<HostConfig>,
    /// What was asked for when the volumes were made that are mounted by name.
    pub(crate) volume_options: Vec<BTreeMap<String, String>>,
    /// Whether a service is on the network of the host, by whatever name.
    pub(crate) is_on_host_network: bool,
}
