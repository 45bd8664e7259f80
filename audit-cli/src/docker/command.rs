//! Which docker command the words are.
//!
//! This file knows the commands whose options matter for the trail, and skips all others. It judges no
//! option.

use super::flags::Flags;
use super::grammar::Grammar;

/// Whether the program is named `docker-compose`, in any directory.
pub(crate) fn is_compose(program: &[u8]) -> bool {
    program.rsplit(|byte| *byte == b'/').next() == Some(b"docker-compose")
}

/// A docker command whose options this room knows, with its options.
#[derive(Debug)]
pub(super) struct DockerCommand<'a> {
    pub(super) name: CommandName,
    pub(super) flags: Flags<'a>,
}

/// The commands, as far as their options differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandName {
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
    /// `docker buildx create`. Most drivers run BuildKit in a privileged container.
    Builder,
    /// `docker service create` and `update`.
    Service,
    /// `docker volume create`.
    Volume,
    /// `docker network create`.
    Network,
    /// `docker network connect`.
    Connection,
    /// Installs, changes or starts a plugin. The plugin runs as root, with the privileges it asks for.
    Plugin,
    /// Stops or removes a plugin. Plugins authorize requests and keep logs, so it may be missed.
    PluginRemoval,
    /// Changes the cluster. Its managers run programs on this host as root, and its tokens make other
    /// hosts managers.
    Cluster,
}

/// The commands that have subcommands.
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

/// Subcommands of buildx that come before `build`.
fn is_debugger(word: &[u8]) -> bool {
    matches!(word, b"debug" | b"dap")
}

impl<'a> DockerCommand<'a> {
    /// Reads the words; the first is `docker` itself. `None` for any other command.
    pub(super) fn read(words: &'a [Vec<u8>]) -> Option<Self> {
        Self::read_from(words, 1)
    }

    /// Reads the command that a completion is about. `None` for any other command.
    pub(super) fn read_completed(words: &'a [Vec<u8>]) -> Option<Self> {
        Self::read_from(words, 2)
    }

    /// Reads the words from this index on. The first word tells whether the program is compose.
    fn read_from(words: &'a [Vec<u8>], start: usize) -> Option<Self> {
        if is_compose(words.first()?) {
            return Self::read_compose(words, start);
        }
        let global = Flags::read(words, start, Grammar::Global);
        let word = words.get(global.end)?.as_slice();
        if word == b"compose" {
            return Self::read_compose(words, global.end + 1);
        }
        let (name, end) = if GROUPS.contains(&word) {
            let mut management = Flags::read(words, global.end + 1, Grammar::Global);
            // `docker buildx debug build`: the options after these words are those of `build`.
            while word == b"buildx" && is_debugger(words.get(management.end)?) {
                management = Flags::read(words, management.end + 1, Grammar::Global);
            }
            (CommandName::read(word, words.get(management.end)?)?, management.end)
        } else {
            (CommandName::read(b"", word)?, global.end)
        };
        Some(Self { name, flags: Flags::read(words, end + 1, name.grammar()) })
    }

    /// Reads the words of compose, from the word after its name.
    fn read_compose(words: &'a [Vec<u8>], start: usize) -> Option<Self> {
        let global = Flags::read(words, start, Grammar::Compose);
        let (name, grammar) = match words.get(global.end)?.as_slice() {
            b"run" => (CommandName::Container, Grammar::ComposeRun),
            b"exec" => (CommandName::Exec, Grammar::ComposeRun),
            b"commit" => (CommandName::Commit, Grammar::NewImage),
            _ => return None,
        };
        Some(Self { name, flags: Flags::read(words, global.end + 1, grammar) })
    }
}

impl CommandName {
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
