//! The engine under test: the dockerd at docker's usual socket.
//!
//! `tests/engine.sh` puts an engine there. Engines differ in facts that tests pin, and docs/engines.md
//! lists the differences.

use crate::host::shell;

/// Where an engine keeps its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// In a graph driver, the default until docker 28.
    Overlay2,
    /// In containerd, the default from docker 29 on.
    Containerd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestedEngine {
    /// Docker 20.10, as in Debian 12.
    Docker20,
    /// Docker 28.
    Docker28(Store),
}

impl TestedEngine {
    /// Asks the engine what it is.
    pub(crate) fn asked() -> Self {
        let version = shell("docker version -f '{{.Server.Version}}'");
        let is_in_containerd =
            shell("docker info -f '{{.DriverStatus}}'").contains("io.containerd.");
        let store = if is_in_containerd { Store::Containerd } else { Store::Overlay2 };
        match version.split('.').next() {
            Some("20") => Self::Docker20,
            Some("28") => Self::Docker28(store),
            _ => panic!("the tests know docker 20.10 and 28, not {version}; see tests/engine.sh"),
        }
    }

    /// Its name for `tests/engine.sh`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker20 => "20",
            Self::Docker28(Store::Overlay2) => "28",
            Self::Docker28(Store::Containerd) => "28-containerd",
        }
    }

    /// Whether of two calls that set one image name, each succeeds.
    pub(crate) fn sets_names_at_once(self) -> bool {
        match self {
            Self::Docker20 | Self::Docker28(Store::Overlay2) => true,
            Self::Docker28(Store::Containerd) => false,
        }
    }

    /// How many lines `docker rmi` prints about an imported image that it deletes: the image, and its
    /// layer in a graph driver.
    pub(crate) fn lines_about_a_deleted_import(self) -> usize {
        match self {
            Self::Docker20 | Self::Docker28(Store::Overlay2) => 2,
            Self::Docker28(Store::Containerd) => 1,
        }
    }

    /// The size that `docker ps` shows for a container that wrote 2 bytes: a graph driver counts bytes,
    /// containerd blocks and directories.
    pub(crate) fn size_of_a_small_file(self) -> &'static str {
        match self {
            Self::Docker20 | Self::Docker28(Store::Overlay2) => "2B",
            Self::Docker28(Store::Containerd) => "12.3kB",
        }
    }
}
