//! The clients, and the program that tries the operations of each.

use std::path::PathBuf;

use crate::kit::Kit;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    DockerOfHost,
    Docker28,
    Buildx,
    ComposeOne,
    ComposeTwo,
    DockerPy,
    Aiodocker,
    TestcontainersPython,
    Dockerode,
    TestcontainersNode,
    Bollard,
    Curl,
}

impl Client {
    pub(crate) const ALL: [Self; 12] = [
        Self::DockerOfHost,
        Self::Docker28,
        Self::Buildx,
        Self::ComposeOne,
        Self::ComposeTwo,
        Self::DockerPy,
        Self::Aiodocker,
        Self::TestcontainersPython,
        Self::Dockerode,
        Self::TestcontainersNode,
        Self::Bollard,
        Self::Curl,
    ];

    /// The name in the document.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DockerOfHost => "docker of the host",
            Self::Docker28 => "docker 28",
            Self::Buildx => "docker buildx",
            Self::ComposeOne => "compose 1",
            Self::ComposeTwo => "compose 2",
            Self::DockerPy => "docker-py",
            Self::Aiodocker => "aiodocker",
            Self::TestcontainersPython => "testcontainers for Python",
            Self::Dockerode => "dockerode",
            Self::TestcontainersNode => "testcontainers for Node",
            Self::Bollard => "bollard",
            Self::Curl => "curl",
        }
    }

    /// The command that tries the operations, without the prefix of names and the registry.
    pub(crate) fn program(self, kit: &Kit) -> Vec<PathBuf> {
        let script = |name| kit.program(name);
        match self {
            Self::DockerOfHost | Self::Docker28 => vec![script("docker.sh")],
            Self::Buildx => vec![script("buildx.sh")],
            Self::ComposeOne | Self::ComposeTwo => vec![script("compose.sh")],
            Self::DockerPy => vec![kit.python(), script("docker_py.py")],
            Self::Aiodocker => vec![kit.python(), script("aiodocker_operations.py")],
            Self::TestcontainersPython => {
                vec![kit.python(), script("testcontainers_operations.py")]
            }
            Self::Dockerode => vec!["node".into(), script("dockerode.js")],
            Self::TestcontainersNode => vec!["node".into(), script("testcontainers.js")],
            Self::Bollard => vec![kit.bollard()],
            Self::Curl => vec![script("curl.sh")],
        }
    }

    /// The arguments of the program after the prefix of names and the registry.
    pub(crate) fn last_argument(self, kit: &Kit) -> Option<PathBuf> {
        match self {
            Self::ComposeOne => Some("/usr/bin/docker-compose".into()),
            Self::ComposeTwo => Some(kit.plugins().join("docker-compose")),
            Self::DockerOfHost
            | Self::Docker28
            | Self::Buildx
            | Self::DockerPy
            | Self::Aiodocker
            | Self::TestcontainersPython
            | Self::Dockerode
            | Self::TestcontainersNode
            | Self::Bollard
            | Self::Curl => None,
        }
    }

    /// The directory of the docker command line that comes first in PATH.
    pub(crate) fn docker(self, kit: &Kit) -> PathBuf {
        match self {
            Self::Docker28 | Self::Buildx | Self::ComposeTwo => kit.docker28(),
            Self::DockerOfHost
            | Self::ComposeOne
            | Self::DockerPy
            | Self::Aiodocker
            | Self::TestcontainersPython
            | Self::Dockerode
            | Self::TestcontainersNode
            | Self::Bollard
            | Self::Curl => "/usr/bin".into(),
        }
    }
}
