//! Why something that works at dockerd does not work in a place.
//!
//! Each red cell of docs/clients.md has one of these reasons. An error without one fails the test.

use std::fmt::{self, Display, Formatter, Write as _};

use audit_host::danger::Danger;

use crate::document::expect;
use crate::place::Place;

/// What stands before the word of a danger in a denial.
const BEFORE_DANGER: &str = "which asks for ";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    RemovedKey,
    FixedSocket,
    BuildKit,
    BuildOption,
    Danger(Danger),
    Administration,
    RootsObject,
    Quota,
    Archive,
    CompressedArchive,
    LaterObject,
    ImageId,
    PortForm,
    EarlierTest,
}

impl Reason {
    /// The reasons that have words of their own.
    const NAMED: [Self; 13] = [
        Self::RemovedKey,
        Self::FixedSocket,
        Self::BuildKit,
        Self::BuildOption,
        Self::Administration,
        Self::RootsObject,
        Self::Quota,
        Self::Archive,
        Self::CompressedArchive,
        Self::LaterObject,
        Self::ImageId,
        Self::PortForm,
        Self::EarlierTest,
    ];

    /// The reason that an error states; `None` if it states none that we accept.
    pub(crate) fn of(error: &str) -> Option<Self> {
        let has = |sign: &&str| error.contains(*sign);
        let named = Self::NAMED.into_iter().find(|reason| reason.signs().iter().any(has));
        named.or_else(|| Self::danger(error))
    }

    /// The first danger that a denial names.
    fn danger(error: &str) -> Option<Self> {
        let (before, rest) = error.split_once(BEFORE_DANGER)?;
        let word = rest.split([' ', ',']).next()?;
        let danger = Danger::from_name(word)?;
        before.contains("not allowed: privileged-").then_some(Self::Danger(danger))
    }

