//! Anonymous volumes.
//!
//! dockerd makes one where a container or its image asks for a volume without naming it. The volume
//! comes with the container, so the broker cannot put a label on it. Its owner is the caller who made
//! the container. Compose mounts the volume by name when it makes the container again.

use std::collections::HashSet;

use crate::api::body::Body;
use crate::api::mount::Mount;
use crate::dockerd::object::Container;
use crate::judge::action::Action;

/// Whether a new container may come with anonymous volumes.
pub(crate) fn may_come_with(action: &Action) -> bool {
    let Body::ContainerCreate(config) = &action.body else { return false };
    let host_config = config.host_config.as_ref();
    let binds = host_config.and_then(|host| host.binds.as_ref());
    let mounts = host_config.and_then(|host| host.mounts.as_ref());
    config.volumes.as_ref().is_some_and(|volumes| !volumes.is_empty())
        || mounts.into_iter().flatten().any(is_anonymous)
        // A path alone is the place in the container.
        || binds.into_iter().flatten().any(|bind| !bind.contains(':'))
        || action.references.images.iter().any(|image| image.volumes().next().is_some())
}

fn is_anonymous(mount: &Mount) -> bool {
    let is_volume = matches!(mount.kind.as_deref(), None | Some("volume"));
    is_volume && mount.source.as_ref().is_none_or(String::is_empty)
}

/// The anonymous volumes of a new container: those that it has neither from another container nor by
/// name.
pub(crate) fn of<'a>(
    container: &'a Container,
    action: &'a Action,
) -> impl Iterator<Item = &'a str> {
    let used = &action.references;
    let of_others = used.joined.iter().flat_map(Container::volumes);
    let existing = used.volumes.iter().map(|volume| volume.name.as_str());
    let made = used.missing_volumes.iter().filter_map(|volume| volume.name.as_deref());
    let known: HashSet<&str> = of_others.chain(existing).chain(made).collect();
    container.volumes().filter(move |name| !known.contains(name))
}
