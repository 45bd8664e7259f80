//! The kinds of objects that have an owner.

use std::str::FromStr;

/// A kind of object that has an owner, or that the broker filters by owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OwnedKind {
    Container,
    /// A process in a container.
    Exec,
    Image,
    /// A name of an image. Its id is the [`super::name_key`].
    ImageName,
    /// A name of an image that a pull has set, with the same id as an [`OwnedKind::ImageName`]. The next
    /// pull may replace it. Its owner is the caller who pulled. That caller has rights over the name only
    /// if the caller owns the [`OwnedKind::ImageName`] too.
    PulledName,
    Volume,
    Network,
    /// An ordinary caller who has added something to the cache of the classic builder.
    Builder,
    /// A build, or a cached step of one.
    Build,
    Plugin,
    Node,
    Service,
    Secret,
    Config,
    /// dockerd itself, which some events are about. It has no owner.
    Daemon,
}

/// The key in the table for this name of this image. `name` is in docker's spelling.
///
/// The owner of an image does not own all of its names. Root may have given a name to another person's
/// image, and root would run whatever image gets that name next. A person owns a name for as long as the
/// name refers to the same image.
pub(crate) fn name_key(name: &str, image_id: &str) -> String {
    format!("{name}@{image_id}")
}

/// What a recorded owner must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Nothing: the owner is in memory only. The object does not outlive dockerd, or exists only for
    /// moments.
    Memory,
    /// The end of the broker's process. After a power failure, the object's label names the owner, or
    /// root becomes the owner.
    Written,
    /// A power failure: the broker cannot set a label on the object.
    Synced,
}

impl OwnedKind {
    pub(super) const ALL: [Self; 15] = [
        Self::Container,
        Self::Exec,
        Self::Image,
        Self::ImageName,
        Self::PulledName,
        Self::Volume,
        Self::Network,
        Self::Builder,
        Self::Build,
        Self::Plugin,
        Self::Node,
        Self::Service,
        Self::Secret,
        Self::Config,
        Self::Daemon,
    ];

    /// The word for it in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Exec => "exec",
            Self::Image => "image",
            Self::ImageName => "image-name",
            Self::PulledName => "pulled-name",
            Self::Volume => "volume",
            Self::Network => "network",
            Self::Builder => "builder",
            Self::Build => "build",
            Self::Plugin => "plugin",
            Self::Node => "node",
            Self::Service => "service",
            Self::Secret => "secret",
            Self::Config => "config",
            Self::Daemon => "daemon",
        }
    }

    pub(super) const fn durability(self) -> Durability {
        match self {
            Self::Exec | Self::Build | Self::Daemon => Durability::Memory,
            Self::Image | Self::Plugin | Self::Builder => Durability::Synced,
            Self::Container
            | Self::ImageName
            | Self::PulledName
            | Self::Volume
            | Self::Network
            | Self::Node
            | Self::Service
            | Self::Secret
            | Self::Config => Durability::Written,
        }
    }
}

/// The word names no kind of object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kind of object has this name")]
pub(crate) struct NotAKind;

impl FromStr for OwnedKind {
    type Err = NotAKind;

    /// Reads what [`OwnedKind::name`] gives.
    fn from_str(text: &str) -> Result<Self, NotAKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(NotAKind)
    }
}
