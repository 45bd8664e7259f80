//! What a docker command line asks for.
//!
//! Knows docker's own commands and options. What it finds is evidence, not enforcement: the same
//! can be asked for in other ways, through compose or the socket.

mod flags;
mod host_access;
mod mount;
mod secrets;

pub(crate) use host_access::host_access;
pub(crate) use secrets::redacted;

use flags::{Flags, Grammar};

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

/// A docker command whose options are known here, with its options.
struct Command<'a> {
    name: Name,
    flags: Flags<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    /// `docker run`, `docker create` and their long forms.
    Container,
    /// `docker exec`.
    Exec,
    /// `docker login`.
    Login,
    /// `docker build` and its long forms.
    Build,
}

impl<'a> Command<'a> {
    /// Reads the words, `docker` itself first. `None` for a command that is not known here.
    fn read(words: &'a [Vec<u8>]) -> Option<Self> {
        let global = Flags::read(words, 1, Grammar::Global);
        let word = words.get(global.end)?.as_slice();
        let (name, end) = match word {
            b"container" | b"image" | b"builder" | b"buildx" => {
                let management = Flags::read(words, global.end + 1, Grammar::Global);
                let (group, word) = (word, words.get(management.end)?.as_slice());
                (Name::read(group, word)?, management.end)
            }
            _ => (Name::read(b"", word)?, global.end),
        };
        let grammar = match name {
            Name::Container => Grammar::Container,
            Name::Exec => Grammar::Exec,
            Name::Login => Grammar::Login,
            Name::Build => Grammar::Build,
        };
        Some(Self { name, flags: Flags::read(words, end + 1, grammar) })
    }
}

impl Name {
    fn read(group: &[u8], command: &[u8]) -> Option<Self> {
        match (group, command) {
            (b"" | b"container", b"run" | b"create") => Some(Self::Container),
            (b"" | b"container", b"exec") => Some(Self::Exec),
            (b"", b"login") => Some(Self::Login),
            (b"" | b"image" | b"builder" | b"buildx", b"build") | (b"buildx", b"b") => {
                Some(Self::Build)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}
