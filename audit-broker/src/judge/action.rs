//! What somebody asks for: who, what, and of which object.

use std::rc::Rc;

use crate::api::body::Body;
use crate::api::request::Head;
use crate::dockerd::object::{Image, Object};
use crate::dockerd::references::References;
use crate::owner::Owner;
use crate::who::subject::Subject;

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
