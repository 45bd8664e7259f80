//! The kinds of things that have an owner.

use std::str::FromStr;

/// What kind of thing it is that somebody made, or may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OwnedKind {
    Container,
    /// A process in a container.
    Exec,
    Image,
    /// A name of an image: see [`super::name_key`].
    ImageName,
    /// A name of an image that a pull has set, under the key of the name. Its owner is the caller who
    /// pulled, and has no say over the name.
    PulledName,
    Volume,
    Network,
    /// An ordinary caller who has put something into the cache of the classic builder.
    Builder,
    /// A build, or a step of one that is kept.
    Build,
    Plugin,
    Node,
    Service,
    Secret,
    Config,
    /// dockerd itself, of which events tell. Nobody makes it.
    Daemon,
}

/// How well an owner must be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// In memory: the thing does not outlive dockerd, or is there for moments.
    Memory,
    /// Over the end of the broker. When the machine loses power, the thing's label tells it, or it
    /// becomes root's.
    Written,
    /// Over a loss of power: the thing has no label that the broker could set.
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

    /// The word for it.
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

    pub(super) const fn keeping(self) -> Keeping {
        match self {
            Self::Exec | Self::Build | Self::Daemon => Keeping::Memory,
            Self::Image | Self::Plugin | Self::Builder => Keeping::Synced,
            Self::Container
            | Self::ImageName
            | Self::PulledName
            | Self::Volume
            | Self::Network
            | Self::Node
            | Self::Service
            | Self::Secret
            | Self::Config => Keeping::Written,
        }
    }
}

/// The word is that of no kind.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kind of thing has this name")]
pub(crate) struct NotAKind;

impl FromStr for OwnedKind {
    type Err = NotAKind;

    /// Reads what [`OwnedKind::name`] gives.
    fn from_str(text: &str) -> Result<Self, NotAKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(NotAKind)
    }
}
