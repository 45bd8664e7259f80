//! What a docker command line asks for.
//!
//! Knows docker's own commands and options. What it finds is evidence, not enforcement: the same
//! can be asked for in other ways, through compose or the socket.

mod container;
mod fetch;
mod flags;
mod grammar;
mod host_access;
mod mount;
mod object;
mod secrets;

pub(crate) use host_access::host_access;
pub(crate) use secrets::redacted;

use flags::Flags;
use grammar::Grammar;

/// What the environment must say for docker to talk to the daemon at `host`, and in no other way:
/// each variable with its value, or none.
pub(crate) fn environment_for(host: &str) -> [(&'static str, Option<&str>); 7] {
    [
        ("DOCKER_HOST", Some(host)),
        ("DOCKER_CONTEXT", None),
        ("DOCKER_TLS", None),
        ("DOCKER_TLS_VERIFY", None),
        ("DOCKER_CERT_PATH", None),
        ("DOCKER_API_VERSION", None),
        ("DOCKER_CONFIG", None),
    ]
}

/// Whether the program's name, whatever its directory, is that of compose as a program of its own.
pub(crate) fn is_compose(program: &[u8]) -> bool {
    program.rsplit(|byte| *byte == b'/').next() == Some(b"docker-compose")
}

/// A docker command whose options are known here, with its options.
struct Command<'a> {
    name: Name,
    flags: Flags<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    /// `docker run`, `docker create` and their long forms, and `docker compose run`.
    Container,
    /// `docker exec` and `docker compose exec`.
    Exec,
    /// `docker update`.
    Update,
    /// `docker login`.
    Login,
    /// `docker build` and its long forms.
    Build,
    /// `docker commit`.
    Commit,
    /// `docker diff`.
    Diff,
    /// `docker top`.
    Top,
    /// `docker import`.
    Import,
    /// `docker buildx create`: most drivers run BuildKit in a privileged container.
    Builder,
    /// `docker service create` and `update`.
    Service,
    /// `docker volume create`.
    Volume,
    /// `docker network create`.
    Network,
    /// `docker network connect`.
    Connection,
    /// A plugin that is installed, changed or started: it runs as root, with what it asks for.
    Plugin,
    /// A plugin that is stopped or removed: one that decides on requests or keeps logs is missed.
    PluginRemoval,
    /// The cluster: its managers run programs here as root, and its tokens make managers.
    Cluster,
}

/// The commands that have commands of their own.
const GROUPS: &[&[u8]] = &[
    b"builder",
    b"buildx",
    b"container",
    b"image",
    b"network",
    b"node",
    b"plugin",
    b"service",
    b"swarm",
    b"volume",
];

/// Commands of buildx that stand before a build.
fn is_debugger(word: &[u8]) -> bool {
    matches!(word, b"debug" | b"dap")
}

impl<'a> Command<'a> {
    /// Reads the words, `docker` itself first. `None` for a command that is not known here.
    fn read(words: &'a [Vec<u8>]) -> Option<Self> {
        if is_compose(words.first()?) {
            return Self::read_compose(words, 1);
        }
        let global = Flags::read(words, 1, Grammar::Global);
        let word = words.get(global.end)?.as_slice();
        if word == b"compose" {
            return Self::read_compose(words, global.end + 1);
        }
        let (name, end) = if GROUPS.contains(&word) {
            let mut management = Flags::read(words, global.end + 1, Grammar::Global);
            // `docker buildx debug build`: the options behind these words are those of `build`.
            while word == b"buildx" && is_debugger(words.get(management.end)?) {
                management = Flags::read(words, management.end + 1, Grammar::Global);
            }
            (Name::read(word, words.get(management.end)?)?, management.end)
        } else {
            (Name::read(b"", word)?, global.end)
        };
        Some(Self { name, flags: Flags::read(words, end + 1, name.grammar()) })
    }

    /// Reads the words of compose that stand behind its name.
    fn read_compose(words: &'a [Vec<u8>], start: usize) -> Option<Self> {
        let global = Flags::read(words, start, Grammar::Compose);
        let (name, grammar) = match words.get(global.end)?.as_slice() {
            b"run" => (Name::Container, Grammar::ComposeRun),
            b"exec" => (Name::Exec, Grammar::ComposeRun),
            b"commit" => (Name::Commit, Grammar::NewImage),
            _ => return None,
        };
        Some(Self { name, flags: Flags::read(words, global.end + 1, grammar) })
    }
}

impl Name {
    fn read(group: &[u8], command: &[u8]) -> Option<Self> {
        match (group, command) {
            (b"" | b"container", b"run" | b"create") => Some(Self::Container),
            (b"" | b"container", b"exec") => Some(Self::Exec),
            (b"" | b"container", b"update") => Some(Self::Update),
            (b"" | b"container", b"commit") => Some(Self::Commit),
            (b"" | b"container", b"diff") => Some(Self::Diff),
            (b"" | b"container", b"top") => Some(Self::Top),
            (b"" | b"image", b"import") => Some(Self::Import),
            (b"", b"login") => Some(Self::Login),
            (b"" | b"image" | b"builder" | b"buildx", b"build")
            | (b"buildx", b"b" | b"bake" | b"f") => Some(Self::Build),
            (b"buildx", b"create") => Some(Self::Builder),
            (b"service", b"create" | b"update") => Some(Self::Service),
            (b"volume", b"create") => Some(Self::Volume),
            (b"network", b"create") => Some(Self::Network),
            (b"network", b"connect") => Some(Self::Connection),
            (b"plugin", b"install" | b"create" | b"enable" | b"upgrade" | b"set") => {
                Some(Self::Plugin)
            }
            (b"plugin", b"disable" | b"rm" | b"remove") => Some(Self::PluginRemoval),
            (b"swarm", _)
            | (b"node", b"update" | b"promote" | b"demote" | b"rm" | b"remove")
            | (b"service", b"rollback") => Some(Self::Cluster),
            _ => None,
        }
    }

    const fn grammar(self) -> Grammar {
        match self {
            Self::Container => Grammar::Container,
            Self::Exec => Grammar::Exec,
            Self::Update => Grammar::Update,
            Self::Login => Grammar::Login,
            Self::Build => Grammar::Build,
            Self::Commit | Self::Import => Grammar::NewImage,
            Self::Diff | Self::Top => Grammar::HelpOnly,
            Self::Builder => Grammar::Builder,
            Self::Service => Grammar::Service,
            Self::Volume
            | Self::Network
            | Self::Connection
            | Self::Plugin
            | Self::PluginRemoval
            | Self::Cluster => Grammar::Object,
        }
    }
}

#[cfg(test)]
fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}
