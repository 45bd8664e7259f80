//! What a caller can do instead of what is denied.

use crate::judge::danger::Danger;
use crate::judge::questions::{Question, QuestionObject};

/// Where a danger comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DangerSource {
    /// The request itself.
    Request,
    /// A container that exists.
    Container,
    /// A volume that exists.
    Volume,
    /// The image of a new container.
    Image,
    /// A process in a container.
    Exec,
    /// A path of the host, after its symlinks.
    Path,
    /// The choice of BuildKit for a build.
    BuildKit,
}

impl DangerSource {
    /// The place that a finding's part names.
    pub(super) fn of(part: &str) -> Self {
        const PLACES: [(&str, DangerSource); 7] = [
            ("container ", DangerSource::Container),
            ("volume ", DangerSource::Volume),
            ("image: ", DangerSource::Image),
            ("exec ", DangerSource::Exec),
            ("path ", DangerSource::Path),
            ("paths", DangerSource::Path),
            ("query version", DangerSource::BuildKit),
        ];
        let place = PLACES.iter().find(|(prefix, _)| part.starts_with(prefix));
        place.map_or(Self::Request, |(_, place)| *place)
    }
}

/// What to do instead of asking for a danger at this place. `flag` is docker's flag for it, if it has one.
pub(super) fn instead_of(danger: Danger, place: DangerSource, flag: Option<&str>) -> &'static str {
    match place {
        DangerSource::Container => "create the container again without it",
        DangerSource::Volume => "use another volume",
        DangerSource::Image => "set it in the request, or use another image",
        DangerSource::Exec => "create the process again without it",
        DangerSource::Path => "name a path that only root can change",
        DangerSource::BuildKit => "leave it out to use the classic builder: DOCKER_BUILDKIT=0",
        DangerSource::Request => in_request(danger, flag),
    }
}

fn in_request(danger: Danger, flag: Option<&str>) -> &'static str {
    const VOLUME: &str = "use a volume: `-v NAME:PATH`";
    match (danger, flag) {
        (Danger::HostFiles, _) | (Danger::HostRoot, Some("-v" | "--mount")) => VOLUME,
        (Danger::HostRoot, Some(_)) | (Danger::Devices | Danger::LoosenedConfinement, _) => {
            "leave it out"
        }
        // The part of the other calls says what to use instead, if anything.
        (Danger::HostRoot, None) => "only root and callers with full access may do this",
        (Danger::HostNetwork, Some("--driver")) => "use the driver bridge or overlay",
        (Danger::HostNetwork, _) => "use a network of docker, and publish ports with `-p`",
        (Danger::HostPid, _) => {
            "leave it out, or use `--pid container:NAME` with a container of your own"
        }
        (Danger::HostIpc, _) => {
            "use `--ipc private`, or `--ipc container:NAME` with one of your own"
        }
        (Danger::HostUts, _) => "give the container a name of its own: `--hostname NAME`",
        (Danger::HostUser, _) => "leave it out; docker then maps the container's users",
        (Danger::HostCgroup, _) => {
            "leave it out, and limit the container with `--cpus` and `--memory`"
        }
        (Danger::HostResources, _) => "leave it out, or set a limit",
        (Danger::HostPorts, _) => "leave it out, and let containers talk on a network of docker",
        (Danger::Capabilities, _) => "use the capabilities that docker gives by default",
        (Danger::ForeignContainer, _) => "use a container of your own",
        (Danger::EvidenceHiding, _) => "leave it out, so that docker keeps its logs",
        (Danger::EvidenceForging, None) => "docker gives it to each step of a build",
        (Danger::EvidenceForging, Some(_)) => {
            "leave it out; only programs that write audit records need it"
        }
        (Danger::Outbound, _) => "fetch it yourself, and send it with the request",
        (Danger::Runtime, _) => "leave it out; docker then uses its own runtime",
        (Danger::StorageDriver, _) => "use the driver local",
    }
}

/// What to do about a denial that concerns an object and no danger.
pub(super) fn other_than(question: &Question) -> &'static str {
    match (&question.object, &question.name) {
        (_, Some(_)) => "choose a name that is free or your own",
        (QuestionObject::Container(_), None) => "use a container of your own",
        (QuestionObject::Volume(_), None) => "use a volume of your own",
        (QuestionObject::Network(_), None) => "use a network of your own",
        (QuestionObject::Image(_), None) => "use an image or a name of your own",
        (
            QuestionObject::Daemon
            | QuestionObject::NewContainer(_)
            | QuestionObject::NewVolume(_)
            | QuestionObject::NewNetwork(_),
            None,
        ) => "`audit-broker explain -- COMMAND` shows what the policies ask for",
    }
}
