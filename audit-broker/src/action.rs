//! What somebody asks for: who, what, and of which object.

use std::rc::Rc;

use crate::api::body::Body;
use crate::api::host_config::HostConfig;
use crate::object::{Container, Object, Volume};
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
    /// The container that is connected to a network, or taken off it.
    pub(crate) member: Option<Container>,
    /// What the containers have whose namespaces are joined or volumes used.
    pub(crate) joined: Vec<HostConfig>,
    /// Named volumes that are there already.
    pub(crate) volumes: Vec<Volume>,
}