    /// Texts of which one stands in each error with this reason.
    fn signs(self) -> &'static [&'static str] {
        match self {
            Self::RemovedKey => &["KeyError: 'ContainerConfig'", "  'ContainerConfig'"],
            Self::FixedSocket => &["Connect, Os { code: 13, kind: PermissionDenied"],
            Self::BuildKit => &[
                "unable to upgrade to h2c, received 403",
                "docker-container driver",
                "[internal] booting buildkit",
                "No such container: buildx_buildkit_default",
                "not allowed: privileged-build-session",
            ],
            Self::BuildOption => &["not allowed: the build option"],
            Self::Danger(_) => &[],
            Self::Administration => &["not allowed: swarm-", "not allowed: plugin-manage"],
            Self::RootsObject => &[
                "not allowed: image-name of",
                "not allowed: image-delete of",
                // aiodocker's test of a pull shows only the status.
                "assert 403 == 400",
            ],
            Self::Quota => &["networks_per_user allows"],
            Self::Archive => &["the archive breaks off", "the archive has neither"],
            Self::CompressedArchive => &["the archive is compressed"],
            Self::LaterObject => &["accepts no name of a later object"],
            // The test of bollard that publishes port 443 looks for the key that it sent.
            Self::PortForm => &[r#"contains(&"8080".to_string())"#],
            // bollard's test of commit uses what its test of attach pulled.
            Self::EarlierTest => &[r#"404, message: "No such image: 127.0.0.1:"#],
            // Of what stands in the image, only docker-py's test of commit looks at the name.
            Self::ImageId => &["assert 'alpine:3.10' == 'sha256:"],
        }
    }

    /// The sentence of the document about it.
    fn explanation(self) -> &'static str {
        match self {
            Self::RemovedKey => {
                "The client fails without the broker too: compose 1.29 reads `ContainerConfig` of an image, \
                 which docker 28 no longer sends."
            }
            Self::FixedSocket => {
                "The test connects to docker's own socket, whatever `DOCKER_HOST` says."
            }
            Self::BuildKit => {
                "BuildKit's protocol asks for `host-network` and `devices`, because the broker does not \
                 read it. buildx then tries to start a builder in a container of its own, which is \
                 privileged. Use the classic builder: `DOCKER_BUILDKIT=0`."
            }
            Self::BuildOption => {
                "The option changes a step of a build without changing its key in docker's cache, which \
                 root's builds use too."
            }
            Self::Danger(_) => {
                "The call asks for access to the host, which `default.cedar` gives to root and \
                 docker-admin only."
            }
            Self::Administration => {
                "Swarms and plugins change the whole host, so they are for root and docker-admin."
            }
            Self::RootsObject => {
                "The image belongs to root or docker-admin, who would run a changed one with their access \
                 to the host."
            }
            Self::Quota => "A user may have 10 networks (`networks_per_user`).",
            Self::Archive => {
                "The broker reads the archive of an ordinary user before dockerd gets it. It refuses with 400 \
                 one that is not complete, for which dockerd answers 200 with the error in the body, and \
                 one that docker before 1.10 saved."
            }
            Self::CompressedArchive => {
                "docker before 29.5.1 unpacks a compressed archive with programs of the container, on the \
                 host (CVE-2026-41567). The broker takes only uncompressed ones there."
            }
            Self::LaterObject => {
                "The request names a container that does not exist yet, such as a link to it. The broker \
                 judges each object that a request names, so it has to exist."
            }
            Self::ImageId => {
                "The broker creates a container from the id of its image, so `ContainerConfig.Image` of an \
                 image that was committed from it is the id, not the name."
            }
            Self::PortForm => {
                "The broker writes each port in one form, so `inspect` shows `8080/tcp` where the client \
                 wrote `8080`."
            }
            Self::EarlierTest => {
                "The test uses an image that an earlier test pulls, and the earlier test is denied."
            }
        }
    }

    /// Whether something may fail in this place for this reason. `default.cedar` denies things to ordinary
    /// users only.
    pub(crate) fn may_occur(self, place: Place) -> bool {
        match self {
            Self::RemovedKey => true,
            Self::FixedSocket
            | Self::CompressedArchive
            | Self::LaterObject
            | Self::ImageId
            | Self::PortForm => place != Place::Direct,
            Self::BuildKit
            | Self::BuildOption
            | Self::Danger(_)
            | Self::Administration
            | Self::RootsObject
            | Self::Quota
            | Self::Archive
            | Self::EarlierTest => place == Place::User,
        }
    }
}

impl Display for Reason {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RemovedKey => "no: client",
            Self::FixedSocket => "no: other socket",
            Self::BuildKit => "denied: BuildKit",
            Self::BuildOption => "denied: build option",
            Self::Danger(danger) => return write!(formatter, "denied: {}", danger.name()),
            Self::Administration => "denied: administration",
            Self::RootsObject => "denied: image of root",
            Self::Quota => "denied: quota",
            Self::Archive => "refused: archive",
            Self::CompressedArchive => "refused: compressed archive",
            Self::LaterObject => "refused: later object",
            Self::ImageId => "differs: image id",
            Self::PortForm => "differs: port",
            Self::EarlierTest => "no: earlier test",
        })
    }
}

/// The table that explains the cells.
fn table() -> String {
    let mut text = String::from("\n| cell | reason |\n|---|---|\n");
    for reason in Reason::NAMED {
        writeln!(text, "| {reason} | {} |", reason.explanation()).unwrap();
    }
    let danger = Reason::Danger(Danger::HostRoot).explanation();
    writeln!(
        text,
        "| denied: and [a danger](policies.md#dangers), such as `host-files` | {danger} |\n"
    )
    .unwrap();
    text
}

#[test]
fn the_document_explains_each_cell() {
    expect("reasons", &table());
}

#[test]
fn only_a_denial_of_access_to_the_host_is_a_reason() {
    let of = |error: &str| Reason::of(error).map(|reason| reason.to_string());
    let denial =
        "not allowed: privileged-container-create of image fedora, which asks for host-files (x)";
    assert_eq!(of(denial).as_deref(), Some("denied: host-files"));
    assert_eq!(of("not allowed: container-create, which asks for host-ports (x)"), None);
    assert_eq!(of("500 Server Error"), None);
}
