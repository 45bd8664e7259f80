//! One call: the caller, the request, and the objects that it names.

use std::rc::Rc;

use crate::api::body::Body;
use crate::api::request::Head;
use crate::dockerd::object::{Image, Object};
use crate::dockerd::references::References;
use crate::owner::Owner;
use crate::who::subject::Subject;

/// A call of the docker API, with everything that a judgement needs.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) subject: Rc<Subject>,
    /// The owner of anything that the call creates.
    pub(crate) owner: Owner,
    pub(crate) head: Head,
    pub(crate) body: Body,
    pub(crate) object: Object,
    /// The other objects that the request names.
    pub(crate) references: References,
}

impl Action {
    /// The command that runs in the container. It comes from the image if the request has none.
    pub(crate) fn command(&self) -> Vec<String> {
        match &self.body {
            Body::ContainerCreate(config) => {
                let entrypoint = config.entrypoint.as_ref().map(|words| words.0.as_slice());
                let command = config.cmd.as_ref().map(|words| words.0.as_slice());
                effective(entrypoint, command, self.references.images.first())
            }
            Body::ExecCreate(exec) => exec.cmd.clone().unwrap_or_default(),
            Body::None
            | Body::Stream
            | Body::Auth(_)
            | Body::ContainerUpdate(_)
            | Body::Commit(_)
            | Body::ExecStart(_)
            | Body::VolumeCreate(_)
            | Body::VolumeUpdate(_)
            | Body::NetworkCreate(_)
            | Body::NetworkConnect(_)
            | Body::NetworkDisconnect(_)
            | Body::PluginPrivileges(_)
            | Body::PluginSet(_)
            | Body::SwarmInit(_)
            | Body::SwarmJoin(_)
            | Body::SwarmUpdate(_)
            | Body::SwarmUnlock(_)
            | Body::NodeUpdate(_)
            | Body::Service(_)
            | Body::Secret(_)
            | Body::Config(_) => match &self.object {
                Object::Exec(exec) => exec.command.clone(),
                Object::None
                | Object::Container(_)
                | Object::Network(_)
                | Object::Image(_)
                | Object::Volume(_)
                | Object::Named(_) => Vec::new(),
            },
        }
    }
}

/// Merges the command of a request with that of its image. The image's arguments apply only if the
/// request sets neither an entry point nor arguments.
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
    // A single empty word removes the image's entry point.
    let entrypoint = if entrypoint == [""] { &[] } else { entrypoint };
    entrypoint.iter().chain(arguments).cloned().collect()
}
