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
}
